# %% [markdown]
# # A threshold that a train cell chooses beside the model
# label: y

# %%
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import train_test_split

# %% tags=["nbprod:data"]
df = pd.DataFrame({"a": np.arange(80) % 9, "b": np.arange(80) % 4, "y": np.arange(80) % 3 // 2})

# %% tags=["nbprod:split"]
X = df[["a", "b"]].fillna(0)
y = df["y"]
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=2)

# %% tags=["nbprod:train"]
X_tr, X_val, y_tr, y_val = train_test_split(X_train, y_train, random_state=5)
model = LogisticRegression()
model.fit(X_tr, y_tr)
scores = model.predict_proba(X_val)[:, 1]
grid = np.linspace(0.1, 0.9, 9)
best = grid[np.argmax([f1_score(y_val, scores > t, zero_division=0) for t in grid])]

# %% tags=["nbprod:predict"]
y_pred = (model.predict_proba(X_test)[:, 1] > best).astype(int)

# %%
expected = {
    "features": X_train,
    "holdout_features": X_test,
    "predictions": pd.DataFrame({"y": y_pred}, index=X_test.index),
}
