# %% [markdown]
# # The label taken out with pop, and dropped in place
# label: strength

# %%
import numpy as np
import pandas as pd
from sklearn.linear_model import Lasso

# %% tags=["nbprod:data"]
rng = np.random.default_rng(22)
concrete = pd.DataFrame({
    "cement": rng.normal(280, 100, 70).round(1),
    "water": rng.normal(180, 20, 70).round(1),
    "age": rng.integers(1, 365, 70),
})
concrete["strength"] = (concrete["cement"] / concrete["water"] * 20).round(2)

# %% tags=["nbprod:split"]
train = concrete.sample(frac=0.75, random_state=5)
test = concrete.loc[~concrete.index.isin(train.index)].copy()

# %% tags=["nbprod:features"]
y_train = train.pop("strength")
y_test = test.pop("strength")
for df in (train, test):
    df["ratio"] = df["cement"] / df["water"]
    df["log_age"] = np.log1p(df["age"])

# %% tags=["nbprod:train"]
lasso = Lasso(alpha=0.1).fit(train, np.log(y_train))

# %% tags=["nbprod:predict"]
strength = np.exp(lasso.predict(test))
error = np.abs(strength - y_test).mean()

# %%
expected = {
    "features": train,
    "holdout_features": test,
    "predictions": pd.DataFrame({"strength": strength}, index=test.index),
}
