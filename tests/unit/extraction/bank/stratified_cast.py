# %% [markdown]
# # A late split, stratified by the label as another type
# label: y

# %%
from sklearn.model_selection import train_test_split
import pandas as pd
from sklearn.linear_model import LinearRegression

# %% tags=["nbprod:data"]
df = pd.DataFrame({"x": range(1, 31), "z": [i % 3 for i in range(30)], "y": range(30)})

# %% tags=["nbprod:features"]
X = df[["x", "z"]]
y = (df["y"] > 14).astype(int)

# %% tags=["nbprod:split"]
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0, stratify=y)

# %% tags=["nbprod:train"]
model = LinearRegression().fit(X_train, y_train)

# %% tags=["nbprod:predict"]
pred = pd.DataFrame({"y": model.predict(X_test)}, index=X_test.index)

# %%
expected = {"features": X_train, "holdout_features": X_test, "predictions": pred}
