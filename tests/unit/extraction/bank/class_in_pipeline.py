# %% [markdown]
# # A step of the model's own pipeline whose methods read a parameter
# label: y

# %%
import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline

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
X_train = train[["x", "z"]]
X_test = test[["x", "z"]]

# %% tags=["nbprod:train"]
class Raise(BaseEstimator, TransformerMixin):
    def __init__(self, by=1):
        self.by = by

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X ** power + self.by


model = make_pipeline(Raise(2), LinearRegression()).fit(X_train, train["y"])

# %% tags=["nbprod:predict"]
pred = pd.DataFrame({"y": model.predict(X_test)}, index=X_test.index)

# %%
expected = {"features": X_train, "holdout_features": X_test, "predictions": pred}
