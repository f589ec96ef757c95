# %% [markdown]
# # fit_transform on train, transform on test; LabelEncoders kept in a dict
# label: approved

# %%
import numpy as np
import pandas as pd
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.impute import SimpleImputer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import LabelEncoder, StandardScaler

# %% tags=["nbprod:data"]
rng = np.random.default_rng(15)
loans = pd.DataFrame({
    "amount": rng.gamma(3, 4000, 120).round(),
    "term": rng.choice([12, 24, 36], 120).astype(float),
    "purpose": rng.choice(["car", "house", "school"], 120),
    "job": rng.choice(["yes", "no"], 120),
    "approved": rng.integers(0, 2, 120),
})
loans.loc[::9, "term"] = np.nan

# %% tags=["nbprod:split"]
train, test = train_test_split(loans, test_size=0.3, random_state=3)
train = train.reset_index(drop=True)
test = test.reset_index(drop=True)

# %% tags=["nbprod:fit"]
label_encoders = {}
for col in ["purpose", "job"]:
    le = LabelEncoder()
    le.fit(train[col])
    label_encoders[col] = le

# %% tags=["nbprod:features"]
for col, le in label_encoders.items():
    train[col] = le.transform(train[col])
    test[col] = le.transform(test[col])

# %% tags=["nbprod:features"]
columns = ["amount", "term", "purpose", "job"]
imputer = SimpleImputer(strategy="median")
X_train = imputer.fit_transform(train[columns])
X_test = imputer.transform(test[columns])

scaler = StandardScaler()
X_train = scaler.fit_transform(X_train)
X_test = scaler.transform(X_test)

# %% tags=["nbprod:train"]
et = ExtraTreesClassifier(n_estimators=10, random_state=0)
et.fit(X_train, train["approved"])
importances = pd.Series(et.feature_importances_, index=columns).sort_values(ascending=False)
print(importances)

# %% tags=["nbprod:predict"]
scores = et.predict_proba(X_test)[:, 1]

# %%
expected = {
    "predictions": pd.DataFrame({"approved": scores}, index=test.index),
}
