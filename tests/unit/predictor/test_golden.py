"""Golden requests are what a caller sends, and any other answer is found."""

from __future__ import annotations

import dataclasses
import json
import re

import pandas as pd
import pytest

from nbprod.errors import DataError, ExecutionError, TamperedReleaseError
from nbprod.predictor import Predictor, golden_requests, load_golden, replay_golden, save_golden
from nbprod.records import ColumnRule


@pytest.fixture
def predictor(bundle):
    return Predictor.load(bundle.folder)


def test_requests_are_spread_and_replay_exactly(predictor, trips, tmp_path):
    """Rows over the whole frame, as JSON, with answers that a replay gives again."""
    requests = golden_requests(predictor, trips.frame(), count=5)
    assert len(requests) == 5
    assert {"km", "minutes", "city"} == set(requests[0]["instances"][0])
    save_golden(requests, tmp_path / "golden.json")
    assert requests == load_golden(tmp_path / "golden.json")
    assert replay_golden(predictor, tmp_path / "golden.json") == []


def test_no_request_tells_a_redacted_value(predictor, trips, tmp_path):
    """A stand-in is sent instead; the answers are those of the stand-in, so they replay."""
    frame = trips.frame()
    requests = golden_requests(predictor, frame, count=5, redact=("city", "km"))
    sent = [row for request in requests for row in request["instances"]]
    assert len({(row["city"], row["km"]) for row in sent}) == 1
    assert len({row["minutes"] for row in sent}) > 1
    save_golden(requests, tmp_path / "golden.json")
    assert replay_golden(predictor, tmp_path / "golden.json") == []


@pytest.mark.parametrize("pattern", [r"^[0-9]+$", r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "^flight .+$"])
def test_a_stand_in_matches_the_pattern_or_is_refused_by_name(predictor, trips, pattern):
    """A redacted text with a pattern never makes every row break the contract in silence."""
    badge = ColumnRule(name="badge", dtype="str", pattern=pattern)
    contract = dataclasses.replace(predictor.contract, input=(*predictor.contract.input, badge))
    changed = Predictor(
        dataclasses.replace(predictor.bundle, contract=contract),
        predictor.module,
        predictor.state,
        predictor.model,
    )
    frame = trips.frame().assign(badge="4711")
    if pattern.startswith("^flight"):
        with pytest.raises(DataError, match="badge"):
            golden_requests(changed, frame, redact=("badge",))
        return
    (request,) = golden_requests(changed, frame, count=1, redact=("badge",))
    assert re.match(pattern, request["instances"][0]["badge"])


def test_a_model_that_cannot_answer_a_stand_in_is_told_of_it(predictor, trips):
    """The contract allows such a row, so a caller may send it: the columns are named."""
    rules = [
        dataclasses.replace(rule, nullable=False, categories=None) if rule.name == "city" else rule
        for rule in predictor.contract.input
    ]
    contract = dataclasses.replace(predictor.contract, input=tuple(rules))
    bundle = dataclasses.replace(predictor.bundle, contract=contract)
    changed = Predictor(bundle, predictor.module, predictor.state, predictor.model)
    with pytest.raises(ExecutionError, match=r"city.*stand-in"):
        golden_requests(changed, trips.frame(), redact=("city",))


def test_rows_that_break_the_contract_are_passed_over(predictor, trips):
    """What a caller could not send is no golden request; when nothing is left it is an error."""
    frame = trips.frame(4)
    frame.loc[0, "city"] = "Genf"
    assert len(golden_requests(predictor, frame)) == 3
    with pytest.raises(DataError, match="city is not one of"):
        golden_requests(predictor, frame.head(1))
    with pytest.raises(DataError, match="no rows"):
        golden_requests(predictor, pd.DataFrame(frame.head(0)))


@pytest.mark.parametrize(
    ("predictions", "row", "same"),
    [
        (lambda p: [p[0] * (1 + 1e-12)], {}, True),
        (lambda p: [p[0] + 1e-6], {}, False),
        (lambda p: [str(p[0])], {}, False),
        (lambda p: [True], {}, False),
        (lambda p: [{"late": p[0]}], {}, False),
        (lambda p: p * 2, {}, False),
        (lambda p: p, {"city": "Genf"}, False),
    ],
)
def test_another_answer_is_found(predictor, trips, tmp_path, predictions, row, same):
    """Numbers may differ in their last bits; values, types and shapes may not."""
    (request,) = golden_requests(predictor, trips.frame(), count=1)
    request["instances"][0] |= row
    request["predictions"] = predictions(request["predictions"])
    save_golden([request], tmp_path / "golden.json")
    findings = replay_golden(predictor, tmp_path / "golden.json")
    assert ([] if same else ["NBS014"]) == [finding.code for finding in findings]


@pytest.mark.parametrize("text", ["[", "{}x", json.dumps([{"instances": []}])])
def test_unreadable_requests_are_an_error(predictor, tmp_path, text):
    """A golden file that is not one is not passed over."""
    (tmp_path / "golden.json").write_text(text)
    with pytest.raises(TamperedReleaseError, match="cannot be read"):
        replay_golden(predictor, tmp_path / "golden.json")
