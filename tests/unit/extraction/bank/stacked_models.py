# %% [markdown]
# # Models whose answers another one learns from, in one object
# label: y

# %%
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict, train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier

# %% tags=["nbprod:data"]
df = pd.DataFrame({"a": np.arange(90) % 7, "b": np.arange(90) % 4, "y": np.arange(90) % 5 // 3})

# %% tags=["nbprod:split"]
X, y = df[["a", "b"]], df["y"]
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=2)

# %% tags=["nbprod:train"]
base = {"tree": DecisionTreeClassifier(max_depth=3, random_state=0), "bayes": GaussianNB()}
out_of_fold = pd.DataFrame(index=X_train.index)
for name, model in base.items():
    answers = cross_val_predict(model, X_train, y_train, cv=3, method="predict_proba")
    out_of_fold[name] = answers[:, 1]
    model.fit(X_train, y_train)
meta = LogisticRegression().fit(out_of_fold, y_train)
stack = {"base": base, "meta": meta}

# %% tags=["nbprod:predict"]
level = pd.DataFrame({name: m.predict_proba(X_test)[:, 1] for name, m in stack["base"].items()})
final = stack["meta"].predict_proba(level)[:, 1]

# %%
expected = {
    "features": X_train,
    "holdout_features": X_test,
    "predictions": pd.DataFrame({"y": final}, index=X_test.index),
}
