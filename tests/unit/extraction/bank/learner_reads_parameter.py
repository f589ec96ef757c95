# %% [markdown]
# # A learner of the notebook's own whose methods read a parameter
# label: y

# %%
import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression

# %% tags=["nbprod:data"]
df = pd.DataFrame({"x": np.arange(30) ** 2 % 17, "z": np.arange(30) % 3, "y": np.arange(30) % 7})

# %% tags=["parameters"]
k = 3

# %% tags=["nbprod:split"]
train, test = df[10:], df[:10]

# %% tags=["nbprod:lib"]
class Scaler:
    def fit(self, rows):
        self.m = rows["x"].mean() / k
        return self

    def transform(self, rows):
        return rows[["x"]] - self.m * k

# %% tags=["nbprod:fit"]
s = Scaler().fit(train)

# %% tags=["nbprod:features"]
X_train, X_test = s.transform(train), s.transform(test)

# %% tags=["nbprod:train"]
model = LinearRegression().fit(X_train, train["y"])

# %% tags=["nbprod:predict"]
pred = pd.DataFrame({"y": model.predict(X_test)}, index=X_test.index)

# %%
expected = {"features": X_train, "holdout_features": X_test, "predictions": pred}
