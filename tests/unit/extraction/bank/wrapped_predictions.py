# %% [markdown]
# # A frame of predictions that goes through functions of the notebook
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

# %% tags=["nbprod:features"]
X_train = train[["x"]]
X_test = test[["x"]]

# %% tags=["nbprod:train"]
model = LinearRegression().fit(X_train, train["y"])

# %% tags=["nbprod:predict"]
def rounded(frame):
    return frame.round(1)


def clipped(frame, most=30):
    out = frame.clip(upper=most)
    return out


pred = clipped(rounded(pd.DataFrame({"y": model.predict(X_test)}, index=X_test.index)))

# %%
expected = {"features": X_train, "holdout_features": X_test, "predictions": pred}
