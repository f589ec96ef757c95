# %% [markdown]
# # Names in the text of a query: @threshold is a parameter, @known is learned
# label: late

# %%
import pandas as pd
from sklearn.linear_model import LogisticRegression

# %% tags=["parameters"]
threshold = 300
first_day = 20

# %% tags=["nbprod:data"]
frame = pd.DataFrame({"day": range(40), "carrier": list("ABCD") * 10})
frame["distance"] = frame["day"] * 53 % 700
frame["late"] = (frame["distance"] % 3 == 0).astype(int)

# %% tags=["nbprod:split"]
train = frame.query("day < @first_day")
test = frame.query("not day < @first_day")

# %% tags=["nbprod:fit"]
known = train.query("distance > @threshold")["carrier"].unique().tolist()
typical = train["distance"].mean()

# %% tags=["nbprod:features"]
def far_rows(rows):
    """Which rows are of known carriers, and far."""
    return rows.query("carrier in @known and distance > @typical").index


X_train = pd.DataFrame({"far": train.index.isin(far_rows(train))}, index=train.index)
X_test = pd.DataFrame({"far": test.index.isin(far_rows(test))}, index=test.index)

# %% tags=["nbprod:train"]
model = LogisticRegression().fit(X_train, train["late"])

# %% tags=["nbprod:predict"]
answer = pd.DataFrame({"late": model.predict(X_test)}, index=X_test.index)

# %%
expected = {
    "train": train,
    "features": X_train,
    "holdout_features": X_test,
    "predictions": answer,
    "state": {"known": known},
}
