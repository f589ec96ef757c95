# %% [markdown]
# # from math import *: nobody can say which names a module needs
# label: y

# %%
from math import *

import pandas as pd
from sklearn.linear_model import LinearRegression

# %% tags=["nbprod:data"]
df = pd.DataFrame({"x": range(1, 21), "y": range(20)})

# %% tags=["nbprod:split"]
train, test = df[:15], df[15:]

# %% tags=["nbprod:features"]
X_train = train["x"].map(lambda v: log(v + pi)).to_frame()
X_test = test["x"].map(lambda v: log(v + pi)).to_frame()

# %% tags=["nbprod:train"]
model = LinearRegression().fit(X_train, train["y"])

# %% tags=["nbprod:predict"]
pred = model.predict(X_test)
