"""The parity report as a whole: paths, state, contract, what could not be tried."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from nbprod.data.contract import frame_of, infer_contract
from nbprod.errors import DataError
from nbprod.parity import check_parity
from nbprod.records import ColumnRule, DataContract, ParityReport, canonical_json


@dataclass
class State:
    mean: float = 10.0


@pytest.fixture
def rows() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    return pd.DataFrame(
        {
            "x": rng.uniform(1, 50, 60).round(3),
            "n": rng.integers(0, 9, 60),
            "s": rng.choice(["a", "b", "c"], 60),
        }
    )


def transform(frame, state):
    return pd.DataFrame({"x": frame["x"] - state.mean, "n": frame["n"] * 2})


def batch_mean(frame, state):
    return pd.DataFrame({"centred": frame["x"] - frame["x"].mean()})


def contract_for(rows, features, **changes) -> DataContract:
    made = infer_contract(
        rows,
        features,
        pd.DataFrame({"y": [0.1, 0.8]}),
        package="p",
        key=(),
        time="",
        not_inputs=(),
    )
    rules = [
        ColumnRule.from_json({**rule.to_json(), **changes.get(rule.name, {})})
        for rule in made.input
    ]
    return DataContract.from_json({**made.to_json(), "input": [rule.to_json() for rule in rules]})


def examine(function, rows, **arguments) -> ParityReport:
    """Parity without fresh processes: the same call stands for one."""
    arguments.setdefault("state", State())
    state = arguments["state"]
    rerun = lambda frame, environ: function(frame.copy(), state)  # noqa: E731
    return check_parity(function, rows=rows, rerun=arguments.pop("rerun", rerun), **arguments)


def relation(report, name):
    return next(item for item in report.relations if item.name == name)


def test_a_pass_says_what_was_tried_and_how_far_apart(rows):
    """A pass lists every relation, and each feature's distance with its tolerance."""
    report = examine(transform, rows, tolerance={"*": "exact", "x": "rel:1e-9"}, subject="v1")

    assert report.passed
    assert report.raise_if_failed() is report
    assert {item.column: item.tolerance for item in report.distances} == {
        "x": "rel:1e-9",
        "n": "exact",
    }
    assert {item.name for item in report.relations} >= {"batch", "order", "wire", "environment"}
    assert (report.subject, report.scope, report.rows) == ("v1", "module", 60)


def test_the_report_is_plain_data(rows):
    """A report with findings goes to JSON and back, and JSON has no NaN."""
    report = examine(batch_mean, rows)

    assert ParityReport.from_json(json.loads(canonical_json(report.to_json()))) == report
    json.dumps(report.to_json(), allow_nan=False)


def test_a_finding_names_column_values_step_and_the_smallest_rows(rows):
    """A finding holds the column, both values, the distance, the line, and two rows that show it."""
    (finding,) = examine(batch_mean, rows).findings

    assert (finding.code, finding.column) == ("NBP002", "centred")
    assert finding.details["smallest_rows"] == 2
    assert finding.details["actual"] == 0.0
    assert finding.details["distance"] > 0
    assert finding.details["step"]["source"].startswith("return pd.DataFrame")
    assert "nbprod:fit" in finding.hint


def test_a_redacted_column_is_in_no_finding(rows):
    """The smallest input shows that the column is there, and nothing of its value."""
    hidden = rows.columns[0]
    report = check_parity(lambda frame: frame.rank(numeric_only=True), rows=rows, redact=(hidden,))
    shown = [row for finding in report.findings for row in finding.details.get("rows", ())]
    assert shown
    assert {row[hidden] for row in shown} == {"[redacted]"}
    assert all(row[rows.columns[1]] != "[redacted]" for row in shown)


def test_two_causes_are_two_findings(rows):
    """A random column and a batch column are told apart."""

    def both(frame, state):
        noise = np.random.normal(size=len(frame))
        return batch_mean(frame, state).assign(noise=noise)

    def rerun(frame, environ):
        return both(frame, None)

    report = examine(both, rows, rerun=rerun)

    found = {finding.code: finding.details["columns"] for finding in report.findings}
    assert found == {"NBP004": ["noise"], "NBP002": ["centred"]}


def test_a_tolerance_lets_noise_pass(rows):
    """What the user tolerates is no finding, and its distance is told."""

    def noisy(frame, state):
        return pd.DataFrame({"x": frame["x"] + frame["x"].mean() * 1e-12})

    assert not examine(noisy, rows).passed
    report = examine(noisy, rows, tolerance={"*": "abs:1e-9"})

    assert report.passed
    assert 0 < report.distances[0].max_distance < 1e-9


# ---------------------------------------------------------------- paths


def test_a_serve_path_of_its_own_is_compared_value_by_value(rows):
    """Serving code that computes another value is NBP001, with both values."""

    def serve(records):
        return pd.DataFrame(
            {"x": [r["x"] - 10.5 for r in records], "n": [r["n"] * 2 for r in records]}
        )

    report = examine(transform, rows, serve_path=serve)
    (finding,) = report.findings

    assert (finding.code, finding.column) == ("NBP001", "x")
    assert finding.details["apart"] == pytest.approx(0.5)


def test_a_serve_path_with_other_columns_is_a_finding_of_columns(rows):
    """Another order of columns on the serve path is NBP007."""

    def serve(records):
        return transform(pd.DataFrame(records), State())[["n", "x"]]

    (finding,) = examine(transform, rows, serve_path=serve).findings

    assert finding.code == "NBP007"


def test_a_serve_path_that_depends_on_its_batch_is_caught(rows):
    """A serve path that is right for all rows and wrong for one is NBP002."""

    def serve(records):
        frame = pd.DataFrame(records)
        return transform(frame, State()).assign(x=lambda f: f["x"] - 0.1 * (len(frame) == 1))

    (finding,) = examine(transform, rows, serve_path=serve).findings

    assert finding.code == "NBP002"


def test_a_serve_path_that_raises_fails_the_report(rows):
    """An exception on the serve path is a finding, never a pass."""

    def serve(records):
        raise RuntimeError("no model")

    report = examine(transform, rows, serve_path=serve)

    assert [finding.code for finding in report.findings] == ["NBP001"]
    assert "no model" in report.findings[0].message


def test_the_true_serve_path_agrees(rows):
    """The contract's way of serving passes, one by one and together."""
    contract = contract_for(rows, transform(rows, State()))

    def serve(records):
        return transform(frame_of(records, contract.input), State())

    report = examine(transform, rows, serve_path=serve, contract=contract)

    assert report.passed
    assert relation(report, "value").rows == 60
    assert relation(report, "edge").rows > 5
    assert report.inputs == {contract.id: contract.digest}


def test_training_features_are_compared_too(rows):
    """Features that the model was fed and the transform no longer gives are NBP001."""
    expected = transform(rows, State()).set_index(np.arange(1000, 1060))

    assert examine(transform, rows, expected=expected).passed
    (finding,) = examine(transform, rows, expected=expected.assign(n=expected["n"] + 1)).findings
    assert (finding.code, finding.column) == ("NBP001", "n")


# ---------------------------------------------------------------- state


def test_a_state_that_training_did_not_fit_is_found(rows):
    """Fitting again must give the given state; another one is NBP010 and explains the values."""
    features = transform(rows, State())

    same = examine(transform, rows, fit=lambda frame: State(10.0), expected=features)
    other = examine(transform, rows, fit=lambda frame: State(11.0), expected=features + 1)

    assert same.passed
    assert [finding.code for finding in other.findings] == ["NBP010"]


def test_a_fit_that_draws_lots_is_found(rows):
    """Without a given state, fit is called twice and must agree with itself."""
    report = examine(
        lambda frame, state: frame[["x"]] * 1.0,
        rows,
        state=None,
        fit=lambda frame: State(float(np.random.normal())),
    )

    assert [finding.code for finding in report.findings] == ["NBP010"]


def test_the_caller_s_state_stays_as_it_was(rows):
    """A transform that writes to its state writes to a copy, and is found."""

    def counts(frame, state):
        state.mean += 1
        return pd.DataFrame({"x": frame["x"] - state.mean})

    state = State()
    report = check_parity(counts, rows=rows, state=state, rerun=lambda f, e: counts(f, State()))

    assert state == State()
    assert [finding.code for finding in report.findings] == ["NBP005"]


# ---------------------------------------------------------------- what could not be tried


def test_a_transform_that_raises_never_passes(rows):
    """No features, no parity: one finding, and every relation says why it was not tried."""

    def broken(frame, state):
        raise ValueError("no")

    report = examine(broken, rows)

    assert not report.passed
    assert [finding.code for finding in report.findings] == ["NBP009"]
    assert not any(item.checked for item in report.relations if item.name != "batch")


def test_a_transform_that_returns_no_frame_is_told(rows):
    """A dict is no frame of features."""
    (finding,) = examine(lambda frame, state: {"x": 1}, rows).findings

    assert finding.code == "NBP007"


def test_what_could_not_be_tried_does_not_pass(rows):
    """A fresh process that cannot be had leaves the environment unchecked, and no pass."""
    lock = __import__("threading").Lock()

    def locked(frame, state):
        with lock:
            return frame[["x"]] * 2

    report = check_parity(locked, rows=rows)

    assert not report.findings
    assert not relation(report, "environment").checked
    assert relation(report, "environment").reason
    assert not report.passed


def test_what_was_not_asked_does_not_fail(rows):
    """Without label, contract, fit and serve path those relations are unchecked, and pass."""
    report = examine(transform, rows)

    unchecked = {item.name for item in report.relations if not item.checked}
    assert unchecked == {"leakage", "state", "value", "edge", "generated"}
    assert report.passed


def test_rows_that_the_contract_refuses_are_told(rows):
    """When no row is allowed, nothing can be sent, and the report does not pass."""
    contract = contract_for(rows, transform(rows, State()), x={"minimum": 1e6, "maximum": 2e6})

    report = examine(transform, rows, contract=contract)

    assert not report.passed
    assert not relation(report, "wire").checked


def test_no_rows_prove_nothing():
    """Parity of no rows is an error, not a pass."""
    with pytest.raises(DataError):
        check_parity(transform, rows=pd.DataFrame({"x": []}))


def test_progress_is_told(rows):
    """A caller hears what is being tried, and how far it is."""
    heard = []
    examine(transform, rows, progress=lambda message, fraction: heard.append(fraction))

    assert heard == sorted(heard)
    assert len(heard) > 8


# ---------------------------------------------------------------- edges


def test_a_null_that_the_contract_allows_is_tried(rows):
    """A nullable input that no row shows as null is tried, and a new hole in a feature is found."""
    features = transform(rows, State())
    contract = contract_for(rows, features, x={"nullable": True})

    (finding,) = examine(transform, rows, contract=contract).findings

    assert (finding.code, finding.column) == ("NBP009", "x")
    assert finding.details["row"]["x"] is None


def test_an_unseen_text_that_the_contract_allows_is_tried(rows):
    """Without a list of categories, a text that training never saw must not crash."""

    def lookup(frame, state):
        known = {"a": 1.0, "b": 2.0, "c": 3.0}
        return pd.DataFrame({"s": [known[value] for value in frame["s"]]})

    closed = contract_for(rows, lookup(rows, State()))
    opened = contract_for(rows, lookup(rows, State()), s={"categories": None})

    assert examine(lookup, rows, contract=closed).passed
    report = examine(lookup, rows, contract=opened)
    assert {finding.code for finding in report.findings} == {"NBP009"}


def test_an_allowed_row_must_not_change_its_neighbours(rows):
    """A null in one row that changes what the others become is NBP002 though each passes alone."""

    def text(frame, state):
        known = frame["n"].astype(float)
        return pd.DataFrame({"n": (known - 1 if frame["x"].isna().any() else known)})

    def both(frame, state):
        alone = len(frame) == 1
        return text(frame.assign(x=frame["x"].fillna(0.0)) if alone else frame, state)

    contract = contract_for(rows, both(rows, State()), x={"nullable": True})

    report = examine(both, rows, contract=contract)

    assert {finding.code for finding in report.findings} == {"NBP002"}


def test_an_empty_frame_is_said_not_judged(rows):
    """A transform that cannot do without rows passes, and the report says so."""

    def needs_rows(frame, state):
        if not len(frame):
            raise ValueError("nothing to do")
        return frame[["x"]] * 2

    report = examine(needs_rows, rows)

    assert report.passed
    assert "nothing to do" in relation(report, "edge").reason


def test_rows_out_of_no_rows_are_an_answer_for_nobody(rows):
    """A transform that makes rows of an empty frame is NBP009; see the join it came from."""

    def outer(frame, state):
        known = pd.DataFrame({"s": ["a", "b", "c"], "rate": [0.1, 0.2, 0.3]})
        if len(frame):
            return frame[["s"]].merge(known, on="s", how="left")[["rate"]]
        return known[["rate"]]

    (finding,) = [f for f in examine(outer, rows).findings if f.severity == "error"]

    assert (finding.code, finding.details["edge"]) == ("NBP009", "no rows")


# ---------------------------------------------------------------- generated rows


def test_a_pair_of_nulls_that_no_row_has_is_generated(rows):
    """Two columns that fill each other are null together in a row that the contract allows."""
    pair = rows.assign(
        x=rows["x"].where(rows.index % 3 > 0), y=rows["n"].astype(float).where(rows.index % 3 != 1)
    )

    def either(frame, state):
        return pd.DataFrame({"either": frame["x"].fillna(frame["y"])})

    contract = contract_for(pair, either(pair, None))
    report = examine(either, pair, contract=contract)

    (finding,) = report.findings
    assert (finding.code, finding.column) == ("NBP009", "either")
    assert (finding.details["row"]["x"], finding.details["row"]["y"]) == (None, None)


def test_a_serve_path_is_asked_for_rows_that_the_data_do_not_hold(rows):
    """`or` takes a zero for a missing value: no row of the data is zero, a generated one is."""
    signed = rows.assign(x=rows["x"] - 25.0007)

    def plain(frame, state):
        return frame[["x"]]

    def serve(record):
        return {"x": record["x"] or 7.0}

    (finding,) = examine(plain, signed, serve_path=serve).findings

    assert (finding.code, finding.details["actual"]) == ("NBP001", 7.0)
    assert finding.details["rows"][0]["x"] == 0.0


# ---------------------------------------------------------------- rounding


def test_what_rounding_alone_does_is_told_in_its_own_measure(rows):
    """A sum that cancels is noise to the size of its terms: a pass, and the distance is told."""
    weights = np.random.default_rng(1).normal(size=(1, 9))

    def cancels(frame, state):
        if len(frame) > 1:  # in company the sum is taken in another order
            return (
                frame[["x"]].to_numpy() * 1.1 @ weights - frame[["x"]].to_numpy() @ (weights * 1.1)
            ).sum(1)
        return (
            frame[["x"]].to_numpy() @ (weights * 1.1) - frame[["x"]].to_numpy() * 1.1 @ weights
        ).sum(1)

    report = examine(cancels, rows)
    exact = examine(cancels, rows, tolerance="ulp:64")

    assert report.passed, report.findings
    assert report.distances[0].tolerance.startswith("abs:")
    assert 0 < report.distances[0].max_distance < 1e-10
    assert {finding.code for finding in exact.findings} == {"NBP002"}


def test_a_small_skew_is_no_rounding(rows):
    """A millionth of the batch's mean is far more than what rounding does."""

    def shifted(frame, state):
        return pd.DataFrame({"x": frame["x"] + frame["x"].mean() * 1e-9})

    assert [finding.code for finding in examine(shifted, rows).findings] == ["NBP002"]
