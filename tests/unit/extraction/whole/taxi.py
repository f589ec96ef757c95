# %% [markdown]
# # Taxi trips: how long will it take? Statements and functions, mixed
# label: trip_duration

# %%
import numpy as np
import pandas as pd
import matplotlib.pyplot as plt
from sklearn.cluster import MiniBatchKMeans
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestRegressor
from sklearn.model_selection import train_test_split

# %%
plt.rcParams["figure.figsize"] = [10, 5]

# %% [markdown]
# ## 1. Parameters

# %% tags=["parameters"]
N_TRIPS = 220
N_CLUSTERS = 5
test_size = 0.2
seed = 1987
m_trees = 12

# %% [markdown]
# ## 2. Load

# %% [markdown]
# Trips of one spring in the city, and its weather.

# %% tags=["nbprod:data"]
np.random.seed(seed)
t = pd.date_range("2016-01-01", "2016-06-30", periods=N_TRIPS).round("s")
df = pd.DataFrame({
    "id": [f"id{i:06d}" for i in range(N_TRIPS)],
    "vendor_id": np.random.randint(1, 3, N_TRIPS),
    "pickup_datetime": t.astype(str),
    "passenger_count": np.random.randint(0, 7, N_TRIPS),
    "pickup_longitude": np.random.normal(-73.97, 0.03, N_TRIPS),
    "pickup_latitude": np.random.normal(40.75, 0.03, N_TRIPS),
    "dropoff_longitude": np.random.normal(-73.97, 0.03, N_TRIPS),
    "dropoff_latitude": np.random.normal(40.75, 0.03, N_TRIPS),
    "store_and_fwd_flag": np.random.choice(["N", "Y"], N_TRIPS, p=[0.95, 0.05]),
})
df["trip_duration"] = np.random.gamma(4, 200, N_TRIPS).round().astype(int)

# %% tags=["nbprod:data"]
days = pd.date_range("2016-01-01", "2016-06-30", freq="D")
weather = pd.DataFrame({
    "date": days.date.astype(str),
    "rain": (np.random.rand(len(days)) < 0.3).astype(int),
    "snow": np.where(days.month < 3, np.random.poisson(1, len(days)), 0),
})

# %%
df.head()

# %%
weather.head()

# %% [markdown]
# ## 3. Clean

# %%
df["trip_duration"].describe()

# %% [markdown]
# A trip of more than 22 hours is none.

# %% tags=["nbprod:data"]
df = df[df["trip_duration"] < 22 * 3600]
df = df[df["passenger_count"] > 0]

# %%
xlim = [-74.03, -73.77]
ylim = [40.63, 40.85]

# %% tags=["nbprod:data"]
df = df[(df.pickup_longitude > -74.1) & (df.pickup_longitude < -73.8)]
df = df[(df.dropoff_longitude > -74.1) & (df.dropoff_longitude < -73.8)]

# %% tags=["nbprod:data"]
df = df.reset_index(drop=True)

# %%
plt.plot(df["pickup_longitude"], df["pickup_latitude"], ".", alpha=0.5)
plt.show()

# %% [markdown]
# ### Is the vendor's flag of use?

# %%
pd.crosstab(df["store_and_fwd_flag"], df["vendor_id"])

# %%
df.groupby("vendor_id")["trip_duration"].agg(["mean", "median", "count"])

# %% [markdown]
# ## 4. Features that need no learning

# %% [markdown]
# ### Times

# %% tags=["nbprod:features"]
df["pickup_datetime"] = pd.to_datetime(df["pickup_datetime"])
df["month"] = df["pickup_datetime"].dt.month
df["weekday"] = df["pickup_datetime"].dt.weekday
df["hour"] = df["pickup_datetime"].dt.hour
df["minute_of_day"] = df["hour"] * 60 + df["pickup_datetime"].dt.minute

# %%
df.groupby("hour")["trip_duration"].mean().plot()
plt.show()

# %% tags=["nbprod:features"]
df["work_hours"] = ((df["hour"] >= 8) & (df["hour"] < 18) & (df["weekday"] < 5)).astype(int)

# %%
df["work_hours"].mean()

# %% [markdown]
# Months look alike, too:

# %%
df.groupby("month")["trip_duration"].agg(["mean", "std"])

# %% [markdown]
# ### Distances

# %% tags=["nbprod:lib"]
EARTH_RADIUS = 6371  # km


def haversine(lat1, lng1, lat2, lng2):
    """Kilometers between two places, as the crow flies."""
    lat1, lng1, lat2, lng2 = map(np.radians, (lat1, lng1, lat2, lng2))
    lat = lat2 - lat1
    lng = lng2 - lng1
    d = np.sin(lat * 0.5) ** 2 + np.cos(lat1) * np.cos(lat2) * np.sin(lng * 0.5) ** 2
    return 2 * EARTH_RADIUS * np.arcsin(np.sqrt(d))

# %% tags=["nbprod:lib"]
def manhattan(lat1, lng1, lat2, lng2):
    """Along the streets."""
    a = haversine(lat1, lng1, lat1, lng2)
    b = haversine(lat1, lng1, lat2, lng1)
    return a + b


def bearing(lat1, lng1, lat2, lng2):
    delta = np.radians(lng2 - lng1)
    lat1, lng1, lat2, lng2 = map(np.radians, (lat1, lng1, lat2, lng2))
    y = np.sin(delta) * np.cos(lat2)
    x = np.cos(lat1) * np.sin(lat2) - np.sin(lat1) * np.cos(lat2) * np.cos(delta)
    return np.degrees(np.arctan2(y, x))

# %%
haversine(40.75, -73.97, 40.76, -73.98)

# %% tags=["nbprod:features"]
place_columns = ["pickup_latitude", "pickup_longitude", "dropoff_latitude", "dropoff_longitude"]
places = [df[c] for c in place_columns]
df["distance"] = haversine(*places)
df["manhattan"] = manhattan(*places)
df["bearing"] = bearing(*places)

# %%
plt.scatter(df["distance"], df["trip_duration"], s=2)
plt.show()

# %% tags=["nbprod:features"]
df["center_latitude"] = (df["pickup_latitude"].values + df["dropoff_latitude"].values) / 2
df["center_longitude"] = (df["pickup_longitude"].values + df["dropoff_longitude"].values) / 2

# %% [markdown]
# ### Weather

# %% tags=["nbprod:fit"]
weather_by_day = weather.set_index("date")

# %% tags=["nbprod:features"]
day = df["pickup_datetime"].dt.strftime("%Y-%m-%d")
for column in ["rain", "snow"]:
    df[column] = day.map(weather_by_day[column]).fillna(0)

# %%
df[["rain", "snow"]].mean()

# %%
df.groupby("rain")["trip_duration"].median()

# %% [markdown]
# It is slower in the rain, or so the made-up data says.

# %%
df[["hour", "rain", "trip_duration"]].groupby(["hour", "rain"]).mean().unstack().plot()
plt.show()

# %% [markdown]
# ### The flag

# %% tags=["nbprod:features"]
df["store_and_fwd_flag"] = 1 * (df["store_and_fwd_flag"].values == "Y")

# %%
df.columns

# %% [markdown]
# ## 5. Split

# %% tags=["nbprod:features"]
y = df["trip_duration"]
X = df.drop(columns=["trip_duration", "id"])

# %% tags=["nbprod:split"]
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=test_size, random_state=seed)

# %%
print(X_train.shape, X_test.shape)

# %%
y_train.hist(bins=50, alpha=0.5)
y_test.hist(bins=50, alpha=0.5)
plt.show()

# %% [markdown]
# The split is random: the months of both parts are the same.

# %%
X_train["month"].value_counts(normalize=True).sort_index()

# %%
X_test["month"].value_counts(normalize=True).sort_index()

# %% [markdown]
# ## 6. Features that learn

# %% [markdown]
# ### Where the axes are

# %% tags=["nbprod:fit"]
coords = np.vstack((
    X_train[["pickup_latitude", "pickup_longitude"]].values,
    X_train[["dropoff_latitude", "dropoff_longitude"]].values,
))
pca = PCA().fit(coords)

# %% tags=["nbprod:features"]
def add_pca(frame):
    for end in ("pickup", "dropoff"):
        turned = pca.transform(frame[[f"{end}_latitude", f"{end}_longitude"]].values)
        frame[f"{end}_pca0"] = turned[:, 0]
        frame[f"{end}_pca1"] = turned[:, 1]
    return frame

# %% tags=["nbprod:features"]
X_train = add_pca(X_train.copy())
X_test = add_pca(X_test.copy())

# %%
X_train[["pickup_pca0", "pickup_pca1"]].plot.scatter("pickup_pca0", "pickup_pca1")

# %% [markdown]
# ### Neighborhoods

# %% tags=["nbprod:fit"]
sample = np.random.RandomState(seed).permutation(len(coords))[:200]
kmeans = MiniBatchKMeans(n_clusters=N_CLUSTERS, random_state=seed, n_init=3)
kmeans.fit(coords[sample])

# %% tags=["nbprod:features"]
for frame in (X_train, X_test):
    frame["pickup_cluster"] = kmeans.predict(frame[["pickup_latitude", "pickup_longitude"]].values)
    frame["dropoff_cluster"] = kmeans.predict(frame[["dropoff_latitude", "dropoff_longitude"]].values)

# %%
X_train["pickup_cluster"].value_counts()

# %% [markdown]
# ### How fast it goes at that hour

# %% tags=["nbprod:fit"]
speed = X_train["distance"] / y_train * 3600
speed_by_hour = speed.groupby(X_train["hour"]).mean()
speed_overall = speed.mean()

# %%
speed_by_hour.plot.bar()
plt.show()

# %% tags=["nbprod:features"]
X_train["speed_hour"] = X_train["hour"].map(speed_by_hour).fillna(speed_overall)
X_test["speed_hour"] = X_test["hour"].map(speed_by_hour).fillna(speed_overall)

# %% tags=["nbprod:fit"]
# trips between two neighborhoods
pairs = X_train.assign(duration=y_train).groupby(["pickup_cluster", "dropoff_cluster"])
pair_table = pairs["duration"].agg(["mean", "count"]).reset_index()
pair_table.columns = ["pickup_cluster", "dropoff_cluster", "pair_mean", "pair_count"]

# %% tags=["nbprod:features"]
def with_pairs(frame):
    merged = frame.merge(pair_table, on=["pickup_cluster", "dropoff_cluster"], how="left")
    merged.index = frame.index
    return merged.fillna({"pair_mean": -1, "pair_count": 0})


X_train = with_pairs(X_train)
X_test = with_pairs(X_test)

# %% tags=["nbprod:features"]
do_not_use = ["pickup_datetime"]
feature_names = [f for f in X_train.columns if f not in do_not_use]
X_train = X_train[feature_names]
X_test = X_test[feature_names]

# %%
print(len(feature_names), "features")

# %%
X_train.describe().transpose()

# %% [markdown]
# No feature is missing anywhere:

# %%
X_train.isnull().sum().max(), X_test.isnull().sum().max()

# %% [markdown]
# ## 7. Model

# %% [markdown]
# The logarithm again: the metric of the competition is of ratios.

# %% tags=["nbprod:train"]
target = np.log(y_train.values + 1)

# %% tags=["nbprod:train"]
forest = RandomForestRegressor(
    n_estimators=m_trees,
    min_samples_leaf=3,  # less noise
    random_state=seed,
)
forest.fit(X_train, target)

# %% tags=["nbprod:train"]
importance = pd.Series(forest.feature_importances_, index=feature_names)
importance.sort_values().plot.barh()
plt.show()

# %% tags=["nbprod:train"]
train_rmsle = np.sqrt(((forest.predict(X_train) - target) ** 2).mean())
print("train", train_rmsle)

# %% [markdown]
# ## 8. Predict

# %% tags=["nbprod:predict"]
log_pred = forest.predict(X_test)
pred = np.exp(log_pred) - 1

# %% tags=["nbprod:predict"]
test_rmsle = np.sqrt(((log_pred - np.log(y_test.values + 1)) ** 2).mean())
print("test", test_rmsle)

# %%
plt.scatter(np.log(y_test + 1), log_pred, s=1)
plt.show()

# %% tags=["nbprod:predict"]
sub = pd.DataFrame({"trip_duration": pred}, index=X_test.index)
sub.head()

# %% [markdown]
# ### Where it goes wrong

# %%
errors = (sub["trip_duration"] - y_test).abs()
errors.groupby(X_test["hour"]).mean().plot.bar()
plt.show()

# %%
errors.groupby(X_test["pickup_cluster"]).mean()

# %% [markdown]
# ### Is it enough?

# %%
(sub["trip_duration"] - y_test).abs().median()

# %% [markdown]
# It is not, but trips made of noise cannot be told.

# %%
print("half of all trips:", y_test.median(), "seconds")

# %% [markdown]
# ## 9. Left for later

# %% [markdown]
# * holidays

# %% [markdown]
# * OSRM distances

# %% [markdown]
# * weather of the hour

# %% [markdown]
# * a model for airport trips alone

# %% [markdown]
# * what the forecast costs when it is wrong by ten minutes

# %% [markdown]
# ---

# %%
expected = {
    "state": {"speed_by_hour": speed_by_hour, "pair_table": pair_table},
    "features": X_train,
    "holdout_features": X_test,
    "predictions": sub,
}
