# %% [markdown]
# # A ColumnTransformer in a Pipeline: the model does it all
# label: churned

# %%
import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

# %% tags=["nbprod:data"]
rng = np.random.default_rng(7)
n = 110
data = pd.DataFrame({
    "plan": rng.choice(["basic", "plus", "pro"], n),
    "region": rng.choice(["north", "south"], n),
    "minutes": rng.normal(300, 90, n).round(1),
    "messages": rng.poisson(40, n),
    "churned": rng.integers(0, 2, n),
})
data.loc[data.index % 7 == 0, "minutes"] = np.nan

# %% tags=["nbprod:features"]
target = "churned"
X = data.drop(target, axis=1)
y = data[target]

# %% tags=["nbprod:split"]
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=42)

# %% tags=["nbprod:train"]
numeric_features = ["minutes", "messages"]
categorical_features = ["plan", "region"]

numeric_transformer = Pipeline(steps=[
    ("imputer", SimpleImputer(strategy="median")),
    ("scaler", StandardScaler()),
])

categorical_transformer = OneHotEncoder(handle_unknown="ignore")

preprocessor = ColumnTransformer(
    transformers=[
        ("num", numeric_transformer, numeric_features),
        ("cat", categorical_transformer, categorical_features),
    ]
)

clf = Pipeline(steps=[("preprocessor", preprocessor), ("classifier", LogisticRegression())])

# %% tags=["nbprod:train"]
scores = cross_val_score(clf, X_train, y_train, cv=3)
print(scores.mean())

clf.fit(X_train, y_train)
print("model score: %.3f" % clf.score(X_test, y_test))

# %% tags=["nbprod:predict"]
y_pred = clf.predict(X_test)

# %%
expected = {
    "features": X_train,
    "holdout_features": X_test,
    "predictions": pd.DataFrame({"churned": y_pred}, index=X_test.index),
}
