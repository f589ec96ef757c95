# %% [markdown]
# # One name for everything: df = df.…, cell after cell
# label: price

# %%
import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import train_test_split

# %% tags=["nbprod:data"]
rng = np.random.default_rng(5)
df = pd.DataFrame({
    "make": rng.choice(["vw", "bmw", "fiat"], 70),
    "km": rng.gamma(3, 30000, 70).round(),
    "year": rng.integers(2000, 2020, 70),
    "price": rng.gamma(4, 2500, 70).round(),
})
df.iloc[::11, 1] = np.nan

# %% tags=["nbprod:data"]
df = df.dropna()
df = df.drop_duplicates()
df = df[df["km"] > 1000]

# %%
df.describe()

# %% tags=["nbprod:split"]
train, test = train_test_split(df, test_size=0.3, random_state=1)

# %% tags=["nbprod:fit"]
df = train
makes = df["make"].unique().tolist()
oldest = df["year"].min()

# %% tags=["nbprod:features"]
df = train.copy()
df["age"] = df["year"] - oldest
df = pd.concat([df, pd.get_dummies(df["make"], dtype=int)], axis=1)
df = df.reindex(columns=["km", "age", *makes], fill_value=0)
X_train = df

df = test.copy()
df["age"] = df["year"] - oldest
df = pd.concat([df, pd.get_dummies(df["make"], dtype=int)], axis=1)
df = df.reindex(columns=["km", "age", *makes], fill_value=0)
X_test = df

# %% tags=["nbprod:train"]
lr = LinearRegression()
lr.fit(X_train, train["price"])

# %% tags=["nbprod:predict"]
df = pd.DataFrame({"price": lr.predict(X_test)}, index=X_test.index)

# %%
expected = {"features": X_train, "holdout_features": X_test, "predictions": df}
