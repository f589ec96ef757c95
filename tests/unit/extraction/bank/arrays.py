# %% [markdown]
# # Arrays instead of frames: .values, slices by position, np.hstack
# label: quality

# %%
import numpy as np
import pandas as pd
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import MinMaxScaler

# %% tags=["nbprod:data"]
rng = np.random.default_rng(13)
wine = pd.DataFrame(rng.gamma(4, 2, (90, 4)).round(2), columns=["acid", "sugar", "salt", "ph"])
wine["quality"] = rng.integers(3, 6, 90)

# %% tags=["nbprod:split"]
n_train = int(0.7 * len(wine))
train = wine.iloc[:n_train, :]
test = wine.iloc[n_train:, :]

# %% tags=["nbprod:features"]
X_train = train.drop("quality", axis=1).values
y_train = train["quality"].values
X_test = test.drop("quality", axis=1).values

# %% tags=["nbprod:fit"]
sc = MinMaxScaler()
sc.fit(X_train)

# %% tags=["nbprod:features"]
X_train = sc.transform(X_train)
X_test = sc.transform(X_test)
X_train = np.hstack([X_train, X_train[:, :1] ** 2])
X_test = np.hstack([X_test, X_test[:, :1] ** 2])

# %% tags=["nbprod:train"]
knn = KNeighborsClassifier(n_neighbors=3)
knn.fit(X_train, y_train)

# %% tags=["nbprod:predict"]
y_pred = knn.predict(X_test)
accuracy = (y_pred == test["quality"].values).mean()

# %%
expected = {
    "predictions": pd.DataFrame({"quality": y_pred}, index=test.index),
}
