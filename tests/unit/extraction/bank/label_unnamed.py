# %% [markdown]
# # The label as what is left when every other column is dropped
# label: y

# %%
import pandas as pd
from sklearn.linear_model import LinearRegression

# %% tags=["nbprod:data"]
df = pd.DataFrame({"x": range(1, 31), "z": [i % 3 for i in range(30)], "y": range(30)})

# %% tags=["nbprod:split"]
train, test = df[:20], df[20:]

# %% tags=["nbprod:features"]
X_train, X_test = train[["x", "z"]], test[["x", "z"]]

# %% tags=["nbprod:train"]
y_train = train.drop(columns=["x", "z"]).values.ravel()
model = LinearRegression().fit(X_train, y_train)

# %% tags=["nbprod:predict"]
pred = model.predict(X_test)
