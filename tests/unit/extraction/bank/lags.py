# %% [markdown]
# # Demand: lags and rolling means, computed before the split by time
# label: demand

# %%
import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression

# %% tags=["parameters"]
split_date = "2019-03-15"
lags = (1, 7)

# %% tags=["nbprod:data"]
rng = np.random.default_rng(12)
ts = pd.DataFrame({"ds": pd.date_range("2019-01-01", periods=100)})
ts["demand"] = (100 + 10 * np.sin(np.arange(100) / 7 * 2 * np.pi) + rng.normal(0, 2, 100)).round(2)

# %% tags=["nbprod:data"]
# yesterday and last week are known when tomorrow is predicted
for lag in lags:
    ts[f"lag_{lag}"] = ts["demand"].shift(lag)
ts["rolling_7"] = ts["demand"].shift(1).rolling(7).mean()
ts = ts.dropna().reset_index(drop=True)

# %% tags=["nbprod:features"]
ts["dow"] = ts["ds"].dt.dayofweek
ts["is_weekend"] = (ts["dow"] >= 5).astype(int)
ts = pd.get_dummies(ts, columns=["dow"], prefix="dow", dtype=int)

# %% tags=["nbprod:split"]
train = ts[ts["ds"] < split_date]
test = ts[ts["ds"] >= split_date]

# %% tags=["nbprod:features"]
feature_cols = [c for c in ts.columns if c not in ("ds", "demand")]
X_train, y_train = train[feature_cols], train["demand"]
X_test, y_test = test[feature_cols], test["demand"]

# %% tags=["nbprod:train"]
lr = LinearRegression()
lr.fit(X_train, y_train)

# %% tags=["nbprod:predict"]
forecast = lr.predict(X_test)
mape = np.mean(np.abs((y_test - forecast) / y_test)) * 100
print(f"MAPE {mape:.1f}%")

# %%
expected = {
    "features": X_train,
    "holdout_features": X_test,
    "predictions": pd.DataFrame({"demand": forecast}, index=X_test.index),
}
