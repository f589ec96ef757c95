# %% [markdown]
# # One random generator for data and split: its numbers depend on what was drawn before
# label: y

# %%
import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression

# %% tags=["nbprod:data"]
rng = np.random.default_rng(0)
df = pd.DataFrame({"x": rng.normal(size=40), "y": rng.normal(size=40)})

# %% tags=["nbprod:split"]
mask = rng.random(len(df)) < 0.7
train, test = df[mask], df[~mask]

# %% tags=["nbprod:features"]
X_train, X_test = train[["x"]], test[["x"]]

# %% tags=["nbprod:train"]
model = LinearRegression().fit(X_train, train["y"])

# %% tags=["nbprod:predict"]
pred = model.predict(X_test)
