# %% [markdown]
# # Columns chosen by training rows, and held-out dummies that take over the training rows' columns
# label: spend

# %%
import numpy as np
import pandas as pd
from scipy.stats import skew
from sklearn.linear_model import Lasso

# %% tags=["nbprod:data"]
n = 60
df = pd.DataFrame({
    "income": np.linspace(0, 4, n) ** 6,
    "age": np.arange(n) % 50 + 18.0,
    "city": ["Oslo", "Rome", "Lyon"] * 16 + ["Bern"] * 12,
    "spend": np.arange(n) * 3.5,
})

# %% tags=["nbprod:split"]
train, test = df[:45].copy(), df[45:].copy()

# %% tags=["nbprod:features"]
numeric = ["income", "age"]
skewed = train[numeric].apply(lambda column: skew(column.dropna()))
skewed = skewed[skewed > 0.5].index
train[skewed] = np.log1p(train[skewed])
test[skewed] = np.log1p(test[skewed])
X_train = pd.get_dummies(train[[*numeric, "city"]])
# Bern is unknown to training, Oslo and Rome are not all held out
X_test = pd.get_dummies(test[[*numeric, "city"]]).reindex(columns=X_train.columns, fill_value=0)

# %% tags=["nbprod:train"]
lasso = Lasso(alpha=0.01).fit(X_train, train.spend)

# %% tags=["nbprod:predict"]
preds = lasso.predict(X_test)
y_test = test["spend"]
result = pd.DataFrame({"actual": y_test, "predicted": preds})

# %%
expected = {
    "features": X_train,
    "holdout_features": X_test,
    "predictions": pd.DataFrame({"spend": preds}, index=X_test.index),
}
