# %% [markdown]
# # House prices, in statements: look, fill, encode, fit, submit
# label: SalePrice

# %%
import numpy as np
import pandas as pd
import matplotlib.pyplot as plt
import warnings
warnings.filterwarnings("ignore")
pd.set_option("display.max_columns", 100)

# %%
from sklearn.linear_model import Ridge, Lasso
from sklearn.model_selection import KFold, cross_val_score
from sklearn.preprocessing import StandardScaler
from scipy.stats import skew

# %% [markdown]
# ## Settings

# %% tags=["parameters"]
alpha = 10.0
skew_limit = 0.75
n_folds = 3
random_state = 42

# %% [markdown]
# ## Load the data

# %% [markdown]
# The two files of the competition, made up here.

# %% tags=["nbprod:data"]
rng = np.random.default_rng(2024)
n = 160
houses = pd.DataFrame({"Id": np.arange(1, n + 1)})
houses["MSSubClass"] = rng.choice([20, 30, 60, 120], n)
houses["MSZoning"] = rng.choice(["RL", "RM", "FV"], n, p=[0.7, 0.2, 0.1])
houses["LotFrontage"] = np.where(rng.random(n) < 0.2, np.nan, rng.normal(70, 18, n).round())
houses["LotArea"] = rng.gamma(5, 2000, n).round()

# %% tags=["nbprod:data"]
houses["Neighborhood"] = rng.choice(["NAmes", "CollgCr", "OldTown", "Edwards"], n)
houses["OverallQual"] = rng.integers(3, 10, n)
houses["YearBuilt"] = rng.integers(1920, 2010, n)
houses["YearRemodAdd"] = houses["YearBuilt"] + rng.integers(0, 30, n)
houses["YrSold"] = rng.integers(2011, 2014, n)

# %% tags=["nbprod:data"]
houses["TotalBsmtSF"] = np.where(rng.random(n) < 0.05, np.nan, rng.gamma(6, 170, n).round())
houses["1stFlrSF"] = rng.gamma(8, 140, n).round()
houses["2ndFlrSF"] = np.where(rng.random(n) < 0.5, 0.0, rng.gamma(5, 120, n).round())
houses["BsmtQual"] = rng.choice(["Ex", "Gd", "TA", "Fa", None], n)
houses["ExterQual"] = rng.choice(["Ex", "Gd", "TA"], n)
houses["GarageType"] = rng.choice(["Attchd", "Detchd", None], n)
houses["GarageCars"] = np.where(houses["GarageType"].isnull(), np.nan, rng.integers(1, 4, n))
houses["PoolArea"] = 0
houses["Electrical"] = rng.choice(["SBrkr", "FuseA", None], n, p=[0.85, 0.1, 0.05])

# %% [markdown]
# ### The price

# %% tags=["nbprod:data"]
noise = rng.normal(0, 8000, n)
houses["SalePrice"] = (
    20000
    + 12000 * houses["OverallQual"]
    + 40 * houses["1stFlrSF"]
    + 30 * houses["2ndFlrSF"]
    + noise
).round()

# %%
houses.shape

# %%
houses.head()

# %%
houses.info()

# %% [markdown]
# ## A first look

# %%
houses["SalePrice"].describe()

# %%
houses["SalePrice"].hist(bins=30)
plt.title("SalePrice")
plt.show()

# %% [markdown]
# The price is skewed: its logarithm is what we learn.

# %%
corr = houses.select_dtypes("number").corr()
corr["SalePrice"].sort_values(ascending=False).head(10)

# %%
fig, ax = plt.subplots(1, 2, figsize=(10, 4))
ax[0].scatter(houses["1stFlrSF"], houses["SalePrice"])
ax[1].scatter(houses["OverallQual"], houses["SalePrice"])
plt.show()

# %% [markdown]
# ## Outliers

# %% [markdown]
# Large houses sold for little: the data set's author says to leave them out.

# %% tags=["nbprod:data"]
houses = houses[houses["LotArea"] < 25000]
houses = houses.reset_index(drop=True)

# %%
print(len(houses), "houses")

# %% [markdown]
# ## What the columns say

# %% [markdown]
# `MSSubClass` is a code, no number. `PoolArea` is always 0 in this part of the city.

# %%
houses["MSSubClass"].value_counts()

# %%
houses["Neighborhood"].value_counts().plot.bar()
plt.show()

# %%
houses.groupby("Neighborhood")["SalePrice"].median()

# %% [markdown]
# ## Train and test

# %% [markdown]
# Every fourth house is held out.

# %% tags=["nbprod:split"]
train = houses[houses["Id"] % 4 != 0].copy()
test = houses[houses["Id"] % 4 == 0].copy()

# %%
train.shape, test.shape

# %% [markdown]
# ## Missing values

# %%
missing = train.isnull().sum()
missing = missing[missing > 0].sort_values()
missing

# %%
missing.plot.bar()
plt.show()

# %% [markdown]
# ### None means none

# %% tags=["nbprod:features"]
none_columns = ["BsmtQual", "GarageType"]
for col in none_columns:
    train[col] = train[col].fillna("None")
    test[col] = test[col].fillna("None")

# %% tags=["nbprod:features"]
for col in ("GarageCars", "TotalBsmtSF"):
    train[col] = train[col].fillna(0)
    test[col] = test[col].fillna(0)

# %% [markdown]
# ### Electrical: the most common

# %% tags=["nbprod:fit"]
electrical_mode = train["Electrical"].mode()[0]

# %% tags=["nbprod:features"]
train["Electrical"] = train["Electrical"].fillna(electrical_mode)
test["Electrical"] = test["Electrical"].fillna(electrical_mode)

# %% [markdown]
# ### LotFrontage: as in the neighborhood

# %% tags=["nbprod:fit"]
frontage_by_neighborhood = train.groupby("Neighborhood")["LotFrontage"].median()
frontage_overall = train["LotFrontage"].median()

# %% tags=["nbprod:features"]
# neighbors have streets of the same kind
for frame in [train, test]:
    guess = frame["Neighborhood"].map(frontage_by_neighborhood)
    frame["LotFrontage"] = frame["LotFrontage"].fillna(guess)
    frame["LotFrontage"] = frame["LotFrontage"].fillna(frontage_overall)

# %%
train.isnull().sum().sum(), test.isnull().sum().sum()

# %% [markdown]
# ## Feature engineering

# %% [markdown]
# ### Categories with an order

# %% tags=["nbprod:features"]
quality = {"None": 0, "Po": 1, "Fa": 2, "TA": 3, "Gd": 4, "Ex": 5}
for col in ["BsmtQual", "ExterQual"]:
    train[col] = train[col].map(quality)
    test[col] = test[col].map(quality)

# %% [markdown]
# ### Numbers that are no numbers

# %% tags=["nbprod:features"]
train["MSSubClass"] = train["MSSubClass"].astype(str)
test["MSSubClass"] = test["MSSubClass"].astype(str)

# %% [markdown]
# ### Areas

# %% tags=["nbprod:features"]
train["TotalSF"] = train["TotalBsmtSF"] + train["1stFlrSF"] + train["2ndFlrSF"]
test["TotalSF"] = test["TotalBsmtSF"] + test["1stFlrSF"] + test["2ndFlrSF"]

# %%
plt.scatter(train["TotalSF"], train["SalePrice"])
plt.show()

# %% tags=["nbprod:features"]
train["Has2ndFloor"] = train["2ndFlrSF"].apply(lambda area: 1 if area > 0 else 0)
test["Has2ndFloor"] = test["2ndFlrSF"].apply(lambda area: 1 if area > 0 else 0)

# %% [markdown]
# ### Years

# %% tags=["nbprod:features"]
for df in (train, test):
    df["Age"] = df["YrSold"] - df["YearBuilt"]
    df["SinceRemod"] = df["YrSold"] - df["YearRemodAdd"]
    df["IsNew"] = (df["Age"] <= 3).astype(int)
    df.loc[df["SinceRemod"] < 0, "SinceRemod"] = 0

# %% tags=["nbprod:features"]
train = train.drop(columns=["YearBuilt", "YearRemodAdd", "YrSold"])
test = test.drop(columns=["YearBuilt", "YearRemodAdd", "YrSold"])

# %% [markdown]
# ### Columns that say nothing

# %% tags=["nbprod:fit"]
constant = [c for c in train.columns if train[c].nunique() == 1]
print(constant)

# %% tags=["nbprod:features"]
train = train.drop(columns=constant)
test = test.drop(columns=constant)

# %% tags=["nbprod:features"]
train.drop("Id", axis=1, inplace=True)
test.drop("Id", axis=1, inplace=True)

# %%
train.columns

# %% [markdown]
# ## Skewed numbers

# %% tags=["nbprod:fit"]
numeric = [c for c in train.select_dtypes("number").columns if c != "SalePrice"]
skewness = train[numeric].apply(lambda x: skew(x.dropna()))
skewed = skewness[skewness > skew_limit].index.tolist()
print("log1p:", skewed)

# %%
skewness.sort_values().plot.barh()
plt.show()

# %% tags=["nbprod:features"]
train[skewed] = np.log1p(train[skewed])
test[skewed] = np.log1p(test[skewed])

# %% [markdown]
# ## Dummies

# %% tags=["nbprod:features"]
train_d = pd.get_dummies(train, dtype=float)
test_d = pd.get_dummies(test, dtype=float)

# %% tags=["nbprod:fit"]
dummy_columns = [c for c in train_d.columns if c != "SalePrice"]
len(dummy_columns)

# %% tags=["nbprod:features"]
train_d = train_d.reindex(columns=dummy_columns, fill_value=0.0)
test_d = test_d.reindex(columns=dummy_columns, fill_value=0.0)

# %%
assert list(train_d.columns) == list(test_d.columns)

# %% [markdown]
# ## Scaling

# %% tags=["nbprod:fit"]
scaler = StandardScaler()
scaler.fit(train_d)

# %% tags=["nbprod:features"]
X_train = pd.DataFrame(scaler.transform(train_d), columns=dummy_columns, index=train_d.index)
X_test = pd.DataFrame(scaler.transform(test_d), columns=dummy_columns, index=test_d.index)

# %%
X_train.describe().T

# %%
corr_after = X_train.corr().abs()
corr_after.iloc[:5, :5]

# %% [markdown]
# ## Models

# %% tags=["nbprod:train"]
y_train = np.log1p(train["SalePrice"])

# %%
y_train.hist()
plt.show()

# %% [markdown]
# ### Which alpha?

# %% tags=["nbprod:train"]
kf = KFold(n_folds, shuffle=True, random_state=random_state)
def rmse_cv(model):
    return np.sqrt(-cross_val_score(model, X_train, y_train, scoring="neg_mean_squared_error", cv=kf))

# %% tags=["nbprod:train"]
cv_ridge = [rmse_cv(Ridge(alpha=a)).mean() for a in (0.1, 1, 10)]
cv_ridge = pd.Series(cv_ridge, index=[0.1, 1, 10])
cv_ridge.plot(title="Validation")
plt.xlabel("alpha")
cv_ridge.min()

# %% [markdown]
# ### Ridge it is

# %% tags=["nbprod:train"]
model_ridge = Ridge(alpha=alpha)
model_ridge.fit(X_train, y_train)

# %% tags=["nbprod:train"]
coef = pd.Series(model_ridge.coef_, index=X_train.columns)
print("Ridge picked " + str(sum(coef != 0)) + " variables")
imp_coef = pd.concat([coef.sort_values().head(5), coef.sort_values().tail(5)])
imp_coef.plot(kind="barh")
plt.show()

# %% [markdown]
# ### Residuals

# %%
preds = pd.DataFrame({"preds": model_ridge.predict(X_train), "true": y_train})
preds["residuals"] = preds["true"] - preds["preds"]
preds.plot(x="preds", y="residuals", kind="scatter")

# %% [markdown]
# ## Predictions

# %% tags=["nbprod:predict"]
ridge_preds = np.expm1(model_ridge.predict(X_test))

# %% tags=["nbprod:predict"]
submission = pd.DataFrame()
submission["SalePrice"] = ridge_preds
submission.head()

# %% [markdown]
# How good would it have been?

# %% tags=["nbprod:predict"]
rmsle = np.sqrt(np.mean((np.log1p(test["SalePrice"]) - np.log1p(ridge_preds)) ** 2))
print(f"RMSLE {rmsle:.4f}")

# %%
plt.scatter(test["SalePrice"], ridge_preds)
plt.plot([0, 300000], [0, 300000], "k--")
plt.show()

# %% [markdown]
# ## Save

# %%
submission.to_csv("/tmp/submission.csv", index=False) if False else None

# %% [markdown]
# ## What comes next

# %% [markdown]
# * more models: boosting, stacking

# %% [markdown]
# * a look at the residuals by neighborhood

# %% [markdown]
# Thanks for reading!

# %%
expected = {
    "state": {
        "electrical_mode": electrical_mode,
        "frontage_by_neighborhood": frontage_by_neighborhood,
        "constant": constant,
        "skewed": skewed,
    },
    "features": X_train,
    "holdout_features": X_test,
    "predictions": submission,
}
