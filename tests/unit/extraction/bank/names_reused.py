# %% [markdown]
# # The same names for other things: x in data and in training, tmp everywhere, a loop variable left over
# label: y

# %%
import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression

# %% tags=["nbprod:data"]
x = np.linspace(0, 10, 60)
tmp = np.sin(x)
df = pd.DataFrame({"x": x, "s": tmp, "y": x * 2 + tmp})
i = 7

# %% tags=["nbprod:split"]
tmp = len(df) * 2 // 3
train, test = df[:tmp], df[tmp:]

# %% tags=["nbprod:fit"]
tmp = train["x"].mean()
center = tmp
tmp = train["s"].abs().max()
width = tmp
for i in [1, 2, 3]:
    last = train["x"].quantile(i / 10)

# %% tags=["nbprod:features"]
tmp = train.copy()
tmp["x"] = tmp["x"] - center
tmp["s"] = tmp["s"] / width
tmp["i"] = i + last
X_train = tmp[["x", "s", "i"]]
tmp = test.copy()
tmp["x"] = tmp["x"] - center
tmp["s"] = tmp["s"] / width
tmp["i"] = i + last
X_test = tmp[["x", "s", "i"]]

# %% tags=["nbprod:train"]
x, y = X_train, train["y"]
tmp = LinearRegression()
tmp.fit(x, y)
model = tmp

# %% tags=["nbprod:predict"]
x = X_test
predictions = pd.DataFrame({"y": model.predict(x)}, index=x.index)

# %%
expected = {"features": X_train, "holdout_features": X_test, "predictions": predictions}
