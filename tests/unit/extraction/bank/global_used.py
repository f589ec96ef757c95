# %% [markdown]
# # A function that assigns a global name, and whose result is used
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
calls = 0


def learn(rows):
    global calls
    calls = calls + 1
    return rows["x"].max()


largest = learn(train)

# %% tags=["nbprod:features"]
X_train = train[["x"]] / largest
X_test = test[["x"]] / largest

# %% tags=["nbprod:train"]
model = LinearRegression().fit(X_train, train["y"])

# %% tags=["nbprod:predict"]
pred = pd.DataFrame({"y": model.predict(X_test)}, index=X_test.index)

# %%
expected = {"features": X_train, "holdout_features": X_test, "predictions": pred}
