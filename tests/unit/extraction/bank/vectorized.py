# %% [markdown]
# # A decorated helper of a lib cell that reads what a later fit cell learns
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

# %% tags=["nbprod:lib"]
@np.vectorize
def far(value, z):
    return z if value > mean else shift


# %% tags=["nbprod:features"]
X_train = pd.DataFrame({"far": far(train["x"], train["z"])}, index=train.index)
X_test = pd.DataFrame({"far": far(test["x"], test["z"])}, index=test.index)

# %% tags=["nbprod:train"]
model = LinearRegression().fit(X_train, train["y"])

# %% tags=["nbprod:predict"]
pred = pd.DataFrame({"y": model.predict(X_test)}, index=X_test.index)

# %%
expected = {"features": X_train, "holdout_features": X_test, "predictions": pred}
