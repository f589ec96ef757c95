# %% [markdown]
# # Train and test put together, features of both at once, and taken apart again
# label: target

# %%
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

# %% tags=["nbprod:data"]
rng = np.random.default_rng(30)
train = pd.DataFrame({"kind": rng.choice(["a", "b"], 40), "x": rng.normal(size=40)})
train["target"] = rng.integers(0, 2, 40)
test = pd.DataFrame({"kind": rng.choice(["a", "b"], 20), "x": rng.normal(size=20)})

# %% tags=["nbprod:features"]
ntrain = train.shape[0]
all_data = pd.concat([train.drop("target", axis=1), test]).reset_index(drop=True)
all_data["x"] = all_data["x"].fillna(all_data["x"].mean())
all_data = pd.get_dummies(all_data, dtype=int)

# %% tags=["nbprod:features"]
X_train = all_data[:ntrain]
X_test = all_data[ntrain:]

# %% tags=["nbprod:train"]
model = LogisticRegression().fit(X_train, train["target"])

# %% tags=["nbprod:predict"]
pred = model.predict(X_test)

# %%
expected = {
    "rows": test,
    "features": X_train,
    "predictions": pd.DataFrame({"target": pred}),
}
