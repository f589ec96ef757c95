"""Records go to plain data and come back the same; judgements raise only when asked."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import json
import sys
import typing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbprod import records
from nbprod.errors import StoreError, VerdictError
from nbprod.records import (
    ColumnRule,
    DataContract,
    Finding,
    GateCheck,
    GateResult,
    Judgement,
    Record,
    canonical_json,
    id_time,
    new_id,
)
from nbprod.records.plain import Plain

KINDS = [
    cls
    for _, cls in inspect.getmembers(records, inspect.isclass)
    if dataclasses.is_dataclass(cls) and issubclass(cls, Plain)
]


def _value(hint: typing.Any) -> typing.Any:
    """Some value of a type, so that every record can be made."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return arguments[0]
    if origin is tuple:
        return (_value(arguments[0]),)
    if origin is dict:
        return {"key": _value(arguments[1])}
    if origin is not None:  # a union
        return _value(arguments[0])
    if dataclasses.is_dataclass(hint):
        return _made(hint)
    return {str: "text", int: 3, float: 0.5, bool: True}.get(hint, "anything")


def _made(cls: type) -> typing.Any:
    hints = typing.get_type_hints(cls)
    return cls(**{item.name: _value(hints[item.name]) for item in dataclasses.fields(cls)})


@pytest.mark.parametrize("cls", KINDS, ids=lambda cls: cls.__name__)
def test_every_record_round_trips_through_json(cls: type[Plain]) -> None:
    """from_json(to_json(record)) is the record, also after a way through text."""
    record = _made(cls)
    assert cls.from_json(json.loads(json.dumps(record.to_json()))) == record


@pytest.mark.parametrize("cls", KINDS, ids=lambda cls: cls.__name__)
def test_every_record_is_frozen_and_documented(cls: type[Plain]) -> None:
    """Nobody changes a record; its docstring says what it is."""
    assert cls.__doc__
    assert not cls.__doc__.startswith(f"{cls.__name__}(")
    name = dataclasses.fields(cls)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(_made(cls), name, "other")


def test_a_digest_changes_with_any_field() -> None:
    """Two records have one digest only when they are equal."""
    rule = ColumnRule(name="distance", dtype="int")
    contract = DataContract(id="x", created_at="t", package="p", source_digest="d", input=(rule,))
    changed = dataclasses.replace(contract, input=(dataclasses.replace(rule, nullable=True),))
    assert contract.digest == DataContract.from_json(contract.to_json()).digest
    assert contract.digest != changed.digest


def test_an_unknown_field_is_refused_by_name() -> None:
    """A record of another version, or edited by hand, is named as such."""
    with pytest.raises(StoreError, match="'colour'"):
        Finding.from_json({"code": "NBX001", "severity": "info", "message": "", "colour": 1})


def test_a_failed_judgement_raises_only_when_asked_and_names_its_first_error() -> None:
    """raise_if_failed turns a result into an exception with the finding's own next step."""
    finding = Finding(code="NBG003", severity="error", message="auc is low", hint="train longer")
    failed = Judgement(passed=False, findings=(finding,))
    with pytest.raises(VerdictError, match="NBG003 auc is low") as caught:
        failed.raise_if_failed()
    assert caught.value.hint == "train longer"
    passed = Judgement(passed=True)
    assert passed.raise_if_failed() is passed


def test_nested_records_come_back_as_records() -> None:
    """A gate's checks are GateCheck values again, not dicts."""
    check = GateCheck(name="auc", value=0.8, threshold=">= 0.7", verdict="passed")
    gate = GateResult(
        passed=True,
        candidate_digest="c",
        verdict="passed",
        gate_digest="g",
        data_digest="d",
        checks=(check,),
    )
    assert GateResult.from_json(gate.to_json()).checks[0] == check


def test_ids_sort_by_time_and_tell_it() -> None:
    """The log is searched by an id's time."""
    first, second = new_id(), new_id()
    assert len(first) == 24
    assert first[:12] <= second[:12]
    assert abs((id_time(second) - id_time(first)).total_seconds()) < 1
    with pytest.raises(StoreError):
        id_time("not an id")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=10,
    )
)
def test_canonical_json_is_one_text_for_one_value(value: object) -> None:
    """Also for NaN and infinities, which JSON does not know; key order does not matter."""
    text = canonical_json(value)
    assert canonical_json(json.loads(text)) == text


def test_records_need_the_standard_library_only() -> None:
    """The ground floor can be imported anywhere."""
    trees = [
        ast.parse(path.read_text("utf-8")) for path in Path(records.__file__).parent.glob("*.py")
    ]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    named = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    named |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    assert {"json", "nbprod.errors", "nbprod.records.plain"} <= named
    others = {name for name in named if name.split(".")[0] not in sys.stdlib_module_names}
    assert {".".join(name.split(".")[:2]) for name in others} == {"nbprod.errors", "nbprod.records"}
    assert issubclass(Judgement, Record)
