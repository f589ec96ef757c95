# %% [markdown]
# # A seed set in an untagged cell, and draws that depend on it: said, because the module draws others
# label: y

# %%
import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import train_test_split

np.random.seed(3)

# %% tags=["nbprod:data"]
df = pd.DataFrame({"a": np.arange(40) % 7, "y": np.arange(40) % 3})

# %% tags=["nbprod:split"]
train, test = train_test_split(df)
train = train.sort_index()

# %% tags=["nbprod:features"]
X_train = train[["a"]] ** 2
X_test = test[["a"]] ** 2

# %% tags=["nbprod:train"]
model = LinearRegression().fit(X_train, train["y"])

# %% tags=["nbprod:predict"]
pred = model.predict(X_test)

# %%
expected = {"frame": df}
