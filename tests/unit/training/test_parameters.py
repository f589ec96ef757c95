"""Parameters take the declared types, from values or from command-line text."""

from __future__ import annotations

import pytest

from nbprod.errors import ConfigError
from nbprod.predictor import load_package
from nbprod.training import checked_parameters
from nbprod.training.parameters import plain_parameters

SOURCE = """\
from dataclasses import dataclass, field
import datetime


@dataclass(frozen=True)
class Parameters:
    rate: float = 0.1
    trees: int = 8
    name: str = "base"
    verbose: bool = False
    columns: list[str] = field(default_factory=list)
    shape: tuple[int, ...] = (1, 2)
    limit: float | None = None
    anything: object = None
    day: datetime.date = datetime.date(2026, 1, 1)
"""


@pytest.fixture
def package(tmp_path, trips):
    """A package with one parameter of each type."""
    return load_package(trips.write(tmp_path / "many", parameters=SOURCE), "1")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("rate", "0.5", 0.5),
        ("rate", "1e-3", 0.001),
        ("rate", 1, 1.0),
        ("trees", "12", 12),
        ("trees", 12.0, 12),
        ("name", "12", "12"),
        ("verbose", "True", True),
        ("columns", '["a"]', ["a"]),
        ("shape", [3], (3,)),
        ("limit", "none", None),
        ("limit", "2", 2.0),
        ("anything", "x", "x"),
    ],
)
def test_values_take_the_declared_type(package, name, value, expected):
    """Text is read as the type says; a whole number may be a float and the other way round."""
    found = getattr(checked_parameters(package, {name: value}), name)
    assert (type(expected), expected) == (type(found), found)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("trees", 1.5),
        ("trees", True),
        ("rate", "fast"),
        ("verbose", 1),
        ("name", 3),
        ("limit", "x"),
    ],
)
def test_other_types_are_refused(package, name, value):
    """The error says the parameter, the value and the declared type."""
    with pytest.raises(ConfigError, match=f"'{name}' is") as caught:
        checked_parameters(package, {name: value})
    assert "parameters cell" in caught.value.hint


def test_unknown_names_are_refused(package):
    """With a suggestion where one is near, else with the names there are."""
    with pytest.raises(ConfigError) as caught:
        checked_parameters(package, {"tree": 1})
    assert caught.value.hint == "did you mean 'trees'?"
    with pytest.raises(ConfigError) as caught:
        checked_parameters(package, {"zzzzzz": 1})
    assert "verbose" in caught.value.hint


def test_plain_parameters_are_json(package):
    """Tuples become lists and dates text, so that the record can hold them."""
    plain = plain_parameters(checked_parameters(package, {}))
    assert (plain["shape"], plain["day"]) == ([1, 2], "2026-01-01")
