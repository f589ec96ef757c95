# %% [markdown]
# # A transformer without __init__ whose methods read a learned value and a parameter
# label: y

# %%
import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LinearRegression

# %% tags=["parameters"]
power = 2
shift = 0.5

# %% tags=["nbprod:data"]
df = pd.DataFrame({"x": range(20), "z": np.arange(20) % 3, "y": range(20)})

# %% tags=["nbprod:split"]
train, test = df[:15], df[15:]

# %% tags=["nbprod:fit"]
mean = train["x"].mean()

# %% tags=["nbprod:features"]
class Centre(BaseEstimator, TransformerMixin):
    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return (X - mean) ** power


X_train = Centre().transform(train[["x"]])
X_test = Centre().transform(test[["x"]])

# %% tags=["nbprod:train"]
model = LinearRegression().fit(X_train, train["y"])

# %% tags=["nbprod:predict"]
pred = pd.DataFrame({"y": model.predict(X_test)}, index=X_test.index)

# %%
expected = {"features": X_train, "holdout_features": X_test, "predictions": pred}
