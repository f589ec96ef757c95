# %% [markdown]
# # Taxi: the same lines for train and for test, copied and pasted
# label: trip_duration

# %%
import numpy as np
import pandas as pd
from sklearn.ensemble import GradientBoostingRegressor

# %% tags=["parameters"]
n_trees: int = 15
learning_rate = 0.1

# %% tags=["nbprod:data"]
rng = np.random.default_rng(4)
n = 80
df = pd.DataFrame({
    "pickup_datetime": pd.date_range("2016-03-01", periods=n, freq="7h"),
    "pickup_latitude": rng.normal(40.75, 0.03, n),
    "pickup_longitude": rng.normal(-73.97, 0.03, n),
    "dropoff_latitude": rng.normal(40.75, 0.03, n),
    "dropoff_longitude": rng.normal(-73.97, 0.03, n),
    "vendor_id": rng.integers(1, 3, n),
})
df["trip_duration"] = rng.gamma(3, 300, n).round()

# %% tags=["nbprod:data"]
# Trips of more than an hour are forgotten meters
df = df[df["trip_duration"] < 3600]
df = df.reset_index(drop=True)

# %% tags=["nbprod:split"]
train = df[df["pickup_datetime"] < "2016-03-18"].copy()
test = df[df["pickup_datetime"] >= "2016-03-18"].copy()

# %% tags=["nbprod:features"]
train["hour"] = train["pickup_datetime"].dt.hour
train["weekday"] = train["pickup_datetime"].dt.weekday
train["distance"] = np.sqrt(
    (train["pickup_latitude"] - train["dropoff_latitude"]) ** 2
    + (train["pickup_longitude"] - train["dropoff_longitude"]) ** 2
)
train["rush"] = train["hour"].apply(lambda h: 1 if 7 <= h <= 9 else 0)
X_train = train[["hour", "weekday", "distance", "rush", "vendor_id"]]

# %% tags=["nbprod:features"]
test["hour"] = test["pickup_datetime"].dt.hour
test["weekday"] = test["pickup_datetime"].dt.weekday
test["distance"] = np.sqrt(
    (test["pickup_latitude"] - test["dropoff_latitude"]) ** 2
    + (test["pickup_longitude"] - test["dropoff_longitude"]) ** 2
)
test["rush"] = test["hour"].apply(lambda h: 1 if 7 <= h <= 9 else 0)
X_test = test[["hour", "weekday", "distance", "rush", "vendor_id"]]

# %% tags=["nbprod:train"]
y_train = train["trip_duration"]
gbm = GradientBoostingRegressor(
    n_estimators=n_trees,
    learning_rate=learning_rate,
    random_state=0,
)
gbm.fit(X_train, y_train)

# %% tags=["nbprod:predict"]
pred = gbm.predict(X_test)
submission = pd.DataFrame({"trip_duration": pred}, index=X_test.index)

# %%
expected = {"features": X_train, "holdout_features": X_test, "predictions": submission}
