"""A caller's rows -> what the data contract accepts of them, in its types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from nbprod.data.contract import CustomChecks, RowValidator, needs_pandera
from nbprod.data.row_columns import ColumnValidator
from nbprod.data.row_frames import frame_of_columns
from nbprod.errors import DataError
from nbprod.predictor.calling import served_rows

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    import pandas as pd

    from nbprod.predictor.modules import LoadedModule
    from nbprod.records import ColumnRule, DataContract, Violation

Row = Mapping[str, Any]
Part = Literal["input", "output"]


def row_validator(contract: DataContract, part: Part, package: Path) -> RowValidator:
    """What judges a caller's rows or the model's answers.

    The package's schemas.py is executed where it has checks that no rule states.
    """
    custom = None
    if needs_pandera(contract, part):
        custom = CustomChecks.load(package / "schemas.py", part)
    strict = contract.strict or part == "output"
    return RowValidator(getattr(contract, part), strict, custom)


def column_validator(contract: DataContract, part: Part) -> ColumnValidator | None:
    """The quick yes to a batch; None where more than the rules has to be asked."""
    rules = getattr(contract, part)
    if not rules or needs_pandera(contract, part) or any(rule.freshness for rule in rules):
        return None
    return ColumnValidator(rules, contract.strict or part == "output")


@dataclass(frozen=True)
class Accepted:
    """What the contract says of a request's rows.

    rows: the good ones, a frame or (for ``transform_online``, and where some are bad) rows; None
    without any. good: their places. violations: what the others break.
    """

    rows: pd.DataFrame | list[Row] | None
    good: list[int]
    violations: list[Violation]


class Acceptance:
    """The contract's word on raw rows: all columns at once where nothing is unusual, else by row.

    online: the rows are wanted one by one, for ``transform_online``.
    """

    def __init__(self, contract: DataContract, package: Path, *, online: bool) -> None:
        self._rules = contract.input
        #: judges rows as JSON gives them, one by one
        self.validator = row_validator(contract, "input", package)
        self._columns = None if online else column_validator(contract, "input")

    def of(self, rows: Sequence[Row], as_of: datetime | None) -> Accepted:
        """The good rows in the contract's types, and what is wrong with the others."""
        columns = self._columns.columns(rows) if self._columns is not None else None
        if columns is not None:
            frame = frame_of_columns(columns, self._rules, len(rows))
            return Accepted(frame, list(range(len(rows))), [])
        checked, violations = self.validator.check(rows, as_of=as_of)
        good = [place for place, row in enumerate(checked) if row is not None]
        kept: list[Row] = [row for row in checked if row is not None]
        return Accepted(kept or None, good, violations)


def checked_features(
    module: LoadedModule, state: Any, contract: DataContract, rows: Sequence[Row]
) -> pd.DataFrame:
    """Features of rows as JSON gives them, for a module that is not in a bundle yet.

    The same steps as ``Predictor.features``: validated, typed by the contract, transformed.
    Raises DataError with every violation when a row breaks the contract.
    """
    validator = row_validator(contract, "input", module.path)
    return features_of(module, state, contract.input, validator, rows)


def features_of(
    module: LoadedModule,
    state: Any,
    rules: tuple[ColumnRule, ...],
    validator: RowValidator,
    rows: Sequence[Row],
) -> pd.DataFrame:
    """Features of rows that a validator accepts; DataError with every violation otherwise."""
    checked, violations = validator.check(rows)
    if violations:
        first = violations[0]
        raise DataError(
            first.told()
            + (f" ({len(violations)} violations in all)" if len(violations) > 1 else ""),
            hint="send what the contract allows: `nbprod contract show`",
            violations=[violation.to_json() for violation in violations],
        )
    return served_rows(module, [row for row in checked if row is not None], rules, state)


def select_inputs(frame: pd.DataFrame, rules: Sequence[ColumnRule]) -> pd.DataFrame:
    """The contract's input columns of a raw frame, in the contract's order.

    An optional column that is absent stays absent; a required one raises DataError.
    """
    missing = [rule.name for rule in rules if rule.required and rule.name not in frame]
    if missing:
        raise DataError(
            f"the frame has no column {', '.join(map(repr, missing))}",
            hint=f"it has: {', '.join(map(str, frame.columns))}; the contract's inputs: "
            "`nbprod contract show`",
        )
    return frame[[rule.name for rule in rules if rule.name in frame]]
