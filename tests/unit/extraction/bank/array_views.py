# %% [markdown]
# # Parts of an array are the array's own memory: a change of the part changes the whole
# label: y

# %%
import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression

# %% tags=["nbprod:data"]
rng = np.random.default_rng(51)
df = pd.DataFrame(rng.normal(size=(40, 3)), columns=["a", "b", "c"])
df["y"] = df["a"] + df["b"]

# %% tags=["nbprod:split"]
train, test = df[:30], df[30:]

# %% tags=["nbprod:features"]
def matrix(rows):
    values = rows[["a", "b", "c"]].to_numpy(copy=True)
    column = values[:, 1]
    column[column < 0] = 0
    return values


train_matrix = matrix(train)
test_matrix = matrix(test)
last_train = train_matrix[:, -1]
last_test = test_matrix[:, -1]
last_train *= 10
last_test *= 10
X_train = pd.DataFrame(train_matrix, columns=["a", "b", "c"], index=train.index)
X_test = pd.DataFrame(test_matrix, columns=["a", "b", "c"], index=test.index)

# %% tags=["nbprod:train"]
model = LinearRegression().fit(X_train, train["y"])

# %% tags=["nbprod:predict"]
pred = model.predict(X_test)

# %%
expected = {
    "features": X_train,
    "holdout_features": X_test,
    "predictions": pd.DataFrame({"y": pred}, index=X_test.index),
}
