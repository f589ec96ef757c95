"""One tree of errors: each pickles, has a hint, and has its exit code and HTTP status."""

from __future__ import annotations

import inspect
import pickle
import re

import pytest

from nbprod import errors
from nbprod.errors import STATUS, MissingDependencyError, NbprodError, exit_code, http_status

CLASSES = [
    cls
    for _, cls in inspect.getmembers(errors, inspect.isclass)
    if issubclass(cls, NbprodError) and not cls.__name__.startswith("_")
]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_an_error_survives_the_way_to_another_process(cls: type[NbprodError]) -> None:
    """Ray raises across processes: message, hint and details come back."""
    error = cls("what happened", hint="the next step", column="late")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is cls
    assert (again.message, again.hint) == ("what happened", "the next step")
    assert again.details["column"] == "late"
    assert again.to_json() == error.to_json()


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_error_stands_in_the_table_and_in_the_tree(cls: type[NbprodError]) -> None:
    """One table maps a class to its HTTP status and exit code; the docstring draws the tree."""
    assert cls in STATUS
    assert re.search(rf"\b{cls.__name__}\b", errors.__doc__ or "")
    assert exit_code(cls("x", hint="y")) in (1, 2, 3, 4)
    assert 400 <= http_status(cls("x", hint="y")) < 600


def test_a_hint_is_not_optional() -> None:
    """An error without a next step cannot be made; only a missing extra knows its own."""
    with pytest.raises(TypeError):
        NbprodError("what happened")  # type: ignore[call-arg]
    assert "nbprod[serve]" in MissingDependencyError("no ray", extra="serve").hint


def test_what_is_not_ours_is_a_bug_of_ours() -> None:
    """Any other exception ends with exit code 4 and status 500."""
    assert exit_code(ValueError("x")) == 4
    assert http_status(ValueError("x")) == 500
