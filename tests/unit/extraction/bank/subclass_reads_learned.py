# %% [markdown]
# # A class that others are made of, whose methods read what was learned
# label: y

# %%
import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression

# %% tags=["nbprod:data"]
df = pd.DataFrame({"x": np.arange(30) ** 2 % 17, "z": np.arange(30) % 3, "y": np.arange(30) % 7})

# %% tags=["nbprod:split"]
train, test = df[10:], df[:10]

# %% tags=["nbprod:fit"]
m = train["x"].mean()

# %% tags=["nbprod:lib"]
class Base:
    def of(self, rows):
        return rows[["x"]] - m


class Twice(Base):
    def of(self, rows):
        return super().of(rows) * 2

# %% tags=["nbprod:features"]
X_train, X_test = Twice().of(train), Twice().of(test)

# %% tags=["nbprod:train"]
model = LinearRegression().fit(X_train, train["y"])

# %% tags=["nbprod:predict"]
pred = pd.DataFrame({"y": model.predict(X_test)}, index=X_test.index)

# %%
expected = {"features": X_train, "holdout_features": X_test, "predictions": pred}
