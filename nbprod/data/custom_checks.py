"""The checks of a schemas.py that only pandera can run: on frames, and on a request's batch."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbprod.data.contract_reading import as_schema, load_schemas, read_part
from nbprod.records import DataContract, Violation, sha256

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    import pandas as pd

    from nbprod.data.contract_reading import Part

    Mask = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True)
class Unmet:
    """A check that did not hold: for these rows, or (None) for the frame as a whole."""

    column: str  # "" where the check looks at whole rows
    message: str
    rows: Mask | None
    warning: bool = False  # raise_warning=True: said, but no failure
    raised: bool = False


class CustomChecks:
    """What one part of a schemas.py asks beyond its rules.

    A check is the author's code: one that raises is unmet.
    """

    def __init__(self, part: Part | None) -> None:
        self._columns = part.column_checks if part else {}
        self._rows = part.row_checks if part else []

    @classmethod
    def load(cls, schemas_path: str | Path, part: str) -> CustomChecks:
        """The checks of one part of a schemas.py, which is executed."""
        schema = load_schemas(schemas_path).get(part.capitalize())
        return cls(None if schema is None else read_part(part.capitalize(), schema))

    @classmethod
    def of(cls, schema: Any) -> tuple[DataContract, CustomChecks]:
        """The contract that a pandera model or schema states for raw input, and its checks.

        Raises DataError for what is neither.
        """
        part = read_part("Input", as_schema(schema, "Input", "the contract"))
        contract = DataContract(
            package="",
            source_digest=sha256(repr(part.rules)),
            input=part.rules,
            strict=part.strict,
            unique=part.unique,
            whole=("input",) if part.row_checks else (),
            findings=part.findings,
        )
        return contract, cls(part)

    def reads(self, column: str) -> bool:
        """Whether a check looks at the column."""
        return bool(self._rows) or column in self._columns

    def unmet(self, frame: pd.DataFrame) -> list[Unmet]:
        """Every check that the frame does not meet; its columns have the contract's dtypes."""
        found = []
        for name, checks in self._columns.items():
            if name in frame.columns:
                found += [_run(check, frame, name) for check in checks]
        found += [_run(check, frame, "") for check in self._rows]
        return [item for item in found if item is not None]

    def violations(self, frame: pd.DataFrame) -> list[Violation]:
        """The rows of a request's frame that break a check by themselves; row: their position.

        A verdict on all rows at once (a mean, an order) is none on a request, and a row must not
        be refused because of others that were batched with it: what fails is asked again alone.
        """
        found: list[Violation] = []
        for item in self.unmet(frame):
            if item.warning or (item.rows is None and not item.raised):
                continue
            rows = range(len(frame)) if item.rows is None else _positions(item.rows)
            found.extend(
                Violation(row=row, column=item.column, rule="check", message=item.message)
                for row in rows
                if self._alone(frame.iloc[[row]], item)
            )
        return found

    def _alone(self, row: pd.DataFrame, item: Unmet) -> bool:
        return any(
            (other.column, other.message) == (item.column, item.message)
            for other in self.unmet(row.reset_index(drop=True))
        )


def needs_pandera(contract: DataContract, part: str) -> bool:
    """Whether a part of the contract has checks that its rules do not state."""
    return part in contract.whole or not all(rule.compiled for rule in getattr(contract, part))


def _positions(rows: Mask) -> Sequence[int]:
    import numpy as np

    return [int(row) for row in np.flatnonzero(rows)]


def _run(check: Any, frame: pd.DataFrame, column: str) -> Unmet | None:
    """One check on the frame or one of its columns; None when it holds."""
    target = frame[column] if column and check.groupby is None else frame
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the author's code; a warning is no verdict
            result = check(target, column) if column else check(target)
            if result.check_passed:
                return None
            rows = _failing(result, len(frame))
    except Exception as error:  # noqa: BLE001 - the author's code may raise anything
        # its words may quote a value, and the column may be redacted
        message = f"{_name(check)} raised {type(error).__name__}"
        return Unmet(column, message, None, raised=True)
    return Unmet(column, _name(check), rows, bool(check.raise_warning))


def _failing(result: Any, rows: int) -> Mask | None:
    """The positions that a check refused; None where it gave one verdict for all."""
    import pandas as pd

    output = result.check_output
    if isinstance(output, pd.DataFrame):
        output = output.all(axis=1)
    if not isinstance(output, pd.Series) or isinstance(result.checked_object, dict):
        return None
    if not output.index.isin(range(rows)).all() or output.index.has_duplicates:
        return None
    held = output.astype("boolean").fillna(False).astype(bool)
    failing: Mask = ~held.reindex(range(rows), fill_value=True).to_numpy(dtype=bool)
    return failing


def _name(check: Any) -> str:
    return f"fails {check.error or check.name or 'a check'}"
