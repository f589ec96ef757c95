"""A contract as its user wrote it: a pandera model, with checks that no rule states."""

from __future__ import annotations

import pandas as pd
import pandera.pandas as pa
import pytest

from nbprod import check_parity
from nbprod.errors import DataError


class Trips(pa.DataFrameModel):
    """Trips take at least a minute for each ten kilometres."""

    km: float = pa.Field(ge=0, le=500)
    minutes: float = pa.Field(gt=0, le=5000)

    @pa.dataframe_check
    @classmethod
    def possible(cls, frame: pd.DataFrame) -> pd.Series:
        """Nobody is faster than light rail."""
        return frame["km"] <= frame["minutes"] * 10


ROWS = pd.DataFrame({"km": [10.0, 40.0, 250.0], "minutes": [9.0, 30.0, 120.0]})


def too_fast_raises(frame: pd.DataFrame, state: object) -> pd.DataFrame:
    if (frame["km"] > frame["minutes"] * 10).any():
        raise ValueError("impossible")
    return pd.DataFrame({"speed": frame["km"] / frame["minutes"]}, index=frame.index)


def test_what_a_check_forbids_is_no_edge() -> None:
    """The transform breaks only on rows that the model's own check refuses: no finding."""
    report = check_parity(too_fast_raises, rows=ROWS, contract=Trips)
    assert [finding.code for finding in report.findings] == []
    assert report.passed


def test_without_the_check_the_same_row_is_an_edge() -> None:
    """Allowed by the columns alone, it breaks the transform: NBP009."""
    schema = Trips.to_schema()
    schema.checks = []
    report = check_parity(too_fast_raises, rows=ROWS, contract=schema)
    assert {finding.code for finding in report.findings} == {"NBP009"}


def test_what_is_no_schema_is_refused() -> None:
    """Something else than a contract is an error with a hint, not a pass."""
    with pytest.raises(DataError) as caught:
        check_parity(too_fast_raises, rows=ROWS, contract="schemas.py")
    assert caught.value.hint
