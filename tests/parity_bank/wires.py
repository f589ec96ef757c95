"""What a value loses on the wire, which inputs break, what leaks, and how serving differs."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from parity_bank.orders import ROWS, Learned

# ---------------------------------------------------------------- NBP006: the wire


def weekday_of_moment(frame, state):
    return pd.DataFrame({"day": frame["at"].dt.day_of_week})


def codes_of_a_category(frame, state):
    return pd.DataFrame({"city": frame["city"].cat.codes.astype(int)})


def int_as_key(frame, state):
    return pd.DataFrame({"key": frame["city"] + "-" + frame["branch"].astype(str)})


def truth_of_objects(frame, state):
    return pd.DataFrame(
        {"not": ~frame["member"].fillna(False).astype(bool), "type": str(frame["member"].dtype)}
    )


def hour_where_it_was(frame, state):
    return pd.DataFrame({"hour": pd.to_datetime(frame["at"]).dt.hour})


def single_precision(frame, state):
    return pd.DataFrame({"ratio": frame["amount"] / 3})


def by_row_label(frame, state):
    return pd.DataFrame({"n": frame.index % 10})


def exact_decimal(frame, state):
    return pd.DataFrame({"cents": [int(amount * 100) for amount in frame["price"]]})


def elapsed(frame, state):
    return pd.DataFrame({"hours": frame["wait"].dt.total_seconds() / 3600})


def pair_as_key(frame, state):
    table = {("a", 1): 5.0, ("b", 2): 7.0}
    return pd.DataFrame({"x": [table.get(pair, 0.0) for pair in frame["pair"]]})


def type_of_cell(frame, state):
    return pd.DataFrame({"short": [isinstance(day, datetime) for day in frame["at"]]})


def big_id(frame, state):
    return pd.DataFrame({"last": frame["ticket"] % 10})


def with_branch(frame):
    return frame.assign(branch=pd.array([None, 7, 12, 3] * (ROWS // 4), dtype="Int64"))


def as_category(frame):
    return frame.assign(city=frame["city"].astype("category"))


def with_member(frame):
    return frame.assign(member=pd.array([True, False, None, True] * (ROWS // 4), dtype="boolean"))


def in_oslo(frame):
    return frame.assign(at=frame["at"].dt.tz_localize("Europe/Oslo"))


def narrow(frame):
    return frame.assign(amount=frame["amount"].astype("float32"))


def relabelled(frame):
    return frame.set_axis(range(103, 103 + 7 * len(frame), 7))


def with_wait(frame):
    return frame.assign(wait=pd.to_timedelta(frame["items"], unit="h"))


def with_pair(frame):
    return frame.assign(pair=[("a", 1), ("b", 2), ("c", 3), ("a", 1)] * (ROWS // 4))


def with_ticket(frame):
    numbers = [None if k % 7 == 3 else 2**60 + 3 * k for k in range(len(frame))]
    return frame.assign(ticket=pd.array(numbers, dtype="Int64"))


# ---------------------------------------------------------------- NBP009: edges


def unseen_city(frame, state):
    return pd.DataFrame({"rate": [state.rate[city[:4]] for city in frame["place"]]})


def unseen_is_null(frame, state):
    return pd.DataFrame({"rate": frame["place"].map({f"Bern {k}": 0.1 * k for k in range(60)})})


def strict_encoder(frame, state):
    return pd.DataFrame({"c": state.transform(frame[["place"]])[:, 0]})


def _strict():
    from sklearn.preprocessing import OrdinalEncoder

    return OrdinalEncoder().fit(pd.DataFrame({"place": [f"Bern {k}" for k in range(60)]}))


def null_to_int(frame, state):
    return pd.DataFrame({"tenths": [int(rate * 10) for rate in frame["discount"]]})


def null_stays(frame, state):
    return pd.DataFrame({"log": np.log1p(frame["rebate"])})


def logarithm_of_zero(frame, state):
    return pd.DataFrame({"log": np.log(frame["rebate"])})


def divided_by_zero(frame, state):
    return pd.DataFrame({"per": frame["amount"] / frame["rebate"]})


def root_of_negative(frame, state):
    return pd.DataFrame({"root": np.sqrt(frame["rebate"] + 1)})


def first_word(frame, state):
    return pd.DataFrame({"word": [text.split()[0] for text in frame["comment"]]})


def first_letter(frame, state):
    return pd.DataFrame({"letter": [ord(text[0]) for text in frame["comment"]]})


def ascii_only(frame, state):
    return pd.DataFrame({"size": [len(text.encode("ascii")) for text in frame["comment"]]})


def squeezed(frame, state):
    values = frame[["amount"]].squeeze()
    return pd.DataFrame({"x": values.to_numpy() * 2})


def squeezed_array(frame, state):
    return np.squeeze(frame[["amount", "items"]].to_numpy(dtype=float))


def filtered(frame, state):
    return frame[frame["amount"] > 20][["amount", "items"]]


def without_nulls(frame, state):
    return frame[["amount", "discount"]].dropna()


def multiplied_rows(frame, state):
    return frame.assign(word=frame["comment"].str.split()).explode("word")[["word", "amount"]]


def overflow_of_exponent(frame, state):
    return pd.DataFrame({"e": np.exp(frame["rebate"])})


def far_moment(frame, state):
    ends = {2026: 365}
    return pd.DataFrame({"days": [ends[at.year] for at in pd.to_datetime(frame["at"])]})


def with_place(frame):
    return frame.assign(place=[f"Bern {k}" for k in range(len(frame))])


def with_rebate(**bounds):
    def rebate(frame):
        return frame.assign(rebate=np.linspace(1, 5, len(frame)))

    rebate.bounds = bounds
    return rebate


# ---------------------------------------------------------------- NBP011: leakage


def mean_of_label(frame, state):
    return pd.DataFrame({"rate": frame.groupby("city")["bought"].transform("mean")})


def passes_all_on(frame, state):
    return frame.select_dtypes("number").fillna(0.0)


def label_under_another_name(frame, state):
    out = frame[["amount"]].copy()
    if "bought" in frame:
        out["flag"] = 1 - frame["bought"]
    else:
        out["flag"] = 0
    return out


def known_afterwards(frame, state):
    return pd.DataFrame({"paid": frame["paid"].fillna(0.0), "amount": frame["amount"]})


def next_order(frame, state):
    return pd.DataFrame({"next": frame["amount"].shift(-1).fillna(0.0)})


def next_of_city(frame, state):
    return pd.DataFrame({"next": frame.groupby("city")["amount"].shift(-1).fillna(0.0)})


def filled_from_behind(frame, state):
    return pd.DataFrame({"discount": frame["discount"].bfill().fillna(0.0)})


def total_to_come(frame, state):
    return pd.DataFrame({"left": frame["amount"][::-1].cumsum()[::-1]})


def encoded_by_target(frame, state):
    rates = frame.groupby("city")["target"].mean()
    return pd.DataFrame({"rate": frame["city"].map(rates)})


def with_paid(frame):
    return frame.assign(paid=frame["amount"] * frame["bought"])


def with_target(frame):
    return frame.rename(columns={"bought": "target"})


# ---------------------------------------------------------------- NBP001, NBP010: serving


def priced(frame, state):
    """The train path of most serve paths here."""
    return pd.DataFrame(
        {
            "price": frame["amount"] / frame["items"],
            "discount": frame["discount"].fillna(0.1),
            "rate": frame["city"].map(state.rate).fillna(0.45),
            "hour": pd.to_datetime(frame["at"]).dt.hour,
        }
    )


def _one(record, **changes):
    discount = record["discount"]
    features = {
        "price": record["amount"] / record["items"],
        "discount": 0.1 if discount is None else discount,
        "rate": Learned().rate.get(record["city"], 0.45),
        "hour": datetime.fromisoformat(record["at"]).hour,
    }
    return {**features, **changes}


def serves_whole_prices(record):
    return _one(record, price=record["amount"] // record["items"])


def serves_rounded(record, state):
    return _one(record, price=round(record["amount"] / record["items"], 2))


def serves_another_default(record):
    discount = record["discount"]
    return _one(record, discount=0.0 if discount is None else discount)


def serves_falsy_as_missing(record):
    return _one(record, discount=(record["discount"] or 0.1) if record["items"] > 1 else 0.1)


def serves_another_zone(records):
    rows = [_one(r, hour=(datetime.fromisoformat(r["at"]).hour + 1) % 24) for r in records]
    return pd.DataFrame(rows)


def serves_in_percent(records):
    return [_one(record, rate=_one(record)["rate"] * 100) for record in records]


def serves_case_sensitive(frame):
    made = priced(frame, Learned())
    return made.assign(rate=frame["city"].str.lower().map(Learned().rate).fillna(0.45))


def serves_unscaled(frame, state):
    """The vendor's tutorial: the scaler was fitted, and forgotten at serving."""
    return frame[["amount", "items"]].astype(float)


def scaled(frame, state):
    return (frame[["amount", "items"]] - state.mean) / state.std


def serves_swapped(records):
    return np.array([[r["items"] * 1.0, r["amount"]] for r in records])


def as_numbers(frame, state):
    return frame[["amount", "items"]].to_numpy(dtype=float)


def serves_other_order(records):
    return pd.DataFrame([_one(record) for record in records])[["rate", "price", "hour", "discount"]]


def serves_without_a_column(record):
    made = _one(record)
    del made["discount"]
    return made


def serves_text(record):
    return _one(record, hour=str(_one(record)["hour"]))


def serves_stale_state(records):
    return priced(pd.DataFrame(records), Learned(rate={"Bern": 0.9}))


class Service:
    """A service that loaded the state of last week."""

    def __init__(self):
        self.state = Learned(rate=dict.fromkeys(Learned().rate, 0.2))

    def predict(self, frame):
        return priced(frame, self.state)


def through_json(records):
    """The state went through JSON, and its keys are texts now."""
    return keyed(pd.DataFrame(records), json.loads(json.dumps({1: 0.5, 2: 0.7, 3: 0.9})))


def keyed(frame, state):
    return pd.DataFrame({"x": frame["items"].map(state).fillna(0.0)})


def refits_on_each_request(records):
    frame = pd.DataFrame(records)
    return scaled(frame, Learned(mean=frame["amount"].mean(), std=7.0))


# ---------------------------------------------------------------- clean


def parses_its_moments(frame, state):
    at = pd.to_datetime(frame["at"])
    return pd.DataFrame({"day": at.dt.day_of_week, "hour": at.dt.hour})


def text_of_digits(frame, state):
    """A zip code keeps its zero: it is text from end to end."""
    return pd.DataFrame({"region": frame["zip"].str[:2], "size": frame["zip"].str.len()})


def truth_as_number(frame, state):
    return pd.DataFrame({"premium": frame["premium"].astype(int)})


def null_passed_on(frame, state):
    return pd.DataFrame({"discount": frame["discount"], "known": frame["discount"].notna()})


def safe_ratio(frame, state):
    return pd.DataFrame({"per": frame["amount"] / frame["items"].clip(lower=1)})


def safe_lookup(frame, state):
    return pd.DataFrame({"rate": [state.rate.get(city, 0.45) for city in frame["city"]]})


def nullable_numbers(frame, state):
    return pd.DataFrame({"branch": frame["branch"].astype("Int64").fillna(0).astype("int64")})


def narrow_at_the_end(frame, state):
    return (frame[["amount"]] * 1.1).astype("float32")


def reads_no_index(frame, state):
    return pd.DataFrame({"x": frame["amount"].to_numpy() * 2})


def drops_the_label(frame, state):
    return frame.drop(columns=["bought"], errors="ignore")[["amount", "items"]]


def extremes_clipped(frame, state):
    return pd.DataFrame({"log": np.log1p(frame["amount"].clip(0, 1e6))})


def strips_text(frame, state):
    text = frame["comment"].str.strip().str.casefold()
    return pd.DataFrame({"size": text.str.len(), "bad": text.str.contains("bad").astype(int)})


def serves_the_same(record, state):
    return _one(record)


def serves_frames_alike(frame):
    return priced(frame, Learned())


def serves_records_alike(records):
    return [_one(record) for record in records]


def serves_within_an_ulp(record):
    return _one(record, price=1.0 / (record["items"] / record["amount"]))


def serves_a_copy_of_state(frame, state):
    import copy

    return priced(frame, copy.deepcopy(state))


def waves_by_math(record):
    angle = 2 * math.pi * datetime.fromisoformat(record["at"]).hour / 24
    return {"sin": math.sin(angle), "cos": math.cos(angle)}


def waves(frame, state):
    angle = 2 * np.pi * pd.to_datetime(frame["at"]).dt.hour / 24
    return pd.DataFrame({"sin": np.sin(angle), "cos": np.cos(angle)})


def zoned(frame, state):
    at = pd.to_datetime(frame["at"], utc=True).dt.tz_convert("Europe/Oslo")
    return pd.DataFrame({"hour": at.dt.hour, "utc": [a.astimezone(UTC).hour for a in at]})


SKEWED = [
    ("NBP006", weekday_of_moment, {}),
    ("NBP006", type_of_cell, {}),
    ("NBP006", codes_of_a_category, {"rows": as_category}),
    ("NBP006", int_as_key, {"rows": with_branch}),
    ("NBP006", truth_of_objects, {"rows": with_member}),
    ("NBP006", hour_where_it_was, {"rows": in_oslo}),
    ("NBP006", single_precision, {"rows": narrow}),
    ("NBP006", by_row_label, {"rows": relabelled}),
    ("NBP006", elapsed, {"rows": with_wait}),
    ("NBP006", pair_as_key, {"rows": with_pair}),
    ("NBP006", big_id, {"rows": with_ticket}),
    ("NBP009", unseen_city, {"rows": with_place, "contract": True}),
    ("NBP009", unseen_is_null, {"rows": with_place, "contract": True}),
    ("NBP009", strict_encoder, {"rows": with_place, "contract": True, "state": _strict}),
    ("NBP009", null_to_int, {}),
    ("NBP009", null_stays, {"rows": with_rebate(nullable=True), "contract": True}),
    ("NBP009", logarithm_of_zero, {"rows": with_rebate(minimum=0.0), "contract": True}),
    ("NBP009", divided_by_zero, {"rows": with_rebate(minimum=-1.0), "contract": True}),
    ("NBP009", root_of_negative, {"rows": with_rebate(minimum=-9.0), "contract": True}),
    ("NBP009", overflow_of_exponent, {"rows": with_rebate(maximum=1e4), "contract": True}),
    ("NBP009", first_word, {"contract": {"comment": {"categories": None}}}),
    ("NBP009", first_letter, {"contract": {"comment": {"categories": None}}}),
    ("NBP009", ascii_only, {"contract": {"comment": {"categories": None}}}),
    ("NBP009", far_moment, {"contract": {"at": {"latest": None}}}),
    ("NBP009", squeezed, {}),
    ("NBP009", squeezed_array, {}),
    ("NBP009", filtered, {}),
    ("NBP009", without_nulls, {}),
    ("NBP009", multiplied_rows, {}),
    ("NBP011", mean_of_label, {"label": "bought"}),
    ("NBP011", mean_of_label, {"contract": True}),
    ("NBP011", passes_all_on, {"contract": True}),
    ("NBP011", label_under_another_name, {"label": "bought"}),
    ("NBP011", known_afterwards, {"rows": with_paid, "not_inputs": ("paid",)}),
    ("NBP011", encoded_by_target, {"rows": with_target}),
    ("NBP011", next_order, {"time": "at"}),
    ("NBP011", next_order, {}),
    ("NBP011", next_of_city, {"time": "at"}),
    ("NBP011", filled_from_behind, {"time": "at"}),
    ("NBP011", total_to_come, {"time": "at"}),
    *(
        ("NBP001", priced, {"serve_path": serve})
        for serve in (
            serves_whole_prices,
            serves_rounded,
            serves_another_default,
            serves_falsy_as_missing,
            serves_another_zone,
            serves_in_percent,
            serves_case_sensitive,
        )
    ),
    ("NBP001", scaled, {"serve_path": serves_unscaled}),
    ("NBP001", as_numbers, {"serve_path": serves_swapped}),
    ("NBP007", priced, {"serve_path": serves_other_order}),
    ("NBP007", priced, {"serve_path": serves_without_a_column}),
    ("NBP007", priced, {"serve_path": serves_text}),
    ("NBP010", priced, {"serve_path": serves_stale_state}),
    ("NBP010", priced, {"serve_path": Service().predict}),
    ("NBP010", keyed, {"serve_path": through_json, "state": lambda: {1: 0.5, 2: 0.7, 3: 0.9}}),
    ("NBP010", scaled, {"serve_path": refits_on_each_request}),
]
CLEAN = [
    *(
        (transform, {})
        for transform in (
            parses_its_moments,
            text_of_digits,
            truth_as_number,
            null_passed_on,
            safe_ratio,
            safe_lookup,
            drops_the_label,
            extremes_clipped,
            strips_text,
            zoned,
        )
    ),
    *(
        (transform, {"contract": True})
        for transform in (
            parses_its_moments,
            text_of_digits,
            truth_as_number,
            null_passed_on,
            safe_ratio,
            safe_lookup,
            drops_the_label,
            extremes_clipped,
            strips_text,
            weekday_of_moment,
        )
    ),
    (nullable_numbers, {"rows": with_branch}),
    (narrow_at_the_end, {"rows": narrow}),
    (reads_no_index, {"rows": relabelled}),
    (drops_the_label, {"label": "bought", "time": "at"}),
    *(
        (priced, {"serve_path": serve})
        for serve in (
            serves_the_same,
            serves_frames_alike,
            serves_records_alike,
            serves_within_an_ulp,
            serves_a_copy_of_state,
        )
    ),
    (waves, {"serve_path": waves_by_math}),
]
