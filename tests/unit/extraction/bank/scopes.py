# %% [markdown]
# # Scopes: comprehensions, nested functions, nonlocal, a class body that methods do not see
# label: y

# %%
import pandas as pd

# %% tags=["nbprod:data"]
df = pd.DataFrame({"x": range(1, 21), "z": [i % 3 for i in range(20)], "y": range(20)})

# %% tags=["nbprod:split"]
train, test = df[:15], df[15:]

# %% tags=["nbprod:fit"]
x = train["x"].max()
steps = [x for x in range(3)]
top = x

# %% tags=["nbprod:features"]
class Scale:
    halves = [half / 2 for half in range(3)]

    def of(self, values):
        return values / top + self.halves[1]


def counted(values):
    seen = 0

    def one(value, x=top):
        nonlocal seen
        seen += 1
        top = value + seen
        return top / x

    made = [one(value) for value in values]
    return made


def features(rows):
    max = 3
    return pd.DataFrame(
        {
            "scaled": Scale().of(rows["x"]),
            "counted": counted(rows["x"]),
            "steps": [sum(step * value for step in steps) + max for value in rows["x"]],
            "by": [{x: top for x in steps}[value] for value in rows["z"]],
        },
        index=rows.index,
    )


X_train = features(train)
X_test = features(test)

# %% tags=["nbprod:train"]
model = {"per_x": train["y"].sum() / X_train.to_numpy().sum()}

# %% tags=["nbprod:predict"]
pred = pd.DataFrame({"y": X_test.sum(axis=1) * model["per_x"]}, index=X_test.index)

# %%
expected = {"features": X_train, "holdout_features": X_test, "predictions": pred}
