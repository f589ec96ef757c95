# %% [markdown]
# # Dummies of both frames, aligned afterwards: test.reindex(columns=train.columns)
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
    "smoker": rng.choice(["yes", "no"], 80),
    "charges": rng.gamma(3, 4000, 80).round(2),
})

# %% tags=["nbprod:split"]
train = insurance.sample(frac=0.8, random_state=42)
test = insurance.drop(train.index)

# %% tags=["nbprod:fit"]
columns = pd.get_dummies(train.drop(columns="charges"), drop_first=True).columns

# %% tags=["nbprod:features"]
X_train = pd.get_dummies(train.drop(columns="charges"), drop_first=True)
X_test = pd.get_dummies(test.drop(columns="charges"), drop_first=True)
X_train = X_train.reindex(columns=columns, fill_value=False)
X_test = X_test.reindex(columns=columns, fill_value=False)

# %% tags=["nbprod:train"]
y_train, y_test = train["charges"], test["charges"]
lin_reg = LinearRegression()
lin_reg.fit(X_train, y_train)
lin_reg.score(X_test, y_test)

# %% tags=["nbprod:predict"]
y_pred = lin_reg.predict(X_test)
print("MAE", np.abs(y_test - y_pred).mean())

# %%
expected = {
    "features": X_train,
    "holdout_features": X_test,
    "predictions": pd.DataFrame({"charges": y_pred}, index=X_test.index),
}
