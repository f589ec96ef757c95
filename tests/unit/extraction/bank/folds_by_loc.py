# %% [markdown]
# # A model for each fold, whose label is one of the columns that loc chooses
# label: y

# %%
import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression

# %% tags=["nbprod:data"]
df = pd.DataFrame({"x": range(1, 31), "z": [i % 3 for i in range(30)], "y": range(30)})

# %% tags=["nbprod:split"]
train, test = df[:20], df[20:]

# %% tags=["nbprod:features"]
columns = ["x", "square"]
train, test = train.copy(), test.copy()
for rows in [train, test]:
    rows["square"] = rows["x"] ** 2

# %% tags=["nbprod:train"]
models = []
for fold in range(2):
    chosen = train.index[train.index % 2 == fold]
    model = LinearRegression()
    model.fit(train.loc[chosen, columns], train.loc[chosen, "y"])
    models.append(model)

# %% tags=["nbprod:predict"]
test["pred"] = np.mean([model.predict(test[columns]) for model in models], axis=0)

# %%
expected = {"predictions": test[["pred"]]}
