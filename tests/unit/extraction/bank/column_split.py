# %% [markdown]
# # A split of one column: the label's rows are chosen elsewhere
# label: y

# %%
import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression

# %% tags=["nbprod:data"]
df = pd.DataFrame({"x": np.arange(24) * 1.5, "hour": np.arange(24) % 4, "area": list("abc") * 8, "y": np.arange(24) * 2.0})
df.loc[3, "x"] = np.nan

# %% tags=["nbprod:split"]
train_x = df.x[:16]
test_x = df.x[16:]

# %% tags=["nbprod:features"]
X_train = train_x.fillna(0).to_frame()
X_test = test_x.fillna(0).to_frame()

# %% tags=["nbprod:train"]
labels = df["y"].to_numpy()
model = LinearRegression().fit(X_train, labels[:16])

# %% tags=["nbprod:predict"]
pred = pd.DataFrame({"y": model.predict(X_test)}, index=X_test.index)

# %%
expected = {"features": X_train, "holdout_features": X_test, "predictions": pred}
