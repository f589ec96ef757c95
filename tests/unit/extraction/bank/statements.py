# %% [markdown]
# # Statements of every kind at the top level: with, while, try, match, del, async, generators
# label: y

# %%
import asyncio
import contextlib
import io
import json
from collections import deque

import numpy as np
import pandas as pd
from sklearn.linear_model import Ridge

# %% tags=["parameters"]
source = "made up"
rows_wanted = 60
grid = {"alpha": [0.1, 1.0], "best": None}

# %% tags=["nbprod:lib"]
async def fetch(number: int) -> dict:
    """A row, as it comes from a service."""
    await asyncio.sleep(0)
    return {"x": number * 7 % 23, "z": number % 5}


def chunks(rows, size):
    """Rows in parts."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


@contextlib.contextmanager
def opened(text):
    buffer = io.StringIO(text)
    try:
        yield buffer
    finally:
        buffer.close()


# %% tags=["nbprod:data"]
records = []
number = 0
while len(records) < rows_wanted:
    records.append(asyncio.run(fetch(number)))
    number += 1

with opened(json.dumps(records)) as handle:
    table = pd.DataFrame(json.load(handle))

match source:
    case "made up":
        table["y"] = table["x"] * 0.5 + table["z"]
    case _:
        raise ValueError(source)

del records

# %% tags=["nbprod:split"]
if len(table) > 50:
    cut = 45
else:
    cut = len(table) // 2
train, test = table.iloc[:cut], table.iloc[cut:]

# %% tags=["nbprod:fit"]
last_seen: deque[float] = deque(maxlen=3)
totals = {}
for part in chunks(train, 10):
    last_seen.append(float(part["x"].mean()))
    for key, group in part.groupby("z"):
        totals[key] = totals.get(key, 0) + int(group["x"].sum())
try:
    center = totals[99]
except KeyError:
    center = max(totals.values())
recent = sum(last_seen) / len(last_seen)

# %% tags=["nbprod:features"]
def as_features(rows, *, digits: int = 3):
    total = rows["z"].map(totals).fillna(0)
    return pd.DataFrame({
        "x": (rows["x"] - recent).round(digits),
        "total": total / center,
        "pair": [x * z for x, z in zip(rows["x"], rows["z"], strict=True)],
    })


X_train, X_test = (as_features(rows) for rows in (train, test))

# %% tags=["nbprod:train"]
best, best_score = None, -np.inf
for alpha in grid["alpha"]:
    candidate = Ridge(alpha=alpha).fit(X_train, train["y"])
    if (score := candidate.score(X_train, train["y"])) > best_score:
        best, best_score = candidate, score

# %% tags=["nbprod:predict"]
predictions = pd.DataFrame({"y": best.predict(X_test)}, index=X_test.index)

# %%
expected = {
    "frame": table,
    "state": {"totals": totals, "center": center, "recent": recent},
    "features": X_train,
    "holdout_features": X_test,
    "predictions": predictions,
}
