# %% [markdown]
# # A fit cell that applies what it learns to the frames that the model reads
# label: y

# %%
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.metrics import PredictionErrorDisplay
from sklearn.model_selection import train_test_split


# %% tags=["nbprod:data"]
@dataclass
class Config:
    rows: int = 40
    test_size: float = 0.25


config = Config()

# %% tags=["nbprod:data"]
df = pd.DataFrame({"a": np.arange(config.rows) % 7.0, "y": np.arange(config.rows) * 2.0})
df["b"] = df["a"] * 3
df["c"] = np.sqrt(np.arange(config.rows))
df.loc[df.index % 6 == 0, "c"] = np.nan

# %% tags=["nbprod:split"]
features = ["a", "b", "c"]
X_train, X_test, y_train, y_test = train_test_split(df[features], df["y"], random_state=0)

# %% tags=["nbprod:fit"]
imputer = SimpleImputer(strategy="median")
X_train = pd.DataFrame(imputer.fit_transform(X_train), columns=features, index=X_train.index)
X_test = pd.DataFrame(imputer.transform(X_test), columns=features, index=X_test.index)
correlation = X_train.corr().abs()
upper = correlation.where(np.triu(np.ones(correlation.shape), k=1).astype(bool))
to_drop = [column for column in upper.columns if any(upper[column] > 0.95)]
X_train = X_train.drop(columns=to_drop)
X_test = X_test.drop(columns=to_drop)
X_train["many"] = 1 * (X_train["a"] > 3)
X_test["many"] = 1 * (X_test["a"] > 3)

# %% tags=["nbprod:train"]
model = LinearRegression()
model.fit(X_train, y_train)

# %% tags=["nbprod:predict"]
y_pred = model.predict(X_test)
PredictionErrorDisplay.from_predictions(y_test, y_pred)

# %%
expected = {
    "features": X_train,
    "holdout_features": X_test,
    "predictions": pd.DataFrame({"y": y_pred}, index=X_test.index),
}
