# %% [markdown]
# # A class of the notebook's own that learns and transforms, from frame to frame
# label: y

# %%
import pandas as pd
from sklearn.linear_model import LinearRegression

# %% tags=["nbprod:lib"]
class Builder:
    """Learns, then transforms."""

    def __init__(self, columns=("x", "z")):
        self.columns = columns
        self.means = {}

    def fit(self, rows):
        for column in self.columns:
            self.means[column] = float(rows[column].mean())
        return self

    def transform(self, rows):
        out = pd.DataFrame(index=rows.index)
        for column, mean in self.means.items():
            out[column] = rows[column] - mean
        return out


# %% tags=["nbprod:data"]
df = pd.DataFrame({"x": range(1, 31), "z": [i % 3 for i in range(30)], "y": range(30)})

# %% tags=["nbprod:split"]
train, test = df[:20], df[20:]

# %% tags=["nbprod:fit"]
builder = Builder().fit(train)

# %% tags=["nbprod:features"]
X_train, X_test = builder.transform(train), builder.transform(test)

# %% tags=["nbprod:train"]
model = LinearRegression().fit(X_train, train["y"])

# %% tags=["nbprod:predict"]
pred = pd.DataFrame({"y": model.predict(X_test)}, index=X_test.index)

# %%
expected = {"features": X_train, "holdout_features": X_test, "predictions": pred}
