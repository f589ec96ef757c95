# %% [markdown]
# # A cached function that reads what was learned: it stands within transform()
# label: y

# %%
import functools
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
@functools.lru_cache(maxsize=None)
def centred(value):
    # around the mean
    return value - mean


def features(rows):
    return rows["x"].map(centred).to_frame()


X_train = features(train)
X_test = features(test)

# %% tags=["nbprod:train"]
model = LinearRegression().fit(X_train, train["y"])

# %% tags=["nbprod:predict"]
pred = pd.DataFrame({"y": model.predict(X_test)}, index=X_test.index)

# %%
expected = {"features": X_train, "holdout_features": X_test, "predictions": pred}
