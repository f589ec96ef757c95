# %% [markdown]
# # Many models tried in a loop, the best one kept; scores printed on the way
# label: target

# %%
import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, confusion_matrix
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.tree import DecisionTreeClassifier

# %% tags=["nbprod:data"]
rng = np.random.default_rng(41)
heart = pd.DataFrame({
    "age": rng.integers(30, 75, 120),
    "chol": rng.normal(240, 40, 120).round(),
    "thalach": rng.normal(150, 20, 120).round(),
})
heart["target"] = (heart["age"] + rng.normal(0, 8, 120) > 52).astype(int)

# %% tags=["nbprod:features"]
y = heart.target.values
x_data = heart.drop(["target"], axis=1)

# %% tags=["nbprod:split"]
x_train, x_test, y_train, y_test = train_test_split(x_data, y, test_size=0.2, random_state=0)

# %% tags=["nbprod:train"]
accuracies = {}
models = {
    "lr": LogisticRegression(max_iter=1000),
    "tree": DecisionTreeClassifier(max_depth=2, random_state=0),
}
for name, estimator in models.items():
    scores = cross_val_score(estimator, x_train, y_train, cv=3)
    accuracies[name] = scores.mean()
    print(f"{name}: {accuracies[name]:.3f}")

# %% tags=["nbprod:train"]
param_grid = {"n_estimators": [5, 10], "max_depth": [2, 3]}
grid = GridSearchCV(RandomForestClassifier(random_state=0), param_grid, cv=2)
grid.fit(x_train, y_train)
print("best", grid.best_params_)

# %% tags=["nbprod:train"]
best = max(accuracies, key=accuracies.get)
clf = models[best] if accuracies[best] > grid.best_score_ else grid.best_estimator_
clf.fit(x_train, y_train)
print("test accuracy", accuracy_score(y_test, clf.predict(x_test)))

# %% tags=["nbprod:predict"]
y_head = clf.predict(x_test)
cm = confusion_matrix(y_test, y_head)

# %%
expected = {
    "features": x_train,
    "holdout_features": x_test,
    "predictions": pd.DataFrame({"target": y_head}, index=x_test.index),
}
