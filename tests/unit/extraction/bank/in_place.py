# %% [markdown]
# # Churn: every way to change a frame in place
# label: churn

# %%
import numpy as np
import pandas as pd
from sklearn.tree import DecisionTreeClassifier

# %% tags=["nbprod:data"]
rng = np.random.default_rng(3)
n = 90
customers = pd.DataFrame({
    "customer_id": [f"C{i:04d}" for i in range(n)],
    "tenure": rng.integers(0, 72, n),
    "monthly": rng.normal(65, 30, n).round(2),
    "contract": rng.choice(["month", "year", "two"], n),
    "support_calls": rng.poisson(2, n),
    "note": "",
})
customers.loc[::8, "monthly"] = np.nan
customers["churn"] = (rng.random(n) < 0.3).astype(int)
customers.rename(columns={"monthly": "monthly_charges"}, inplace=True)

# %% tags=["nbprod:split"]
train = customers[:60].copy()
test = customers[60:].copy()

# %% tags=["nbprod:fit"]
median_charge = train["monthly_charges"].median()

# %% tags=["nbprod:features"]
def prepare(df):
    df.pop("note")
    df["monthly_charges"] = df["monthly_charges"].fillna(median_charge)
    df.insert(1, "total", df["tenure"] * df["monthly_charges"])
    df.loc[df["support_calls"] > 4, "support_calls"] = 4
    df["is_new"] = 0
    df.loc[df["tenure"] < 6, "is_new"] = 1
    df["tenure"] //= 12
    df.set_index("customer_id", inplace=True)
    df["long_contract"] = (df["contract"] != "month").astype(int)
    del df["contract"]


prepare(train)
prepare(test)
X_train = train.drop(columns="churn")
X_test = test.drop(columns="churn")

# %% tags=["nbprod:train"]
tree = DecisionTreeClassifier(max_depth=3, random_state=0)
tree.fit(X_train, train["churn"].values)

# %% tags=["nbprod:predict"]
answer = pd.DataFrame({"churn": tree.predict(X_test)}, index=X_test.index)

# %%
expected = {"features": X_train, "holdout_features": X_test, "predictions": answer}
