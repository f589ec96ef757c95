"""Whether a release accepts what callers send today."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from nbprod.records import ColumnRule, DataContract
from nbprod.rollout import broken_callers

KM = ColumnRule(name="km", dtype="int", minimum=0, maximum=900)
CITY = ColumnRule(name="city", dtype="str", nullable=True, categories=("Bern", "Zug"))


def contract(*rules: ColumnRule, strict: bool = True) -> DataContract:
    return DataContract(package="trips", source_digest="0" * 64, input=rules, strict=strict)


NOW = contract(KM, CITY)


def test_the_same_and_a_wider_contract_break_nobody() -> None:
    """Wider ranges, more categories, an optional column, an int that may be a float."""
    wider = contract(
        dataclasses.replace(KM, dtype="float", minimum=-5, maximum=None),
        dataclasses.replace(CITY, categories=("Bern", "Zug", "Chur")),
        ColumnRule(name="note", dtype="str", required=False),
    )
    assert broken_callers(NOW, NOW) == []
    assert broken_callers(NOW, wider) == []


@pytest.mark.parametrize(
    ("rule", "changes", "said"),
    [
        (KM, {"minimum": 10}, "km has minimum 10"),
        (KM, {"maximum": 500}, "km has maximum 500"),
        (KM, {"dtype": "str"}, "km is str, it was int"),
        (CITY, {"nullable": False}, "city may not be null"),
        (CITY, {"categories": ("Bern",)}, "city does not take Zug"),
        (CITY, {"categories": None, "pattern": "^B"}, "city has to match"),
    ],
)
def test_each_way_to_be_narrower_is_told(
    rule: ColumnRule, changes: dict[str, Any], said: str
) -> None:
    """A sentence that names the column and what changed."""
    changed = dataclasses.replace(rule, **changes)
    rules = [changed if one.name == rule.name else one for one in (KM, CITY)]
    found = broken_callers(NOW, contract(*rules))
    assert len(found) == 1
    assert found[0].startswith(said)


def test_new_and_missing_columns() -> None:
    """A column that callers do not send, and one they send that is refused now."""
    found = broken_callers(NOW, contract(KM, ColumnRule(name="gate", dtype="str")))
    assert found == [
        "gate is needed; callers do not send it yet",
        "city is refused as an extra column",
    ]
    assert broken_callers(NOW, contract(KM, strict=False)) == []
