# %% [markdown]
# # Coroutines of a lib cell, run to their end by a data cell
# label: y

# %%
import asyncio

import pandas as pd

# %% tags=["nbprod:data"]
df = pd.DataFrame({"x": range(1, 21), "z": [i % 3 for i in range(20)], "y": range(20)})

# %% tags=["nbprod:lib"]
async def fetch(number):
    """A number, as a server would give it."""
    await asyncio.sleep(0)
    return number * 2


async def numbers(count):
    for number in range(count):
        yield await fetch(number)


async def gather(count):
    async with asyncio.Lock():
        return [number async for number in numbers(count)]


# %% tags=["nbprod:data"]
df["w"] = asyncio.run(gather(20))

# %% tags=["nbprod:split"]
train, test = df[:15], df[15:]

# %% tags=["nbprod:features"]
X_train = train[["x", "w"]]
X_test = test[["x", "w"]]

# %% tags=["nbprod:train"]
model = {"per_x": train["y"].sum() / X_train.to_numpy().sum()}

# %% tags=["nbprod:predict"]
pred = pd.DataFrame({"y": X_test.sum(axis=1) * model["per_x"]}, index=X_test.index)

# %%
expected = {"features": X_train, "holdout_features": X_test, "predictions": pred}
