# %% [markdown]
# # A function that assigns a global name
# label: y

# %%
import pandas as pd
from sklearn.linear_model import LinearRegression

# %% tags=["nbprod:data"]
df = pd.DataFrame({"x": range(20), "y": range(20)})

# %% tags=["nbprod:split"]
train, test = df[:15], df[15:]

# %% tags=["nbprod:fit"]
largest = 0


def learn(rows):
    global largest
    largest = max(largest, rows["x"].max())


learn(train)

# %% tags=["nbprod:features"]
X_train = train[["x"]] / largest
X_test = test[["x"]] / largest

# %% tags=["nbprod:train"]
model = LinearRegression().fit(X_train, train["y"])

# %% tags=["nbprod:predict"]
pred = model.predict(X_test)
