"""What looks like a secret is in no State, and so in no release."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nbprod.errors import ExecutionError
from nbprod.training.state_secrets import check_state

TOKEN = "ghp_" + "4fJ9" * 9


def state(**fields: Any) -> Any:
    return dataclasses.make_dataclass("State", fields)(**fields)


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"means": {"a": 1.0}, "source": f"x {TOKEN}"}, "State.source"),
        ({"api_key": "correct horse battery"}, "State.api_key"),
        ({"options": {"retry": 3, "password": "hunter2hunter2"}}, "State.options.password"),
        ({"words": ["one", ("two", TOKEN)]}, "State.words"),
        ({"url": "postgresql://me:hunter2hunter2@db/x"}, "State.url"),
        ({"names": np.array(["a", TOKEN])}, "State.names"),
        ({"table": pd.DataFrame({"n": [1], "t": [TOKEN]})}, "State.table"),
        ({"column": pd.Series([TOKEN, None])}, "State.column"),
        ({"kind": pd.Series([TOKEN]).astype("category")}, "State.kind"),
        ({"pem": b"-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----"}, "State.pem"),
    ],
)
def test_a_secret_is_refused_by_its_place_and_not_told(fields: dict, place: str) -> None:
    """In a text, a collection, an array or a table; the value is in no message."""
    with pytest.raises(ExecutionError) as caught:
        check_state(state(**fields))
    assert f"{place} looks like a secret" in caught.value.message
    assert "environment" in caught.value.hint
    assert TOKEN not in str(caught.value) + caught.value.hint
    assert "hunter2" not in str(caught.value)


def test_a_value_of_the_environment_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it looks like."""
    check_state(state(region="plainwordsonly"))
    monkeypatch.setenv("WEATHER_API_KEY", "plainwordsonly")
    with pytest.raises(ExecutionError, match=r"State\.region"):
        check_state(state(region="plainwordsonly"))


def test_what_states_are_made_of_passes() -> None:
    """Means, vocabularies, long ids, dates, arrays, objects and placeholders."""
    check_state(
        state(
            means={"JFK": 1.0, "token": 2.0},
            words=[f"flight-2013-01-{n:02d}-0123456789abcdef{n}" for n in range(2000)],
            at=pd.Timestamp("2013-01-01"),
            weights=np.eye(3),
            days=np.array(["2013-01-01"], dtype="datetime64[D]"),
            table=pd.DataFrame({"origin": ["JFK"], "share": [0.3]}),
            api_key="<your key>",
            other=object(),
            nothing=None,
        )
    )
