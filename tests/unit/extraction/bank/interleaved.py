# %% [markdown]
# # Cells of every role in any mix: learn, transform, learn on what was transformed
# label: rent

# %%
import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestRegressor
from sklearn.preprocessing import OneHotEncoder, StandardScaler

# %% tags=["nbprod:data"]
rng = np.random.default_rng(14)
flats = pd.DataFrame({
    "rooms": rng.integers(1, 6, 100),
    "size": rng.normal(70, 20, 100).round(),
    "year": rng.integers(1950, 2020, 100).astype(float),
    "district": rng.choice(["nord", "sud", "ost"], 100),
})

# %% tags=["parameters"]
n_components = 2
cap = 0.95

# %% tags=["nbprod:data"]
flats["rent"] = (flats["size"] * 12 + flats["rooms"] * 30 + rng.normal(0, 20, 100)).round()
flats.loc[::10, "year"] = np.nan

# %% tags=["nbprod:split"]
mask = np.random.default_rng(3).random(len(flats)) < 0.75
train, test = flats[mask].copy(), flats[~mask].copy()

# %% tags=["nbprod:fit"]
year_median = train["year"].median()

# %% tags=["nbprod:features"]
train["year"] = train["year"].fillna(year_median)
test["year"] = test["year"].fillna(year_median)

# %% tags=["nbprod:fit"]
size_cap = train["size"].quantile(cap)

# %% tags=["nbprod:features"]
train["size"] = np.minimum(train["size"], size_cap)
test["size"] = np.minimum(test["size"], size_cap)

# %% tags=["nbprod:fit"]
numeric = ["rooms", "size", "year"]
scaler = StandardScaler().fit(train[numeric])
ohe = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
ohe.fit(train[["district"]])

# %% tags=["nbprod:features"]
train_scaled = scaler.transform(train[numeric])
test_scaled = scaler.transform(test[numeric])

# %% tags=["nbprod:fit"]
pca = PCA(n_components=n_components, random_state=0)
pca.fit(train_scaled)

# %% tags=["nbprod:features"]
X_train = pd.DataFrame(
    np.hstack([pca.transform(train_scaled), ohe.transform(train[["district"]])]),
    index=train.index,
    columns=[f"pc{i}" for i in range(n_components)] + list(ohe.get_feature_names_out()),
)
X_test = pd.DataFrame(
    np.hstack([pca.transform(test_scaled), ohe.transform(test[["district"]])]),
    index=test.index,
    columns=[f"pc{i}" for i in range(n_components)] + list(ohe.get_feature_names_out()),
)

# %% tags=["nbprod:train"]
rf = RandomForestRegressor(n_estimators=10, random_state=0)
rf.fit(X_train, train["rent"])

# %% tags=["nbprod:predict"]
test["predicted_rent"] = rf.predict(X_test)
result = test[["predicted_rent"]]

# %%
expected = {
    "features": X_train,
    "holdout_features": X_test,
    "predictions": result.set_axis(["rent"], axis=1),
}
