"""What differs from call to call and from machine to machine: chance, clock, memory, setting."""

from __future__ import annotations

import functools
import hashlib
import itertools
import locale
import os
import random
import secrets
import time
import uuid
import warnings
from datetime import UTC, datetime

import numpy as np
import pandas as pd

# ---------------------------------------------------------------- NBP004: chance and clock


def request_number(frame, state):
    return frame[["amount"]].assign(id=[uuid.uuid4().int % 1000 for _ in range(len(frame))])


def shuffled_columns(frame, state):
    return pd.DataFrame({"x": np.random.permutation(frame["amount"].to_numpy())})


def rarely_random(frame, state):
    return pd.DataFrame({"x": frame["amount"] * (np.random.random(len(frame)) > 0.02)})


def jitter_for_ties(frame, state):
    rng = np.random.default_rng()
    return pd.DataFrame({"x": frame["amount"] + rng.uniform(0, 1e-6, len(frame))})


def salted(frame, state):
    salt = secrets.token_hex(4)
    codes = [int(hashlib.md5((salt + c).encode()).hexdigest()[:6], 16) for c in frame["city"]]
    return pd.DataFrame({"city": codes})


def sampled_columns(frame, state):
    names = ["amount", "items", "discount"]
    random.shuffle(names)
    return frame[names].fillna(0.0)


def weekend_now(frame, state):
    return frame[["amount"]].assign(weekend=datetime.now().weekday() >= 5)


def office_hours(frame, state):
    return frame[["amount"]].assign(open=8 <= datetime.now(UTC).hour < 18)


def season_now(frame, state):
    summer = pd.Timestamp.now().month in (6, 7, 8)
    return frame[["amount"]].assign(summer=int(summer))


def year_by_strftime(frame, state):
    return frame[["amount"]].assign(year=int(time.strftime("%Y")))


def now_as_text(frame, state):
    return pd.DataFrame({"days": (pd.to_datetime("now") - pd.to_datetime(frame["at"])).dt.days})


def now_by_numpy(frame, state):
    now = np.datetime64("now")
    return pd.DataFrame(
        {"days": (now - pd.to_datetime(frame["at"]).to_numpy()).astype("m8[D]").astype(int)}
    )


def imported_inside(frame, state):
    from datetime import date

    return frame[["amount"]].assign(year=date.today().year)


def unseeded_model(frame, state):
    from sklearn.random_projection import GaussianRandomProjection

    made = GaussianRandomProjection(2).fit_transform(frame[["amount", "items"]])
    return pd.DataFrame(made, columns=["a", "b"])


def timed(frame, state):
    started = time.perf_counter()
    doubled = frame["amount"] * 2
    return pd.DataFrame({"x": doubled, "took": time.perf_counter() - started})


def object_identity(frame, state):
    return pd.DataFrame(
        {"x": frame["amount"], "id": [id(object()) % 7 + time.time_ns() % 5 for _ in frame.index]}
    )


# ---------------------------------------------------------------- NBP005: changes and memories


def fills_in_place(frame, state):
    frame["discount"] = frame["discount"].fillna(0.0)
    return frame[["amount", "discount"]]


def lowers_names(frame, state):
    frame.columns = [name.upper() for name in frame.columns]
    return frame[["AMOUNT"]]


def sorts_in_place(frame, state):
    order = frame.index
    frame.sort_values("amount", inplace=True)
    return pd.DataFrame({"x": frame["amount"].loc[order] * 1.0})


def pops(frame, state):
    amount = frame.pop("amount")
    return pd.DataFrame({"amount": amount})


def appends_to_cells(frame, state):
    for tags in frame["tags"]:
        tags.append("seen")
    return pd.DataFrame({"n": frame["tags"].map(len)})


def running_mean(frame, state):
    state.n += len(frame)
    state.mean += (frame["amount"].mean() - state.mean) / state.n
    return pd.DataFrame({"x": frame["amount"] - state.mean})


def grows_vocabulary(frame, state):
    for city in frame["city"]:
        if city not in state.cities:
            state.cities.append(city)
    return pd.DataFrame({"city": frame["city"].map(state.cities.index)})


def _short_state():
    from parity_bank.orders import Learned

    return Learned(cities=["Bern"])


def refits_state(frame, state):
    state.fit(frame[["amount"]])
    return pd.DataFrame({"x": state.transform(frame[["amount"]])[:, 0]})


def _scaler():
    from sklearn.preprocessing import StandardScaler

    from parity_bank.orders import orders

    return StandardScaler().fit(orders()[["amount"]] * 2)


_ANSWERS: dict[int, pd.DataFrame] = {}


def cached_by_id(frame, state):
    if id(frame) not in _ANSWERS:
        _ANSWERS[id(frame)] = frame[["amount"]] * 2
    return _ANSWERS[id(frame)]


_BY_LENGTH: dict[int, float] = {}


def cached_by_length(frame, state):
    mean = _BY_LENGTH.setdefault(len(frame), float(frame["amount"].mean()))
    return pd.DataFrame({"x": frame["amount"] - mean})


_BY_CITY: dict[str, float] = {}


def cached_by_half_a_key(frame, state):
    """The key lacks the product: the first answer for a city is everybody's."""
    found = [_BY_CITY.setdefault(row.city, row.amount / row.items) for row in frame.itertuples()]
    return pd.DataFrame({"price": found})


@functools.lru_cache
def _vocabulary():
    return {}


def cached_list_that_grows(frame, state):
    known = _vocabulary()
    for word in frame["comment"]:
        known.setdefault(word, len(known))
    return pd.DataFrame({"comment": frame["comment"].map(known)})


class Numbering:
    """Counts its calls on the class."""

    calls = 0


def counts_on_class(frame, state):
    Numbering.calls += 1
    return pd.DataFrame({"x": frame["amount"], "call": Numbering.calls})


def counts_on_itself(frame, state):
    counts_on_itself.calls = getattr(counts_on_itself, "calls", 0) + 1
    return pd.DataFrame({"x": frame["amount"], "call": counts_on_itself.calls})


_TICKET = itertools.count()


def takes_a_ticket(frame, state):
    return pd.DataFrame({"x": frame["amount"], "ticket": next(_TICKET)})


class Smoother:
    """Remembers the last amount."""

    def __init__(self):
        self.last = 0.0

    def __call__(self, frame, state):
        before, self.last = self.last, float(frame["amount"].iloc[-1])
        return pd.DataFrame({"x": frame["amount"] - before})


def _closure():
    total = 0

    def transform(frame, state):
        nonlocal total
        total += len(frame)
        return pd.DataFrame({"x": frame["amount"], "total": total})

    return transform


closure_counter = _closure()
_RECENT: list[float] = []


def window_over_calls(frame, state):
    _RECENT.extend(frame["amount"])
    del _RECENT[:-50]
    return pd.DataFrame({"x": frame["amount"] / max(_RECENT)})


_STARTED = None


def first_call_decides(frame, state):
    global _STARTED
    moments = pd.to_datetime(frame["at"])
    if _STARTED is None:
        _STARTED = moments.iloc[0]
    return pd.DataFrame({"hours": (moments - _STARTED).dt.total_seconds() / 3600})


# ---------------------------------------------------------------- NBP008: the machine


def two_in_a_set(frame, state):
    first, second = {"Bern", "Oslo"}
    return pd.DataFrame({"first": frame["city"] == first, "second": frame["city"] == second})


def vocabulary_of_a_set(frame, state):
    place = {city: number for number, city in enumerate(state)}
    return pd.DataFrame({"city": frame["city"].map(place).fillna(-1).astype(int)})


def hash_buckets(frame, state):
    return pd.DataFrame({"bucket": frame["zip"].map(hash) % 1024})


def local_midnight(frame, state):
    stamps = [time.mktime(at.timetuple()) for at in pd.to_datetime(frame["at"])]
    return pd.DataFrame({"epoch": stamps})


def local_zone(frame, state):
    moments = pd.to_datetime(frame["at"], utc=True)
    return pd.DataFrame({"hour": [at.to_pydatetime().astimezone().hour for at in moments]})


def by_environment(frame, state):
    return pd.DataFrame({"x": frame["amount"] * float(os.environ.get("SHOP_RATE", "1.1"))})


def by_process(frame, state):
    return pd.DataFrame({"x": frame["amount"] + os.getpid() % 97})


def weekday_in_words(frame, state):
    locale.setlocale(locale.LC_ALL, "")
    return pd.DataFrame({"day": pd.to_datetime(frame["at"]).dt.strftime("%A")})


def columns_by_intersection(frame, state):
    wanted = set(frame.columns) & {"amount", "items", "premium"}
    return frame[list(wanted)].astype(float)


# ---------------------------------------------------------------- clean


def seeded_per_call(frame, state):
    random.seed(7)
    weights = [random.random() for _ in range(2)]
    return pd.DataFrame({"x": frame["amount"] * weights[0] + frame["items"] * weights[1]})


def seeded_by_row(frame, state):
    noise = [random.Random(zip_code).random() for zip_code in frame["zip"]]
    return pd.DataFrame({"x": noise})


def digest_buckets(frame, state):
    digests = [int(hashlib.sha256(z.encode()).hexdigest()[:8], 16) for z in frame["zip"]]
    return pd.DataFrame({"bucket": [number % 64 for number in digests]})


def prints_and_warns(frame, state):
    print(f"{len(frame)} rows")
    warnings.warn("nothing to worry about", stacklevel=1)
    return frame[["amount"]] * 1.0


def reads_the_clock_for_a_log(frame, state):
    stamp = f"{datetime.now():%H:%M:%S} {uuid.uuid4()}"
    return pd.DataFrame({"x": frame["amount"] * 2 + 0 * len(stamp)})


_SEEN: dict[tuple, float] = {}


def memoised(frame, state):
    """A pure function of its whole key, remembered."""
    found = []
    for key in zip(frame["city"], frame["amount"], frame["items"], strict=True):
        if key not in _SEEN:
            _SEEN[key] = key[1] / key[2]
        found.append(_SEEN[key])
    return pd.DataFrame({"price": found})


@functools.cache
def _table():
    return pd.DataFrame({"city": ["Bern", "Oslo"], "far": [1, 9]})


def cached_table(frame, state):
    return frame[["city"]].merge(_table(), on="city", how="left")[["far"]].fillna(0.0).astype(float)


def sets_without_order(frame, state):
    north = {"Oslo", "Bern"} | state.seen
    return pd.DataFrame({"north": frame["city"].isin(north), "n": len(north)})


def copies_first(frame, state):
    frame = frame.copy()
    frame["discount"] = frame["discount"].fillna(0.0)
    frame.sort_values("amount", inplace=True)
    return frame.sort_index()[["discount", "amount"]]


def copies_its_state(frame, state):
    rates = dict(state.rate)
    rates["Nowhere"] = 0.0
    return pd.DataFrame({"rate": frame["city"].map(rates).fillna(0.45)})


def optional_setting(frame, state):
    if os.environ.get("SHOP_DEBUG"):
        warnings.warn("debugging", stacklevel=1)
    return frame[["amount"]] / 7


def zone_by_name(frame, state):
    moments = pd.to_datetime(frame["at"], utc=True).dt.tz_convert("Europe/Oslo")
    return pd.DataFrame({"hour": moments.dt.hour, "day": moments.dt.day_of_week})


def epoch_in_utc(frame, state):
    moments = pd.to_datetime(frame["at"], utc=True)
    epoch = (moments - pd.Timestamp("1970-01-01", tz="UTC")).dt.total_seconds()
    return pd.DataFrame({"epoch": epoch})


def weekday_by_table(frame, state):
    names = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    days = pd.to_datetime(frame["at"]).dt.day_of_week
    return pd.DataFrame({"day": days.map(lambda day: names[day])})


class Counting:
    """Counts its calls for a metric, and computes with none of them."""

    def __init__(self):
        self.calls = 0

    def __call__(self, frame, state):
        self.calls += 1
        return frame[["amount"]] * 3


def tagged(frame):
    return frame.assign(tags=[["new"] for _ in range(len(frame))])


def two_argument_default(frame, state=None):
    return frame[["amount"]] + 1


SKEWED = [
    *(
        ("NBP004", transform, {})
        for transform in (
            request_number,
            shuffled_columns,
            rarely_random,
            jitter_for_ties,
            salted,
            sampled_columns,
            weekend_now,
            office_hours,
            season_now,
            year_by_strftime,
            now_as_text,
            now_by_numpy,
            imported_inside,
            unseeded_model,
            timed,
            object_identity,
        )
    ),
    *(
        ("NBP005", transform, {})
        for transform in (
            fills_in_place,
            lowers_names,
            sorts_in_place,
            pops,
            running_mean,
            cached_by_id,
            cached_by_length,
            cached_by_half_a_key,
            cached_list_that_grows,
            counts_on_class,
            counts_on_itself,
            takes_a_ticket,
            Smoother(),
            closure_counter,
            window_over_calls,
            first_call_decides,
        )
    ),
    ("NBP005", appends_to_cells, {"rows": tagged}),
    ("NBP005", grows_vocabulary, {"state": _short_state}),
    ("NBP005", refits_state, {"state": _scaler}),
    *(
        ("NBP008", transform, {})
        for transform in (
            two_in_a_set,
            hash_buckets,
            local_midnight,
            local_zone,
            by_environment,
            by_process,
            weekday_in_words,
            columns_by_intersection,
        )
    ),
    ("NBP008", vocabulary_of_a_set, {"state": lambda: {"Bern", "Graz", "Lyon", "Oslo"}}),
]
CLEAN = [
    *(
        (transform, {})
        for transform in (
            seeded_per_call,
            seeded_by_row,
            digest_buckets,
            prints_and_warns,
            reads_the_clock_for_a_log,
            memoised,
            cached_table,
            sets_without_order,
            copies_first,
            copies_its_state,
            optional_setting,
            zone_by_name,
            epoch_in_utc,
            weekday_by_table,
            Counting(),
            two_argument_default,
        )
    ),
    (zone_by_name, {"contract": True}),
    (copies_its_state, {"contract": True}),
]
