# %% [markdown]
# # An encoder made anew for each column, of which the notebook keeps none
# label: target

# %%
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import LabelEncoder

# %% tags=["nbprod:data"]
rng = np.random.default_rng(31)
df = pd.DataFrame({"a": rng.choice(list("xyz"), 50), "b": rng.choice(list("uv"), 50)})
df["target"] = rng.integers(0, 2, 50)

# %% tags=["nbprod:split"]
train, test = df[:35].copy(), df[35:].copy()

# %% tags=["nbprod:features"]
for col in ["a", "b"]:
    le = LabelEncoder()
    train[col] = le.fit_transform(train[col])
    test[col] = le.transform(test[col])

# %% tags=["nbprod:train"]
model = LogisticRegression().fit(train[["a", "b"]], train["target"])

# %% tags=["nbprod:predict"]
pred = model.predict(test[["a", "b"]])

# %%
expected = {
    "features": train,
    "holdout_features": test.drop(columns="target"),
    "predictions": pd.DataFrame({"target": pred}, index=test.index),
}
