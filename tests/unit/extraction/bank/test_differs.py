# %% [markdown]
# # Copied and pasted, but one line was forgotten: test rows get other features
# label: y

# %%
import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression

# %% tags=["nbprod:data"]
df = pd.DataFrame({"x": np.arange(20) * 1.5, "y": np.arange(20)})

# %% tags=["nbprod:split"]
train, test = df[:15].copy(), df[15:].copy()

# %% tags=["nbprod:features"]
train["root"] = np.sqrt(train["x"])
train["square"] = train["x"] ** 2
test["root"] = np.sqrt(test["x"])
test["square"] = test["x"] ** 3

# %% tags=["nbprod:train"]
model = LinearRegression().fit(train[["root", "square"]], train["y"])

# %% tags=["nbprod:predict"]
pred = model.predict(test[["root", "square"]])
