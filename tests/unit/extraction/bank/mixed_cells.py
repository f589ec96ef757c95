# %% [markdown]
# # One cell splits, scales and trains; the next makes the held-out features and predicts
# label: churned

# %%
import numpy as np
import pandas as pd
import matplotlib.pyplot as plt
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler


def draw(model, columns):
    plt.figure()
    plt.barh(columns, model.coef_[0])
    plt.title("weights")
    plt.show()

# %% tags=["nbprod:data"]
rng = np.random.default_rng(81)
customers = pd.DataFrame({
    "age": rng.integers(18, 80, 90).astype(float),
    "calls": rng.poisson(4, 90),
    "plan": rng.choice(["basic", "plus"], 90),
    "churned": rng.choice(["Yes", "No"], 90),
})

# %% tags=["nbprod:features"]
# the label is encoded beside the features
customers["churned"] = customers["churned"].map({"Yes": 1, "No": 0})
for column in ["plan", "churned"]:
    customers[column] = customers[column].astype("str")
customers["churned"] = customers["churned"].astype(int)
customers["plus"] = (customers["plan"] == "plus").astype(int)

# %% tags=["nbprod:train"]
X = customers.drop(columns=["churned", "plan"])
y = customers["churned"]
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=4)
scaler = StandardScaler().set_output(transform="pandas")
X_train_scaled = scaler.fit_transform(X_train)
other = LogisticRegression(C=0.1)
other.fit(X_train_scaled, y_train)
clf = LogisticRegression()
clf.fit(X_train_scaled, y_train)
draw(clf, X.columns)

# %% tags=["nbprod:predict"]
X_test_scaled = scaler.transform(X_test)
pred = clf.predict(X_test_scaled)
result = pd.DataFrame({"churned": pred}, index=X_test.index)
result.to_csv("result.csv")

# %%
expected = {
    "features": X_train_scaled,
    "holdout_features": X_test_scaled,
    "predictions": result,
}
