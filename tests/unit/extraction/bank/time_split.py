# %% [markdown]
# # Store sales: groupby-shift lags before the split, dates, categories, early stopping rows left aside
# label: units

# %%
import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor

# %% tags=["parameters"]
horizon_days: int = 14
valid_days: int = 7
max_iter: int = 20

# %% tags=["nbprod:data"]
rng = np.random.default_rng(44)
calendar = pd.date_range("2021-01-01", periods=70)
sales = pd.MultiIndex.from_product([["A", "B"], calendar], names=["store", "date"]).to_frame(index=False)
sales["units"] = rng.poisson(20, len(sales)).astype(float)
sales["promo"] = rng.integers(0, 2, len(sales))

# %% tags=["nbprod:data"]
sales = sales.sort_values(["store", "date"])
for lag in range(7, 22, 7):
    sales[f"lag_{lag}"] = sales.groupby("store")["units"].shift(lag)
sales["mean_28"] = sales.groupby("store")["units"].transform(lambda s: s.shift(7).rolling(14).mean())
sales = sales.dropna().reset_index(drop=True)

# %% tags=["nbprod:split"]
last_day = sales["date"].max()
test_start = last_day - pd.Timedelta(days=horizon_days)
valid_start = test_start - pd.Timedelta(days=valid_days)
train = sales[sales["date"] < valid_start]
valid = sales[(sales["date"] >= valid_start) & (sales["date"] < test_start)]
test = sales[sales["date"] >= test_start]
print(len(train), len(valid), len(test))

# %% tags=["nbprod:fit"]
first_day = train["date"].min()
store_codes = {store: code for code, store in enumerate(train["store"].unique())}

# %% tags=["nbprod:features"]
def date_features(frame):
    """What the calendar says."""
    out = frame.drop(columns=["units", "date", "store"], errors="ignore")
    out["dow"] = frame["date"].dt.dayofweek
    out["trend"] = (frame["date"] - first_day).dt.days
    out["store"] = frame["store"].map(store_codes).fillna(-1).astype(int)
    return out


X_train, X_valid, X_test = date_features(train), date_features(valid), date_features(test)

# %% tags=["nbprod:train"]
gbm = HistGradientBoostingRegressor(max_iter=max_iter, random_state=0)
gbm.fit(X_train, train["units"])
print("valid", gbm.score(X_valid, valid["units"]))

# %% tags=["nbprod:predict"]
test = test.copy()
test["forecast"] = gbm.predict(X_test)
forecast = test["forecast"].clip(lower=0)

# %%
expected = {
    "features": X_train,
    "holdout_features": X_test,
    "predictions": pd.DataFrame({"units": forecast}, index=X_test.index),
}
