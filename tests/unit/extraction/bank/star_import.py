# %% [markdown]
# # from math import *: each name that is used is imported by its name, Python's own pow aside
# label: y

# %%
from math import *

import pandas as pd
from sklearn.linear_model import *

# %% tags=["nbprod:data"]
df = pd.DataFrame({"x": range(1, 21), "y": range(20)})

# %% tags=["nbprod:split"]
train, test = df[:15], df[15:]

# %% tags=["nbprod:features"]
def curve(v):
    e = 2
    return log(v + pi) + pow(v, 0.5) * e


X_train = train["x"].map(curve).to_frame()
X_test = test["x"].map(curve).to_frame()

# %% tags=["nbprod:train"]
model = LinearRegression().fit(X_train, train["y"])

# %% tags=["nbprod:predict"]
pred = pd.DataFrame({"y": model.predict(X_test)}, index=X_test.index)

# %%
expected = {"features": X_train, "holdout_features": X_test, "predictions": pred}
