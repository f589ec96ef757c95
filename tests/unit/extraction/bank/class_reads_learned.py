# %% [markdown]
# # A class whose methods read what a fit cell learned: it takes that in __init__
# label: y

# %%
import numpy as np
import pandas as pd
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
class Centered:
    """Of a column."""

    def __init__(self, column):
        self.column = column

    def of(self, rows):
        return (rows[self.column] - mean).to_frame()


X_train = Centered("x").of(train)
X_test = Centered("x").of(test)

# %% tags=["nbprod:train"]
model = LinearRegression().fit(X_train, train["y"])

# %% tags=["nbprod:predict"]
pred = pd.DataFrame({"y": model.predict(X_test)}, index=X_test.index)

# %%
expected = {"features": X_train, "holdout_features": X_test, "predictions": pred}
