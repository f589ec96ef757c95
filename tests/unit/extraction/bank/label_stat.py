# %% [markdown]
# # The mean of all rows' labels, which a train cell takes away
# label: y

# %%
import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression

# %% tags=["nbprod:data"]
df = pd.DataFrame({"x": np.arange(30) ** 2 % 17, "z": np.arange(30) % 3, "y": np.arange(30) % 7})

# %% tags=["nbprod:split"]
train, test = df[10:], df[:10]

# %% tags=["nbprod:features"]
X_train, X_test = train[["x","z"]], test[["x","z"]]

# %% tags=["nbprod:train"]
centre = df["y"].mean()
model = LinearRegression().fit(X_train, train["y"] - centre)

# %% tags=["nbprod:predict"]
pred = pd.DataFrame({"y": model.predict(X_test)}, index=X_test.index)

# %%
expected = {"features": X_train, "holdout_features": X_test}
