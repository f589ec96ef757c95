# %% [markdown]
# # Helpers that read constants, parameters and what was learned, through each other
# label: price

# %%
import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression

# %% tags=["parameters"]
currency = "EUR"
rounding = 2

# %% tags=["nbprod:data"]
RATES = {"EUR": 1.0, "USD": 0.9}
n = 50
ads = pd.DataFrame({
    "brand": ["vw", "bmw", "kia"] * 16 + ["vw", "bmw"],
    "km": np.arange(n) * 1700 % 9000,
    "price": np.arange(n) * 37 % 500,
})

# %% tags=["nbprod:split"]
train, test = ads[ads.index % 5 > 0], ads[ads.index % 5 == 0]

# %% tags=["nbprod:fit"]
brand_price = train.groupby("brand")["price"].mean().to_dict()
fallback = np.median(list(brand_price.values()))

# %% tags=["nbprod:features"]
KM_PER_YEAR = 1500
LIMITS = (0, 10)


def to_euro(amount):
    return amount * RATES[currency]


def brand_value(brand):
    """What cars of a brand cost; unknown ones cost what is usual."""
    return round(to_euro(brand_price.get(brand, fallback)), rounding)


def years(km):
    low, high = LIMITS
    return min(max(km / KM_PER_YEAR, low), high)


def prepare(frame):
    frame = frame.copy()
    frame["value"] = frame["brand"].apply(brand_value)
    frame["years"] = frame["km"].map(years)
    return frame[["value", "years"]]


X_train = prepare(train)
X_test = prepare(test)

# %% tags=["nbprod:train"]
model = LinearRegression()
model.fit(X_train, train["price"])

# %% tags=["nbprod:predict"]
def in_currency(prices):
    return np.round(prices / RATES[currency], rounding)


price = in_currency(model.predict(X_test))

# %%
expected = {
    "features": X_train,
    "holdout_features": X_test,
    "predictions": pd.DataFrame({"price": price}, index=X_test.index),
}
