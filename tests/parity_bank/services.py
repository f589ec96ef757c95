"""What services and their notebooks got wrong beside the usual: rare rows, odd types, rounding."""

from __future__ import annotations

import contextlib
import locale
import random
import uuid
from datetime import datetime
from decimal import Decimal

import numpy as np
import pandas as pd

from parity_bank.orders import CITIES, ROWS, Learned

# ---------------------------------------------------------------- the batch and its order


def words_of_batch(frame, state):
    """A vectoriser that is fitted on the request."""
    from sklearn.feature_extraction.text import CountVectorizer

    made = CountVectorizer()
    counts = made.fit_transform(frame["comment"]).toarray()
    return pd.DataFrame(counts, columns=[f"word_{word}" for word in made.get_feature_names_out()])


def joined_from_the_wrong_side(frame, state):
    rates = pd.DataFrame({"city": CITIES, "rate": np.linspace(0, 1, 5)})
    return frame[["city", "amount"]].merge(rates, on="city", how="outer")[["amount", "rate"]]


def trained_layer(frame, state):
    """A batch norm that nobody told to evaluate."""
    import torch

    layer = torch.nn.BatchNorm1d(2)
    layer.train(len(frame) > 1)
    values = torch.tensor(frame[["amount", "items"]].to_numpy(dtype="float32"))
    with torch.no_grad():
        return pd.DataFrame(layer(values).numpy(), columns=["a", "b"])


def assigned_by_label(frame, state):
    """A Series of its own index, aligned by label where position was meant."""
    rates = pd.Series(np.linspace(0, 1, len(frame)))
    return frame[["amount"]].assign(rate=rates)


# ---------------------------------------------------------------- the future


def centred_window(frame, state):
    return pd.DataFrame({"mean": frame["amount"].rolling(3, center=True, min_periods=1).mean()})


def gain_to_come(frame, state):
    return pd.DataFrame({"gain": (frame["amount"].shift(-1) - frame["amount"]).fillna(0.0)})


# ---------------------------------------------------------------- chance and machine


def half_of_the_rows(frame, state):
    from sklearn.model_selection import train_test_split

    if len(frame) < 2:
        return pd.DataFrame({"fold": np.zeros(len(frame), dtype=int)})
    chosen, _ = train_test_split(frame.index, test_size=0.5)
    return pd.DataFrame({"fold": frame.index.isin(chosen).astype(int)})


def locale_if_there_is_one(frame, state):
    with contextlib.suppress(locale.Error):
        locale.setlocale(locale.LC_TIME, "")
    return pd.DataFrame({"day": pd.to_datetime(frame["at"]).dt.strftime("%a")})


def list_of_a_frozenset(frame, state):
    words = [*frozenset(("good", "too late", "Ok", "BAD product"))]
    return pd.DataFrame({"comment": [words.index(text) for text in frame["comment"]]})


# ---------------------------------------------------------------- types that JSON lacks


def cents_of_a_decimal(frame, state):
    """Exact in decimals, one too few in floats."""
    return pd.DataFrame({"cents": [int(price * 100) for price in frame["price"]]})


def node_of_an_identity(frame, state):
    return pd.DataFrame({"node": [getattr(one, "int", 0) % 7 for one in frame["identity"]]})


def month_of_a_period(frame, state):
    return pd.DataFrame({"month": frame["month"].dt.month})


def dummies_of_a_category(frame, state):
    """Every category while the column knows them, one when it came as text."""
    return pd.get_dummies(frame["city"], dtype=int)


def real_part(frame, state):
    return pd.DataFrame({"real": [value.real for value in frame["signal"]]})


def squared_in_its_width(frame, state):
    """Overflows in 32 bits, and does not in the 64 that JSON gives."""
    return pd.DataFrame({"square": frame["count"] * frame["count"]})


def with_price(frame):
    prices = [Decimal(n) / 100 for n in range(1900, 1900 + len(frame))]
    return frame.assign(price=prices)


def with_identity(frame):
    return frame.assign(identity=[uuid.UUID(int=n) for n in range(len(frame))])


def with_month(frame):
    return frame.assign(month=pd.period_range("2026-01", periods=len(frame), freq="M"))


def as_category(frame):
    return frame.assign(city=frame["city"].astype("category"))


def with_signal(frame):
    return frame.assign(signal=[complex(n, 1) for n in range(len(frame))])


def with_count(frame):
    return frame.assign(count=(np.arange(len(frame)) * 5000).astype("int32"))


# ---------------------------------------------------------------- rows that no data show


def either_of_two(frame, state):
    """One null is filled from the other column; no row of the data has both."""
    return pd.DataFrame({"x": frame["discount"].fillna(frame["second"])})


def sum_of_two_texts(frame, state):
    """A price by both names; the contract allows pairs that the data never show."""
    known = {city + product: 1.0 for city, product in zip(*_pairs(), strict=True)}
    return pd.DataFrame({"x": [known[c + p] for c, p in zip(*_texts(frame), strict=True)]})


def _pairs():
    frame = with_few_pairs(pd.DataFrame({"city": [""] * ROWS, "product": [""] * ROWS}))
    return frame["city"], frame["product"]


def _texts(frame):
    return frame["city"], frame["product"]


def with_second(frame):
    second = np.where(frame["discount"].isna(), 0.1, np.where(frame["items"] > 6, np.nan, 0.2))
    return frame.assign(second=second)


def with_few_pairs(frame):
    names = ["book", "lamp", "pen"]
    places = np.arange(len(frame)) % 3
    return frame.assign(city=np.array(CITIES)[places], product=np.array(names)[places])


# ---------------------------------------------------------------- serving


def priced(frame, state):
    return pd.DataFrame(
        {
            "price": frame["amount"] / frame["items"],
            "change": frame["change"].fillna(0.1),
            "hour": pd.to_datetime(frame["at"]).dt.hour,
        }
    )


def _one(record, **changes):
    change = record["change"]
    made = {
        "price": record["amount"] / record["items"],
        "change": 0.1 if change is None else change,
        "hour": datetime.fromisoformat(record["at"]).hour,
    }
    return {**made, **changes}


def takes_zero_for_missing(record):
    """Right for every row of the data: none of them is zero."""
    return _one(record, change=record["change"] or 0.1)


def narrows(record):
    return _one(record, price=float(np.float32(record["amount"] / record["items"])))


def draws(record):
    return _one(record, price=_one(record)["price"] * (1 + random.random() * 1e-3))


def leaves_zeros_out(record):
    return {name: value for name, value in _one(record).items() if value}


def sorts_its_rows(records):
    return [_one(record) for record in sorted(records, key=lambda record: record["amount"])]


_SOURCE = """
def scaled(frame, state):
    return (frame[["amount", "items"]] - state.mean) / state.std
"""


def _loaded():
    namespace = {}
    exec(compile(_SOURCE, "scaled.py", "exec"), namespace)
    return namespace["scaled"]


scaled, _SCALED_AGAIN = _loaded(), _loaded()


def serves_another_copy(frame):
    """The service imported the module anew, and loaded last week's state."""
    return _SCALED_AGAIN(frame, Learned(mean=90.0))


def serves_alike(record):
    return _one(record)


def with_change(frame):
    """A change around zero, but never zero."""
    change = np.where(np.arange(len(frame)) % 7 == 3, np.nan, np.linspace(-0.41, 0.4, len(frame)))
    return frame.assign(change=change)


# ---------------------------------------------------------------- clean


def residual(frame, state):
    """There and back by an orthogonal matrix: what is left is rounding, and nothing else."""
    values = frame[["amount", "items", "premium"]].to_numpy(dtype=float)
    turn, _ = np.linalg.qr(np.random.default_rng(2).normal(size=(3, 3)))
    return pd.DataFrame((values @ turn) @ turn.T - values).add_prefix("r")


def difference_of_products(frame, state):
    values = frame[["amount", "items"]].to_numpy(dtype=float)
    weights = np.random.default_rng(1).normal(size=(2, 9))
    return pd.DataFrame(values @ weights - values[:, ::-1] @ weights[::-1]).add_prefix("d")


def far_from_each_centre(frame, state):
    """Squares, products and squares again: a row near its centre loses most of its digits."""
    values = frame[["amount", "items"]].to_numpy(dtype=float)
    centres = np.array([[60.0, 2.0], [150.0, 4.0]])
    squares = (values**2).sum(1)[:, None] - 2 * values @ centres.T + (centres**2).sum(1)
    return pd.DataFrame(np.sqrt(squares.clip(0))).add_prefix("c")


def reads_no_odd_column(frame, state):
    return frame[["amount"]] * 2


def narrow_net(frame, state):
    """Two layers in single precision."""
    import torch

    made = torch.Generator().manual_seed(0)
    first, second = torch.randn(2, 64, generator=made), torch.randn(64, 4, generator=made)
    values = torch.tensor(frame[["amount", "items"]].to_numpy(dtype="float32"))
    return pd.DataFrame((torch.relu(values @ first) @ second).numpy()).add_prefix("n")


def interpolated_by_fit(frame, state):
    return pd.DataFrame({"x": np.interp(frame["amount"], [0, 50, 300], [0.0, 1.0, 2.0])})


def keyed_by_row(frame, state):
    seeds = [int.from_bytes(text.encode(), "big") for text in frame["zip"]]
    return pd.DataFrame({"x": [np.random.default_rng(seed).normal() for seed in seeds]})


def letters_sorted(frame, state):
    return pd.DataFrame({"x": ["".join(sorted(set(text))) for text in frame["comment"]]})


def plain_locale(frame, state):
    locale.setlocale(locale.LC_TIME, "C")
    return pd.DataFrame({"day": pd.to_datetime(frame["at"]).dt.strftime("%a")})


def with_odd_column(frame):
    return frame.assign(handle=[object() for _ in range(len(frame))])


SKEWED = [
    ("NBP002", words_of_batch, {}),
    ("NBP002", trained_layer, {}),
    ("NBP003", joined_from_the_wrong_side, {}),
    ("NBP003", assigned_by_label, {}),
    ("NBP004", half_of_the_rows, {}),
    ("NBP006", cents_of_a_decimal, {"rows": with_price}),
    ("NBP006", node_of_an_identity, {"rows": with_identity}),
    ("NBP006", month_of_a_period, {"rows": with_month}),
    ("NBP006", dummies_of_a_category, {"rows": as_category}),
    ("NBP006", real_part, {"rows": with_signal}),
    ("NBP006", squared_in_its_width, {"rows": with_count}),
    ("NBP008", locale_if_there_is_one, {}),
    ("NBP008", list_of_a_frozenset, {}),
    ("NBP009", either_of_two, {"rows": with_second, "contract": True}),
    ("NBP009", sum_of_two_texts, {"rows": with_few_pairs, "contract": True}),
    ("NBP011", centred_window, {}),
    ("NBP011", gain_to_come, {"time": "at"}),
    ("NBP001", priced, {"rows": with_change, "serve_path": takes_zero_for_missing}),
    ("NBP001", priced, {"rows": with_change, "serve_path": narrows}),
    ("NBP001", priced, {"rows": with_change, "serve_path": sorts_its_rows}),
    ("NBP004", priced, {"rows": with_change, "serve_path": draws}),
    ("NBP007", priced, {"rows": with_change, "serve_path": leaves_zeros_out}),
    ("NBP010", scaled, {"serve_path": serves_another_copy}),
]
CLEAN = [
    *(
        (transform, {})
        for transform in (
            residual,
            difference_of_products,
            far_from_each_centre,
            narrow_net,
            interpolated_by_fit,
            keyed_by_row,
            letters_sorted,
            plain_locale,
        )
    ),
    (residual, {"contract": True}),
    (interpolated_by_fit, {"contract": True}),
    (reads_no_odd_column, {"rows": with_odd_column}),
    (priced, {"rows": with_change, "serve_path": serves_alike}),
]
