# %% [markdown]
# # A star import of what is not installed here: nobody can say which names a module needs
# label: y

# %%
from no_such_package import *

import pandas as pd
from sklearn.linear_model import LinearRegression

# %% tags=["nbprod:data"]
df = pd.DataFrame({"x": range(1, 21), "y": range(20)})

# %% tags=["nbprod:features"]
X = df["x"].map(lambda v: squash(v)).to_frame()

# %% tags=["nbprod:train"]
model = LinearRegression().fit(X, df["y"])

# %% tags=["nbprod:predict"]
pred = model.predict(X)
