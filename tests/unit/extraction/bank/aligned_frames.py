# %% [markdown]
# # Dummies aligned by reading the other frame's columns
# label: charges

# %%
import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression

# %% tags=["nbprod:data"]
rng = np.random.default_rng(40)
insurance = pd.DataFrame({
    "age": rng.integers(18, 65, 80),
    "region": rng.choice(["nw", "ne", "sw", "se"], 80),
    "charges": rng.gamma(3, 4000, 80).round(2),
})

# %% tags=["nbprod:split"]
train = insurance.sample(frac=0.8, random_state=42)
test = insurance.drop(train.index)

# %% tags=["nbprod:features"]
X_train = pd.get_dummies(train.drop(columns="charges"))
X_test = pd.get_dummies(test.drop(columns="charges"))
X_test = X_test.reindex(columns=X_train.columns, fill_value=False)

# %% tags=["nbprod:train"]
lin_reg = LinearRegression().fit(X_train, train["charges"])

# %% tags=["nbprod:predict"]
y_pred = lin_reg.predict(X_test)

# %%
expected = {
    "features": X_train,
    "holdout_features": X_test,
    "predictions": pd.DataFrame({"charges": y_pred}, index=X_test.index),
}
