"""What Lab starts is the line that a person could type: same words, same order, nothing hidden."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from nbprod.server import schemas
from nbprod.server.verbs import VERBS

TYPED = [
    ("parity", schemas.Parity(), "parity --rows=1000"),
    ("parity", schemas.Parity(rows=50, deployed=True), "parity --rows=50 --deployed"),
    ("train", schemas.Train(), "train --seed=0"),
    (
        "train",
        schemas.Train(parameters={"depth": 3, "name": "a b"}, seed=7, notebook=True),
        "train -p depth 3 -p name '\"a b\"' --seed=7 --notebook",
    ),
    ("gate", schemas.OfCandidate(), "gate"),
    ("gate", schemas.OfCandidate(candidate="--help"), "gate -- --help"),
    ("release", schemas.OfCandidate(candidate="4"), "release -- 4"),
]


@pytest.mark.parametrize(("verb", "body", "typed"), TYPED, ids=[line for *_, line in TYPED])
def test_a_body_becomes_the_line_that_a_person_would_type(verb: str, body: Any, typed: str) -> None:
    """What a caller names comes after `--`: it is never an option."""
    assert VERBS[verb].arguments(body) == shlex.split(typed)
