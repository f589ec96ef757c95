"""What became of the rows of one request, and what the contract says of the model's outputs."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nbprod.errors import ExecutionError
from nbprod.predictor.accepting import column_validator, row_validator
from nbprod.records import Violation

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from nbprod.data.plain_columns import PlainColumns
    from nbprod.records import DataContract, Json


@dataclass(frozen=True)
class Answer:
    """What became of the rows of one request.

    ``outputs``, ``features`` and ``good`` run in parallel: one entry for each answered row, in
    the order of the request. Every other row is named in ``violations`` (its input breaks the
    contract) or in ``failed`` (the model's output does). ``stage_s``: seconds of validate,
    transform and predict.
    """

    outputs: list[Any]  # a scalar where Output has one column, else {column: value}
    features: Sequence[Json]  # what the model was fed, as plain JSON values
    violations: list[Violation]
    good: list[int]  # positions of the answered rows in the request
    failed: list[Violation] = field(default_factory=list)
    stage_s: dict[str, float] = field(default_factory=dict, compare=False)


class OutputJudge:
    """Says which of the model's outputs the contract forbids; built once."""

    def __init__(self, contract: DataContract, package: Path) -> None:
        self._ruled = bool(contract.output)
        self._columns = column_validator(contract, "output")
        self._validator = row_validator(contract, "output", package)

    def broken(self, outputs: PlainColumns, good: Sequence[int]) -> list[Violation]:
        """Outputs the contract forbids, named by their row in the request."""
        if self._columns is not None and self._columns.accepts(outputs):
            return []
        failed = [
            Violation(
                row=good[place],
                column=column,
                rule="type",
                message=f"the model's {column} is {value}, not a finite number",
                value=str(value),
            )
            for column, values in outputs.columns.items()
            for place, value in enumerate(values)
            if isinstance(value, float) and not math.isfinite(value)
        ]
        failed.sort(key=lambda violation: violation.row)
        if not self._ruled:
            return failed
        _, violations = self._validator.check(outputs)
        known = {(violation.row, violation.column) for violation in failed}
        for found in violations:
            if (good[found.row], found.column) not in known:
                plain = found.to_json() | {"row": good[found.row]}
                failed.append(Violation.from_json(plain))
        return failed


def shaped(outputs: PlainColumns) -> list[Any]:
    """Outputs as a caller gets them: a scalar where there is one column, else {column: value}."""
    if len(outputs.columns) == 1:
        return list(*outputs.columns.values())
    return outputs.rows()


def output_error(failed: Sequence[Violation]) -> ExecutionError:
    """The error of a request whose answer is withheld."""
    first = failed[0]
    return ExecutionError(
        f"the model's answer to row {first.row} breaks the contract: {first.message}",
        hint="the answer was withheld; look at the row with `nbprod why`, at the Output schema "
        "and at the predict cell",
        violations=[violation.to_json() for violation in failed],
    )
