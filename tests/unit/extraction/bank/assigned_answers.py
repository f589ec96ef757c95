# %% [markdown]
# # Answers assigned to the held-out rows, which the features do not hold
# label: y

# %%
import pandas as pd
from sklearn.linear_model import LinearRegression

# %% tags=["nbprod:data"]
df = pd.DataFrame({"x": range(1, 31), "z": [i % 3 for i in range(30)], "y": range(30)})

# %% tags=["nbprod:split"]
train, test = df[:20], df[20:]

# %% tags=["nbprod:features"]
X_train = train[["x", "z"]] ** 2
X_test = test[["x", "z"]] ** 2

# %% tags=["nbprod:train"]
model = LinearRegression().fit(X_train, train["y"])

# %% tags=["nbprod:predict"]
test = test.assign(y_hat=model.predict(X_test))
print((test["y_hat"] - test["y"]).abs().mean())

# %%
expected = {"features": X_train, "predictions": test[["y_hat"]].rename(columns={"y_hat": "y"})}
