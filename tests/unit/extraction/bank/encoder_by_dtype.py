# %% [markdown]
# # Encoders for whatever columns hold text: which ones these are is learned, too
# label: price

# %%
import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import LabelEncoder, MinMaxScaler

# %% tags=["nbprod:data"]
rng = np.random.default_rng(72)
cars = pd.DataFrame({
    "fuel": rng.choice(["diesel", "petrol"], 60),
    "gear": rng.choice(["auto", "manual"], 60),
    "km": rng.integers(10, 200, 60),
    "age": rng.integers(0, 20, 60),
})
cars["price"] = 20000 - 50 * cars["km"] - 300 * cars["age"]

# %% tags=["nbprod:split"]
train, test = cars[:45].copy(), cars[45:].copy()

# %% tags=["nbprod:features"]
lbl = LabelEncoder()
for c in train.columns:
    if not pd.api.types.is_numeric_dtype(train[c]):
        lbl.fit(list(train[c].values))
        train[c] = lbl.transform(list(train[c].values))
        test[c] = lbl.transform(test[c])

# %% tags=["nbprod:features"]
min_max_scaler = MinMaxScaler()
train[["km", "age"]] = min_max_scaler.fit(train[["km", "age"]]).transform(train[["km", "age"]])
test[["km", "age"]] = min_max_scaler.transform(test[["km", "age"]])

# %% tags=["nbprod:train"]
model = LinearRegression().fit(train[["fuel", "gear"]], train["price"])

# %% tags=["nbprod:predict"]
pred = model.predict(test[["fuel", "gear"]])

# %%
expected = {"features": train}
