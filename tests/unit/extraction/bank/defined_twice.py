# %% [markdown]
# # A function defined twice: the first version is used before the second one is there
# label: y

# %%
import pandas as pd
from sklearn.linear_model import LinearRegression

# %% tags=["nbprod:data"]
df = pd.DataFrame({"x": range(20), "y": range(20)})

# %% tags=["nbprod:split"]
train, test = df[:15], df[15:]

# %% tags=["nbprod:features"]
def scale(rows):
    return rows[["x"]] / 10


X_train = scale(train)
X_test = scale(test)

# %% tags=["nbprod:features"]
def scale(rows):
    return rows[["x"]] / 100


X_train = scale(train)
X_test = scale(test)

# %% tags=["nbprod:train"]
model = LinearRegression().fit(X_train, train["y"])

# %% tags=["nbprod:predict"]
pred = model.predict(X_test)
