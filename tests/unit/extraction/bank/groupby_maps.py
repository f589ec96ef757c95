# %% [markdown]
# # Sales: group means merged into the frame, learned on the training part
# label: sales

# %%
import numpy as np
import pandas as pd
from sklearn.linear_model import Ridge

# %% tags=["nbprod:data"]
rng = np.random.default_rng(8)
dates = pd.date_range("2015-01-01", periods=60, freq="D")
sales = pd.DataFrame([
    {"date": date, "store": store, "promo": int(rng.random() < 0.3)}
    for date in dates
    for store in ("A", "B", "C")
])
sales["sales"] = rng.gamma(5, 100, len(sales)).round(1)

# %% tags=["nbprod:split"]
train = sales[sales["date"] < "2015-02-15"]
valid = sales[sales["date"] >= "2015-02-15"]

# %% tags=["nbprod:fit"]
store_mean = train.groupby("store")["sales"].mean().rename("store_mean")
by_weekday = train.groupby(train["date"].dt.dayofweek)["sales"].mean().to_dict()
global_mean = train["sales"].mean()

# %% tags=["nbprod:features"]
train = train.merge(store_mean, left_on="store", right_index=True, how="left")
valid = valid.merge(store_mean, left_on="store", right_index=True, how="left")
train["weekday_mean"] = train["date"].dt.dayofweek.map(by_weekday)
valid["weekday_mean"] = valid["date"].dt.dayofweek.map(by_weekday)
train["store_mean"] = train["store_mean"].fillna(global_mean)
valid["store_mean"] = valid["store_mean"].fillna(global_mean)
cols = ["store_mean", "weekday_mean", "promo"]

# %% tags=["nbprod:train"]
model = Ridge()
model.fit(train[cols], train["sales"])

# %% tags=["nbprod:predict"]
valid_pred = model.predict(valid[cols])
rmse = np.sqrt(np.mean((valid["sales"] - valid_pred) ** 2))
print(f"RMSE: {rmse:.2f}")

# %%
expected = {
    "state": {"store_mean": store_mean, "by_weekday": by_weekday, "global_mean": global_mean},
    "predictions": pd.DataFrame({"sales": valid_pred}, index=valid.index),
}
