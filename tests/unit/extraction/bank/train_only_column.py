# %% [markdown]
# # A column that only the training rows get
# label: y

# %%
import pandas as pd
from sklearn.linear_model import LinearRegression

# %% tags=["nbprod:data"]
df = pd.DataFrame({"x": range(1, 31), "z": [i % 3 for i in range(30)], "y": range(30)})

# %% tags=["nbprod:split"]
train, test = df[:20], df[20:]

# %% tags=["nbprod:features"]
train, test = train.copy(), test.copy()
train["half"] = train["x"] / 2

# %% tags=["nbprod:train"]
model = LinearRegression().fit(train[["x", "z"]], train["y"])

# %% tags=["nbprod:predict"]
pred = model.predict(test[["x", "z"]])
