# %% [markdown]
# # Classes whose bodies read parameters where they are defined
# label: y

# %%
import numpy as np
import pandas as pd
from dataclasses import dataclass
from sklearn.linear_model import LinearRegression

# %% tags=["parameters"]
power = 2
shift = 0.5

# %% tags=["nbprod:data"]
df = pd.DataFrame({"x": range(20), "z": np.arange(20) % 3, "y": range(20)})

# %% tags=["nbprod:split"]
train, test = df[:15], df[15:]

# %% tags=["nbprod:lib"]
class CFG:
    by = power
    columns = ["x", "z"]


@dataclass
class Options:
    plus: float = shift


# %% tags=["nbprod:features"]
X_train = train[CFG.columns] ** CFG.by + Options().plus
X_test = test[CFG.columns] ** CFG.by + Options().plus

# %% tags=["nbprod:train"]
model = LinearRegression().fit(X_train, train["y"])

# %% tags=["nbprod:predict"]
pred = pd.DataFrame({"y": model.predict(X_test)}, index=X_test.index)

# %%
expected = {"features": X_train, "holdout_features": X_test, "predictions": pred}
