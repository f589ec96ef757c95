# %% [markdown]
# # A data cell that chooses rows after features are made: by raw columns
# label: y

# %%
import pandas as pd
from sklearn.linear_model import LinearRegression

# %% tags=["nbprod:data"]
df = pd.DataFrame({"x": range(1, 31), "z": [i % 3 for i in range(30)], "y": range(30)})

# %% tags=["nbprod:features"]
df["half"] = df["x"] / 2
df["kind"] = df["z"].map({0: "a", 1: "b", 2: "c"})

# %% tags=["nbprod:data"]
kept = df[(df["y"] - df["y"].mean()).abs() <= 1.5 * df["y"].std()]

# %% tags=["nbprod:split"]
train, test = kept[:18], kept[18:]

# %% tags=["nbprod:features"]
X_train, X_test = train[["x", "half"]], test[["x", "half"]]

# %% tags=["nbprod:train"]
model = LinearRegression().fit(X_train, train["y"])

# %% tags=["nbprod:predict"]
pred = pd.DataFrame({"y": model.predict(X_test)}, index=X_test.index)

# %%
expected = {"features": X_train, "holdout_features": X_test, "predictions": pred}
