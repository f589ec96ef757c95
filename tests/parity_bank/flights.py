"""Transforms over flights, one skew bug each, and clean ones that only look suspicious."""

from __future__ import annotations

import datetime as dt
import functools
import logging
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pandas as pd

LOG = logging.getLogger(__name__)
ROWS = 48


def rows() -> pd.DataFrame:
    """Flights, made up: text, ints, floats with nulls, moments, an outcome."""
    rng = np.random.default_rng(7)
    distance = rng.uniform(90, 2500, ROWS).round(1)
    return pd.DataFrame(
        {
            "carrier": rng.choice(["AA", "B6", "DL", "UA"], ROWS),
            "origin": rng.choice(["EWR", "JFK", "LGA"], ROWS),
            "month": rng.integers(1, 13, ROWS),
            "hour": rng.integers(0, 24, ROWS),
            "distance": distance,
            "seats": rng.integers(20, 300, ROWS),
            "delay": np.where(rng.random(ROWS) < 0.2, np.nan, rng.normal(10, 30, ROWS).round()),
            "at": pd.date_range("2026-01-01", periods=ROWS, freq="7h"),
            "epoch": (1.7e9 + np.arange(ROWS) * 3601.0),
            "late": rng.integers(0, 2, ROWS),
        }
    )


@dataclass
class State:
    """What fit learned."""

    mean: float = 1200.0
    delay_by_carrier: dict = field(
        default_factory=lambda: {"AA": 5.0, "B6": 9.0, "DL": 2.0, "UA": 7.0}
    )
    carriers: list = field(default_factory=lambda: ["AA", "B6", "DL", "UA"])
    calls: int = 0
    memo: dict = field(default_factory=dict)


# ---------------------------------------------------------------- skewed


def batch_mean(frame, state):
    return pd.DataFrame({"x": frame["distance"] - frame["distance"].mean()})


def batch_zscore(frame, state):
    out = frame[["distance", "seats"]]
    return (out - out.mean()) / out.std()


def dummies(frame, state):
    return pd.get_dummies(frame[["carrier", "distance"]], columns=["carrier"], dtype=int)


def rank(frame, state):
    return frame[["distance"]].rank(pct=True)


def category_codes(frame, state):
    return pd.DataFrame({"carrier": frame["carrier"].astype("category").cat.codes.astype(int)})


def fill_mode(frame, state):
    return pd.DataFrame({"delay": frame["delay"].fillna(frame["delay"].mode()[0])})


def fill_median(frame, state):
    return pd.DataFrame({"delay": frame["delay"].fillna(frame["delay"].median())})


def quantile_bins(frame, state):
    return pd.DataFrame({"bin": pd.qcut(frame["distance"].rank(method="first"), 4, labels=False)})


def group_mean(frame, state):
    return pd.DataFrame({"x": frame.groupby("carrier")["distance"].transform("mean")})


def frequency(frame, state):
    return pd.DataFrame({"n": frame["carrier"].map(frame["carrier"].value_counts()).astype(int)})


def clip_quantile(frame, state):
    return pd.DataFrame({"x": frame["distance"].clip(upper=frame["distance"].quantile(0.9))})


def drop_constant(frame, state):
    numbers = frame[["distance", "seats", "month"]]
    return numbers.loc[:, numbers.nunique() > 1]


def lag(frame, state):
    return pd.DataFrame({"previous": frame["distance"].shift(1).fillna(0.0)})


def running_count(frame, state):
    return pd.DataFrame({"n": frame.groupby("carrier").cumcount()})


def forward_fill(frame, state):
    return pd.DataFrame({"delay": frame["delay"].ffill().fillna(0.0)})


def row_number(frame, state):
    return pd.DataFrame({"n": np.arange(len(frame)), "x": frame["distance"].to_numpy()})


def sorted_rows(frame, state):
    return frame.sort_values("distance")[["distance", "seats"]]


def seeded_noise(frame, state):
    rng = np.random.default_rng(0)
    return pd.DataFrame({"x": frame["distance"] + rng.normal(size=len(frame))})


def noise(frame, state):
    return pd.DataFrame({"x": frame["distance"] + np.random.normal(size=len(frame))})


def coin(frame, state):
    return pd.DataFrame({"flip": [random.choice([0, 1]) for _ in range(len(frame))]})


def sampled(frame, state):
    return pd.DataFrame({"x": frame["distance"].sample(frac=1.0).to_numpy()})


def age_in_days(frame, state):
    return pd.DataFrame({"age": (datetime.now() - frame["at"]).dt.days})


def age_by_pandas(frame, state):
    return pd.DataFrame({"age": (pd.Timestamp.now() - frame["at"]).dt.days})


def age_by_module(frame, state):
    return pd.DataFrame({"age": [(dt.date.today() - at.date()).days for at in frame["at"]]})


def age_by_time(frame, state):
    return pd.DataFrame({"days": ((time.time() - frame["epoch"]) // 86400).astype(int)})


def this_month(frame, state):
    return pd.DataFrame({"same": frame["month"] == pd.to_datetime("today").month})


RNG = np.random.default_rng(3)


def global_generator(frame, state):
    return pd.DataFrame({"x": frame["distance"] + RNG.normal(size=len(frame))})


def in_place(frame, state):
    frame["per_seat"] = frame["distance"] / frame["seats"]
    return frame[["per_seat"]]


def in_place_drop(frame, state):
    frame.drop(columns=["late"], inplace=True)
    return frame[["distance"]]


def state_counter(frame, state):
    state.calls += 1
    return pd.DataFrame({"x": frame["distance"] * 1.0, "calls": state.calls})


def state_memo(frame, state):
    for carrier in frame["carrier"]:
        state.memo.setdefault(carrier, len(state.memo))
    return pd.DataFrame({"code": frame["carrier"].map(state.memo).astype(int)})


CODES: dict[str, int] = {}


def global_codes(frame, state):
    for carrier in frame["carrier"]:
        CODES.setdefault(carrier, len(CODES))
    return pd.DataFrame({"code": frame["carrier"].map(CODES).astype(int)})


CACHE: dict[str, float] = {}


def global_mean(frame, state):
    if "mean" not in CACHE:
        CACHE["mean"] = frame["distance"].mean()
    return pd.DataFrame({"x": frame["distance"] - CACHE["mean"]})


COUNT = 0


def global_counter(frame, state):
    global COUNT
    COUNT += 1
    return pd.DataFrame({"x": frame["distance"], "n": COUNT})


def default_argument(frame, state, seen=[]):  # noqa: B006 - that is the bug
    seen.append(float(frame["distance"].iloc[0]))
    return pd.DataFrame({"x": frame["distance"] - seen[0]})


def int_as_text(frame, state):
    return pd.DataFrame({"code": frame["carrier"] + frame["gate"].astype(str).fillna("none")})


def local_hour(frame, state):
    return pd.DataFrame({"hour": pd.to_datetime(frame["at"]).dt.hour})


def dates_as_they_are(frame, state):
    return pd.DataFrame({"weekday": frame["at"].dt.day_of_week})


def narrow_floats(frame, state):
    return pd.DataFrame({"x": frame["distance"] * 1.1 + 0.3})


def by_index(frame, state):
    return pd.DataFrame({"hour": frame.index.hour})


def column_set(frame, state):
    out = frame.assign(ratio=frame["distance"] / frame["seats"])
    return out[list({"distance", "seats", "month", "hour", "ratio"})]


def set_codes(frame, state):
    codes = {name: number for number, name in enumerate({"AA", "B6", "DL", "UA", "WN", "AS"})}
    return pd.DataFrame({"carrier": frame["carrier"].map(codes).astype(int)})


def hashed(frame, state):
    return pd.DataFrame({"bucket": [hash(carrier) % 97 for carrier in frame["carrier"]]})


def machine_zone(frame, state):
    return pd.DataFrame({"hour": [datetime.fromtimestamp(e).hour for e in frame["epoch"]]})


def unseen_key(frame, state):
    known = {"AA": 1, "B6": 2, "DL": 3, "UA": 4}
    return pd.DataFrame({"carrier": [known[name] for name in frame["tail"].str[:2]]})


def null_crash(frame, state):
    return pd.DataFrame({"delay": [int(d) if d == d else int("none") for d in frame["delay"]]})


def drop_nulls(frame, state):
    return frame.dropna(subset=["delay"])[["delay", "distance"]]


def log_of_minimum(frame, state):
    return pd.DataFrame({"x": np.log(frame["distance"] - 80.0)})


def target_mean(frame, state):
    return pd.DataFrame({"x": frame.groupby("carrier")["late"].transform("mean")})


def label_as_feature(frame, state):
    return frame[["distance", "late"]]


def label_if_there(frame, state):
    return frame[[name for name in ("distance", "late") if name in frame]]


def next_delay(frame, state):
    return pd.DataFrame({"next": frame["distance"].shift(-1).fillna(0.0)})


def back_fill(frame, state):
    return pd.DataFrame({"delay": frame["delay"].bfill().fillna(0.0)})


def type_by_batch(frame, state):
    delay = frame["delay"].fillna(0.0)
    return pd.DataFrame({"delay": delay if frame["delay"].isna().any() else delay.astype(int)})


def categories_of_batch(frame, state):
    return pd.DataFrame({"carrier": frame["carrier"].astype("category")})


def with_gate(frame):
    return frame.assign(gate=pd.array([None, 7, 12, 3] * (ROWS // 4), dtype="Int64"))


def in_new_york(frame):
    return frame.assign(at=frame["at"].dt.tz_localize("America/New_York"))


def narrowed(frame):
    return frame.assign(distance=frame["distance"].astype("float32"))


def indexed(frame):
    return frame.set_index("at")


def with_tail(frame):
    return frame.assign(tail=frame["carrier"] + [f"-{n:03d}" for n in range(len(frame))])


SKEWED = [
    ("NBP002", batch_mean, {}),
    ("NBP002", batch_zscore, {}),
    ("NBP002", dummies, {}),
    ("NBP002", rank, {}),
    ("NBP002", category_codes, {}),
    ("NBP002", fill_mode, {}),
    ("NBP002", fill_median, {}),
    ("NBP002", group_mean, {}),
    ("NBP002", frequency, {}),
    ("NBP002", clip_quantile, {}),
    ("NBP007", drop_constant, {}),
    ("NBP002", quantile_bins, {}),
    ("NBP003", lag, {}),
    ("NBP003", running_count, {}),
    ("NBP003", forward_fill, {}),
    ("NBP003", row_number, {}),
    ("NBP003", sorted_rows, {}),
    ("NBP003", seeded_noise, {}),
    ("NBP004", noise, {}),
    ("NBP004", coin, {}),
    ("NBP004", sampled, {}),
    ("NBP004", age_in_days, {"contract": True}),
    ("NBP004", age_by_pandas, {"contract": True}),
    ("NBP004", age_by_module, {"contract": True}),
    ("NBP004", age_by_time, {}),
    ("NBP004", this_month, {}),
    ("NBP004", global_generator, {}),
    ("NBP005", in_place, {}),
    ("NBP005", in_place_drop, {}),
    ("NBP005", state_counter, {}),
    ("NBP005", state_memo, {}),
    ("NBP005", global_codes, {}),
    ("NBP005", global_mean, {}),
    ("NBP005", global_counter, {}),
    ("NBP005", default_argument, {}),
    ("NBP006", int_as_text, {"rows": with_gate}),
    ("NBP006", local_hour, {"rows": in_new_york}),
    ("NBP006", dates_as_they_are, {}),
    ("NBP006", narrow_floats, {"rows": narrowed}),
    ("NBP006", by_index, {"rows": indexed}),
    ("NBP007", type_by_batch, {}),
    ("NBP007", categories_of_batch, {}),
    ("NBP008", column_set, {}),
    ("NBP008", set_codes, {}),
    ("NBP008", hashed, {}),
    ("NBP008", machine_zone, {}),
    ("NBP009", unseen_key, {"rows": with_tail, "contract": True}),
    ("NBP009", null_crash, {}),
    ("NBP009", drop_nulls, {}),
    ("NBP009", log_of_minimum, {"contract": True}),
    ("NBP011", target_mean, {"label": "late"}),
    ("NBP011", label_as_feature, {"label": "late"}),
    ("NBP011", label_if_there, {"not_inputs": ("late",)}),
    ("NBP011", next_delay, {"time": "at"}),
    ("NBP011", back_fill, {"time": "at"}),
]


# ---------------------------------------------------------------- clean, though they look bad


def plain(frame, state):
    return pd.DataFrame(
        {
            "distance": frame["distance"] - state.mean,
            "carrier": frame["carrier"].map(state.delay_by_carrier).fillna(0.0),
            "night": ((frame["hour"] < 6) | (frame["hour"] > 22)).astype(int),
        }
    )


def dummies_by_state(frame, state):
    known = pd.Categorical(frame["carrier"], categories=state.carriers)
    return pd.get_dummies(pd.DataFrame({"carrier": known}, index=frame.index), dtype=int)


def codes_by_state(frame, state):
    known = pd.Categorical(frame["carrier"], categories=state.carriers)
    return pd.DataFrame({"carrier": known.codes.astype("int64")}, index=frame.index)


def logs_the_time(frame, state):
    started, today = time.time(), datetime.now()
    out = frame[["distance"]] / 1.609344
    LOG.debug("%s: %s rows in %.3f s", today, len(out), time.time() - started)
    return out


@functools.lru_cache(maxsize=16)
def _slow(name: str) -> int:
    return sum(map(ord, name))


def cached_function(frame, state):
    return pd.DataFrame({"x": [_slow(name) for name in frame["carrier"]]})


MEMO: dict[str, int] = {}
CALLS: Counter = Counter()


def harmless_cache(frame, state):
    for name in frame["carrier"]:
        if name not in MEMO:
            MEMO[name] = sum(map(ord, name))
    CALLS["transform"] += 1
    return pd.DataFrame({"x": [MEMO[name] for name in frame["carrier"]]})


def copies_then_writes(frame, state):
    frame = frame.copy()
    frame["per_seat"] = frame["distance"] / frame["seats"]
    frame.drop(columns=["late"], inplace=True, errors="ignore")
    return frame[["per_seat"]]


def set_for_membership(frame, state):
    hubs = {"AA", "UA", "DL"}
    return pd.DataFrame({"hub": frame["carrier"].isin(hubs), "n": [len(hubs)] * len(frame)})


def sorted_set(frame, state):
    names = sorted({"distance", "seats", "month"})
    return frame[names].astype(float)


def row_by_row(frame, state):
    return pd.DataFrame({"x": frame.apply(lambda row: row["distance"] / row["seats"], axis=1)})


def group_by_state(frame, state):
    means = pd.DataFrame(
        {"carrier": list(state.delay_by_carrier), "mean": list(state.delay_by_carrier.values())}
    )
    return frame[["carrier", "distance"]].merge(means, on="carrier", how="left")[
        ["distance", "mean"]
    ]


def seeded_projection(frame, state):
    weights = np.random.default_rng(0).normal(size=3)
    values = frame[["distance", "seats", "month"]].to_numpy(dtype=float)
    return pd.DataFrame({f"w{k}": values[:, k] * weights[k] for k in range(3)})


def waves(frame, state):
    angle = 2 * np.pi * frame["hour"] / 24
    return pd.DataFrame(
        {"sin": np.sin(angle), "cos": np.cos(angle), "log": np.log1p(frame["distance"])}
    )


def fixed_bins(frame, state):
    return pd.DataFrame(
        {"bin": pd.cut(frame["distance"], [0, 500, 1000, 9000], labels=False).astype(float)}
    )


def utc_moments(frame, state):
    at = pd.to_datetime(frame["at"], utc=True).dt.tz_convert("America/New_York")
    return pd.DataFrame({"hour": at.dt.hour, "weekday": at.dt.day_of_week})


def nulls_by_constant(frame, state):
    return pd.DataFrame({"delay": frame["delay"].fillna(-1.0), "null": frame["delay"].isna()})


def nulls_stay(frame, state):
    return frame[["delay", "distance"]] * 2.0


def fixed_date(frame, state):
    reference = pd.Timestamp("2026-06-01")
    return pd.DataFrame({"days": (reference - pd.to_datetime(frame["at"])).dt.days})


def as_array(frame, state):
    return frame[["distance", "seats"]].to_numpy(dtype="float32")


def row_sums(frame, state):
    numbers = frame[["distance", "seats", "month"]]
    return pd.DataFrame({"mean": numbers.mean(axis=1), "largest": numbers.max(axis=1)})


def grouped_to_itself(frame, state):
    return frame.groupby(level=0, group_keys=False)[["distance", "seats"]].sum()


class Encoder:
    """A transform with a state of its own."""

    def __init__(self) -> None:
        self.codes = {"AA": 0, "B6": 1, "DL": 2, "UA": 3}

    def __call__(self, frame, state):
        return pd.DataFrame({"code": frame["carrier"].map(self.codes).fillna(-1).astype(int)})


def scaled(frame, state):
    return pd.DataFrame(
        state.transform(frame[["distance", "seats"]]), columns=["distance", "seats"]
    )


def _scaler():
    from sklearn.preprocessing import StandardScaler

    return StandardScaler().fit(rows()[["distance", "seats"]])


def one_argument(frame):
    return frame[["distance"]] * 2


CLEAN = [
    (plain, {}),
    (plain, {"contract": True, "label": "late", "time": "at"}),
    (dummies_by_state, {}),
    (dummies_by_state, {"contract": True}),
    (codes_by_state, {}),
    (logs_the_time, {}),
    (cached_function, {}),
    (harmless_cache, {}),
    (copies_then_writes, {"label": "late"}),
    (set_for_membership, {}),
    (sorted_set, {}),
    (row_by_row, {}),
    (group_by_state, {}),
    (seeded_projection, {}),
    (waves, {}),
    (waves, {"contract": True}),
    (fixed_bins, {}),
    (utc_moments, {}),
    (utc_moments, {"rows": in_new_york}),
    (utc_moments, {"rows": in_new_york, "contract": True}),
    (nulls_by_constant, {}),
    (nulls_by_constant, {"contract": True}),
    (nulls_stay, {"time": "at"}),
    (fixed_date, {}),
    (as_array, {}),
    (row_sums, {}),
    (grouped_to_itself, {}),
    (dates_as_they_are, {"contract": True}),
    (Encoder(), {}),
    (scaled, {"state": _scaler}),
    (one_argument, {"state": lambda: None}),
]
