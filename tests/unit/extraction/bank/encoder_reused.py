# %% [markdown]
# # One encoder for a column after another, some without a name, all before the split
# label: stroke

# %%
import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import LabelEncoder, OrdinalEncoder

# %% tags=["nbprod:data"]
rng = np.random.default_rng(71)
data = pd.DataFrame({
    "gender": rng.choice(["f", "m"], 120),
    "Work Type": rng.choice(["private", "state", "none"], 120),
    "smoker": rng.choice(["yes", "no", "once"], 120),
    "home": rng.choice(["town", "land"], 120),
    "age": rng.integers(1, 90, 120),
})
data["stroke"] = (data["age"] + rng.integers(-20, 20, 120) > 60).astype(int)

# %% tags=["nbprod:features"]
# the same object, fitted anew each time
enc = LabelEncoder()
gender = enc.fit_transform(data["gender"])
work = enc.fit_transform(data["Work Type"])
enc.classes_

# %% tags=["nbprod:features"]
data["gender"], data["Work Type"] = gender, work
data["smoker"] = LabelEncoder().fit_transform(data["smoker"])

# %% tags=["nbprod:features"]
ordinal = OrdinalEncoder()
ordinal.fit(data[["home"]])
data["home"] = ordinal.transform(data[["home"]])

# %% tags=["nbprod:features"]
X = data.drop(columns="stroke")
y = data["stroke"]

# %% tags=["nbprod:split"]
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=3)

# %% tags=["nbprod:train"]
forest = RandomForestClassifier(n_estimators=5, random_state=0).fit(X_train, y_train)

# %% tags=["nbprod:predict"]
predicted = forest.predict(X_test)

# %%
expected = {
    "features": X_train,
    "holdout_features": X_test,
    "predictions": pd.DataFrame({"stroke": predicted}, index=X_test.index),
}
