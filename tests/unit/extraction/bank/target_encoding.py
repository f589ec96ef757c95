# %% [markdown]
# # Target encoding: group means of the label, merged to the rows
# label: late

# %%
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

# %% tags=["parameters"]
smoothing = 5.0
CATEGORIES = ["carrier", "origin"]

# %% tags=["nbprod:data"]
rng = np.random.default_rng(6)
n = 140
flights = pd.DataFrame({
    "carrier": rng.choice(["AA", "UA", "DL", "B6"], n),
    "origin": rng.choice(["JFK", "LGA"], n),
    "distance": rng.gamma(3, 400, n).round(),
})
flights["late"] = (rng.random(n) < 0.35).astype(int)

# %% tags=["nbprod:split"]
train, holdout = flights.iloc[:100], flights.iloc[100:]

# %% tags=["nbprod:fit"]
prior = train["late"].mean()
encodings = {}
for column in CATEGORIES:
    stats = train.groupby(column)["late"].agg(["mean", "count"])
    weight = stats["count"] / (stats["count"] + smoothing)
    encodings[column] = (weight * stats["mean"] + (1 - weight) * prior).to_dict()

# average distance per carrier, as a table to merge
carrier_distance = (
    train.groupby("carrier", as_index=False)["distance"].mean()
    .rename(columns={"distance": "carrier_distance"})
)

# %% tags=["nbprod:features"]
def encode(frame):
    """Categories as what they were worth in training."""
    out = frame[["distance"]].copy()
    for column in CATEGORIES:
        out[column + "_te"] = frame[column].map(encodings[column]).fillna(prior)
    merged = frame.merge(carrier_distance, on="carrier", how="left")
    out["relative"] = frame["distance"] / merged["carrier_distance"].values
    return out


X_train = encode(train)
X_holdout = encode(holdout)

# %% tags=["nbprod:train"]
model = LogisticRegression(max_iter=1000).fit(X_train, train["late"])

# %% tags=["nbprod:predict"]
predictions = pd.DataFrame(
    {"late": model.predict_proba(X_holdout)[:, 1]}, index=X_holdout.index
)

# %%
expected = {
    "features": X_train,
    "holdout_features": X_holdout,
    "predictions": predictions,
    "state": {"prior": prior, "encodings": encodings, "carrier_distance": carrier_distance},
}
