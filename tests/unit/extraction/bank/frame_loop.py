# %% [markdown]
# # House prices: one loop over train and test, in place
# label: SalePrice

# %%
import numpy as np
import pandas as pd
from sklearn.linear_model import Ridge

# %% tags=["parameters"]
alpha = 1.0
test_share = 0.25  # of all rows, the last ones

# %% tags=["nbprod:data"]
rng = np.random.default_rng(2)
n = 100
houses = pd.DataFrame({
    "LotArea": rng.gamma(4, 2500, n).round(),
    "YearBuilt": rng.integers(1900, 2010, n),
    "YrSold": rng.integers(2006, 2011, n),
    "GarageType": rng.choice(["Attchd", "Detchd", None], n),
    "LotFrontage": rng.normal(70, 20, n).round(1),
    "TotalBsmtSF": rng.gamma(5, 200, n).round(),
})
houses.loc[::6, "LotFrontage"] = np.nan
houses["SalePrice"] = (50 * houses["LotArea"] ** 0.5 + 40 * houses["TotalBsmtSF"]).round()

# %% tags=["nbprod:split"]
cut = int(len(houses) * (1 - test_share))
train = houses.iloc[:cut].copy()
test = houses.iloc[cut:].copy()

# %% tags=["nbprod:fit"]
frontage_median = train["LotFrontage"].median()

# %% tags=["nbprod:features"]
for frame in [train, test]:
    # age of the house when it was sold
    frame["Age"] = frame["YrSold"] - frame["YearBuilt"]
    frame["HasGarage"] = frame["GarageType"].notnull().astype(int)
    frame["LotFrontage"] = frame["LotFrontage"].fillna(frontage_median)
    frame.loc[frame["Age"] < 0, "Age"] = 0
    frame.drop(columns=["GarageType"], inplace=True)

# %% tags=["nbprod:features"]
features = ["LotArea", "Age", "HasGarage", "LotFrontage", "TotalBsmtSF"]
X_train = train[features]
X_test = test[features]

# %% tags=["nbprod:train"]
y_train = np.log1p(train["SalePrice"])
ridge = Ridge(alpha=alpha).fit(X_train, y_train)

# %% tags=["nbprod:predict"]
predictions = np.expm1(ridge.predict(X_test))

# %%
expected = {
    "features": X_train,
    "holdout_features": X_test,
    "predictions": pd.DataFrame({"SalePrice": predictions}, index=X_test.index),
    "state": {"frontage_median": frontage_median},
}
