# %% [markdown]
# # A name that only an untagged cell assigns
# label: y

# %%
import pandas as pd
from sklearn.linear_model import LinearRegression

# %% tags=["nbprod:data"]
df = pd.DataFrame({"x": range(20), "y": range(20)})

# %% tags=["nbprod:split"]
train, test = df[:15], df[15:]

# %%
factor = train["x"].max()

# %% tags=["nbprod:features"]
X_train = train[["x"]] / factor
X_test = test[["x"]] / factor

# %% tags=["nbprod:train"]
model = LinearRegression().fit(X_train, train["y"])

# %% tags=["nbprod:predict"]
pred = model.predict(X_test)
