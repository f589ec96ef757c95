# %% [markdown]
# # ColumnTransformer as a fit cell, sparse or dense, its columns by name
# label: sold

# %%
import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

# %% tags=["nbprod:data"]
rng = np.random.default_rng(43)
cars = pd.DataFrame({
    "brand": rng.choice(["vw", "bmw", "kia"], 100),
    "fuel": rng.choice(["gas", "diesel", None], 100),
    "km": rng.gamma(3, 20000, 100).round(),
    "age": rng.integers(0, 15, 100).astype(float),
    "sold": rng.integers(0, 2, 100),
})
cars.loc[::13, "km"] = np.nan

# %% tags=["nbprod:split"]
train, valid = cars[:75], cars[75:]

# %% tags=["nbprod:fit"]
num_cols = ["km", "age"]
cat_cols = ["brand", "fuel"]
ct = ColumnTransformer([
    ("num", make_pipeline(SimpleImputer(), StandardScaler()), num_cols),
    ("cat", OneHotEncoder(handle_unknown="ignore", sparse_output=False), cat_cols),
])
ct.set_output(transform="pandas")
ct.fit(train[num_cols + cat_cols])

# %% tags=["nbprod:features"]
X_train = ct.transform(train[num_cols + cat_cols])
X_valid = ct.transform(valid[num_cols + cat_cols])

# %% tags=["nbprod:train"]
sgd = SGDClassifier(random_state=0).fit(X_train, train.sold)

# %% tags=["nbprod:predict"]
valid_pred = sgd.predict(X_valid)

# %%
expected = {
    "features": X_train,
    "holdout_features": X_valid,
    "predictions": pd.DataFrame({"sold": valid_pred}, index=X_valid.index),
}
