# %% [markdown]
# # Each frame is filled with its own mean
# label: y

# %%
import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression

# %% tags=["nbprod:data"]
df = pd.DataFrame({"x": np.arange(24) * 1.5, "hour": np.arange(24) % 4, "area": list("abc") * 8, "y": np.arange(24) * 2.0})
df.loc[3, "x"] = np.nan

# %% tags=["nbprod:split"]
train, test = df[:16].copy(), df[16:].copy()

# %% tags=["nbprod:features"]
for rows in [train, test]:
    centre = rows["x"].mean()
    rows["x"] = rows["x"].fillna(centre)
    rows["late"] = 1 * (rows["hour"] > 2)
X_train = train[["x", "late"]]
X_test = test[["x", "late"]]

# %% tags=["nbprod:train"]
model = LinearRegression().fit(X_train, train["y"])

# %% tags=["nbprod:predict"]
pred = pd.DataFrame({"y": model.predict(X_test)}, index=X_test.index)

# %%
expected = {"features": X_train, "holdout_features": X_test, "predictions": pred}
