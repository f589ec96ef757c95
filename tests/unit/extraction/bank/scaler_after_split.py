# %% [markdown]
# # Credit: the split in the middle, a scaler fitted on the training part only
# label: default

# %%
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

# %% tags=["nbprod:data"]
rng = np.random.default_rng(1)
n = 150
df = pd.DataFrame({
    "income": rng.gamma(3, 15000, n).round(),
    "debt": rng.gamma(2, 4000, n).round(),
    "age": rng.integers(20, 70, n),
    "late_payments": rng.poisson(0.7, n),
})
df["default"] = (rng.random(n) < 0.3).astype(int)

# %% tags=["nbprod:features"]
X = df.drop("default", axis=1)
y = df["default"]
X["debt_ratio"] = X["debt"] / X["income"]

# %% tags=["nbprod:split"]
X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=0.2, random_state=7, stratify=y
)

# %% tags=["nbprod:fit"]
scaler = StandardScaler()
scaler.fit(X_train)

# %% tags=["nbprod:features"]
X_train_scaled = scaler.transform(X_train)
X_test_scaled = scaler.transform(X_test)

# %% tags=["nbprod:train"]
clf = LogisticRegression(max_iter=500)
clf.fit(X_train_scaled, y_train)

# %% tags=["nbprod:predict"]
probabilities = clf.predict_proba(X_test_scaled)[:, 1]
print("AUC", roc_auc_score(y_test, probabilities))

# %%
expected = {
    "features": pd.DataFrame(X_train_scaled, columns=X_train.columns, index=X_train.index),
    "predictions": pd.DataFrame({"default": probabilities}, index=X_test.index),
}
