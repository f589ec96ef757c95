# %% [markdown]
# # Rows chosen by folds of X and y; nulls filled with whatever the rows' own mean is
# label: outcome

# %%
import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import StratifiedKFold

# %% tags=["nbprod:data"]
rng = np.random.default_rng(82)
df = pd.DataFrame({"glucose": rng.normal(100, 20, 80).round(), "bmi": rng.normal(30, 5, 80)})
df["outcome"] = rng.integers(0, 2, 80)

# %% tags=["nbprod:features"]
df["glucose"] = df["glucose"].fillna(df["glucose"].median())
df["bmi"] = df["bmi"] - df["bmi"].quantile(0.5) * 0

# %% tags=["nbprod:split"]
X = df.drop("outcome", axis=1)
y = df["outcome"]
folds = StratifiedKFold(n_splits=4)
for train_index, test_index in folds.split(X, y):
    print("rows", len(train_index), len(test_index))
    X_train, X_test = X.iloc[train_index], X.iloc[test_index]
    y_train, y_test = y.iloc[train_index], y.iloc[test_index]

# %% tags=["nbprod:train"]
forest = RandomForestClassifier(n_estimators=5, random_state=0)
forest.fit(X_train, y_train)

# %% tags=["nbprod:predict"]
answers = []
for row in forest.predict_proba(X_test):
    answers.append(int(row[1] > 0.5))

# %%
expected = {
    "features": X_train,
    "holdout_features": X_test,
    "predictions": pd.DataFrame({"outcome": answers}, index=X_test.index),
}
