# %% [markdown]
# # The label as the last column, by position: a request has no such column, so it goes by name
# label: quality

# %%
import numpy as np
import pandas as pd
from sklearn.neighbors import KNeighborsClassifier

# %% tags=["nbprod:data"]
rng = np.random.default_rng(13)
wine = pd.DataFrame(rng.gamma(4, 2, (90, 4)).round(2), columns=["acid", "sugar", "salt", "ph"])
wine["quality"] = rng.integers(3, 6, 90)

# %% tags=["nbprod:split"]
train, test = wine.iloc[:60, :], wine.iloc[60:, :]

# %% tags=["nbprod:features"]
X_train = train.iloc[:, :-1].values
X_test = test.iloc[:, :-1].values

# %% tags=["nbprod:train"]
y_train = train["quality"]
knn = KNeighborsClassifier(n_neighbors=3).fit(X_train, y_train)

# %% tags=["nbprod:predict"]
y_pred = knn.predict(X_test)

# %%
expected = {
    "features": wine.iloc[:60, :-1],
    "holdout_features": wine.iloc[60:, :-1],
    "predictions": pd.DataFrame({"quality": y_pred}, index=test.index),
}
