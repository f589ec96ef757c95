"""Whole frames judged against the contract: every failure counted, a few shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from nbprod.config import duration_s
from nbprod.data.column_faults import faults_of
from nbprod.data.custom_checks import CustomChecks, needs_pandera
from nbprod.data.row_frames import conformed
from nbprod.data.row_values import aged, plain
from nbprod.errors import DataError
from nbprod.records import REDACTED, ColumnRule, ContractReport, DataContract, Finding, Violation

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime
    from pathlib import Path

    import numpy as np
    import pandas as pd

    Mask = np.ndarray[Any, np.dtype[np.bool_]]

Part = Literal["input", "features", "output"]
_SHOWN_PER_RULE = 3
_WHOLE_ROWS = "whole rows"  # where a check looks at more than one column
_SHOWN = 30
_MOST_FINDINGS = 100
_HINTS = {
    "type": "load or cast the column to the contract's type",
    "null": "fill it where the data is loaded, or say nullable=True in schemas.py",
    "range": "correct the value, or widen the bound in schemas.py",
    "category": "correct the value, or add it in schemas.py",
    "pattern": "correct the value, or change the pattern in schemas.py",
    "freshness": "bring newer rows, or change the column's freshness in schemas.py",
    "unit": "convert the column where the data is loaded, or correct the unit in schemas.py",
    "unique": "drop the repeated rows, or take the columns out of unique in schemas.py",
    "missing": "bring the column, or make it Optional in schemas.py",
    "extra": "leave the column out, or add it to schemas.py",
    "check": "this check was written by hand in schemas.py: look there",
}


def check_frame(
    contract: DataContract,
    part: Part,
    frame: pd.DataFrame,
    *,
    redact: Collection[str] = (),
    strict: bool | None = None,
    schemas_path: str | Path | None = None,
    as_of: datetime | None = None,
) -> ContractReport:
    """The frame judged by one part of the contract, the same way as single rows are.

    redact: columns whose values are never shown. strict: whether an extra column is a failure;
    the contract's own setting where None (a training table carries more than a caller sends).
    schemas_path: the user's schemas.py, which is then executed, for the checks that only
    pandera can run; without it they are named in a warning, not run.
    as_of: the moment (with a time zone) at which rows must be fresh; None for rows of the past.
    """
    frame = _named(frame)
    rules: tuple[ColumnRule, ...] = getattr(contract, part)
    closed = contract.strict if strict is None else strict
    failures = [failure for rule in rules for failure in _of_rule(rule, frame, as_of)]
    if closed:
        known = {rule.name for rule in rules}
        extra = [name for name in frame.columns if name not in known]
        failures += [_whole(str(name), "extra", "is not in the contract") for name in extra]
    if part == "input":
        failures += _repeated(contract.unique, frame)
    findings: list[Finding] = []
    if needs_pandera(contract, part):
        if schemas_path is None:
            findings = [_not_run(contract, part)]
        else:
            checks = CustomChecks.load(schemas_path, part)
            more, findings = _hand_written(checks, rules, frame, failures)
            failures += more
    if as_of is None:
        findings += [_not_aged(rule) for rule in rules if rule.freshness]
    counts: dict[str, int] = {}
    for failure in failures:
        counts[failure.key] = counts.get(failure.key, 0) + failure.count
    findings += [_finding(key, counts[key], len(frame)) for key in list(counts)[:_MOST_FINDINGS]]
    return ContractReport(
        inputs={contract.id: contract.digest},
        contract=contract.id,
        part=part,
        rows=len(frame),
        passed=not counts,
        failures=counts,
        samples=_samples(failures, frame, frozenset(redact)),
        findings=tuple(findings),
    )


@dataclass(frozen=True)
class _Failure:
    """Rows of one column (or, where ``rows`` is None, all of it) that break a rule."""

    column: str
    rule: str
    message: str
    rows: Mask | None

    @property
    def key(self) -> str:
        return f"{self.column or _WHOLE_ROWS}: {self.rule}"

    @property
    def count(self) -> int:
        return 1 if self.rows is None else int(self.rows.sum())


def _whole(column: str, rule: str, message: str) -> _Failure:
    return _Failure(column, rule, message, None)


def _named(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with its columns' names as text, each there once; DataError otherwise."""
    if not all(isinstance(name, str) for name in frame.columns):
        frame = frame.set_axis([str(name) for name in frame.columns], axis=1)
    if repeated := frame.columns[frame.columns.duplicated()].unique().tolist():
        raise DataError(
            f"the frame has more than one column {', '.join(map(repr, repeated[:5]))}",
            hint="rename or drop one of them where the data is loaded",
        )
    return frame


def _of_rule(rule: ColumnRule, frame: pd.DataFrame, as_of: datetime | None) -> list[_Failure]:
    if rule.name not in frame.columns:
        return [_whole(rule.name, "missing", "is missing")] if rule.required else []
    column = frame[rule.name]
    faults = faults_of(column, rule)
    failures = [_Failure(rule.name, item.rule, item.message, item.rows) for item in faults]
    if rule.freshness and as_of is not None:
        failures += _stale(rule, column, as_of, failures)
    units = frame.attrs.get("units")
    unit = units.get(rule.name) if isinstance(units, dict) else None
    if unit and rule.unit and rule.dtype != "datetime" and str(unit) != rule.unit:
        failures.append(_whole(rule.name, "unit", f"is in {unit}, not in {rule.unit}"))
    return failures


def _stale(
    rule: ColumnRule, column: pd.Series[Any], as_of: datetime, failures: list[_Failure]
) -> list[_Failure]:
    import pandas as pd

    kind = getattr(column.dtype, "kind", "O")
    if kind != "M":
        if any(failure.rule == "type" for failure in failures):
            return []  # said already: it holds no moments
        column = pd.to_datetime(column, utc=True)
    moments = pd.DatetimeIndex(column)
    moments = moments.tz_localize("UTC") if moments.tz is None else moments
    oldest = pd.Timestamp(as_of) - pd.Timedelta(seconds=duration_s(rule.freshness))
    old = moments < oldest
    return [_Failure(rule.name, "freshness", aged(rule), old)] if old.any() else []


def _repeated(unique: tuple[tuple[str, ...], ...], frame: pd.DataFrame) -> list[_Failure]:
    failures = []
    for names in unique:
        if not set(names) <= set(frame.columns):
            continue
        rows = frame.duplicated(subset=list(names), keep=False).to_numpy(dtype=bool)
        if rows.any():
            failures.append(_Failure(", ".join(names), "unique", "is there more than once", rows))
    return failures


# ---------------------------------------------------------------- the user's own checks


def _hand_written(
    checks: CustomChecks,
    rules: tuple[ColumnRule, ...],
    frame: pd.DataFrame,
    failures: list[_Failure],
) -> tuple[list[_Failure], list[Finding]]:
    """Failures of the checks that no rule states, and warnings of those that only warn.

    They look at the rows that keep the rest of the contract: others may have no type at all.
    """
    import numpy as np

    kept = np.ones(len(frame), dtype=bool)
    for failure in failures:
        if failure.rows is not None and failure.rule != "unique":
            kept &= ~failure.rows
    places = np.flatnonzero(kept)
    found, warned = [], []
    read = [rule for rule in rules if checks.reads(rule.name)]
    for item in checks.unmet(conformed(frame.iloc[places], read)):
        rows = None
        if item.rows is not None:
            rows = np.zeros(len(frame), dtype=bool)
            rows[places[item.rows]] = True
        if item.warning:
            where = item.column or "a row"
            warned.append(_warned(f"{where}: {item.message}", item.column))
        else:
            found.append(_Failure(item.column, "check", item.message, rows))
    return found, warned


def _warned(message: str, column: str) -> Finding:
    return Finding(
        code="NBC001",
        severity="warning",
        message=message,
        hint="the check says raise_warning=True, so that it refuses nothing",
        column=column or None,
    )


def _not_run(contract: DataContract, part: Part) -> Finding:
    names = [rule.name for rule in getattr(contract, part) if not rule.compiled]
    names += ["whole rows"] if part in contract.whole else []
    return Finding(
        code="NBC002",
        severity="warning",
        message=f"checks written by hand in schemas.py were not run here: {', '.join(names)}",
        hint="run `nbprod contract check`, which executes schemas.py",
        column=names[0] if len(names) == 1 else None,
    )


def _not_aged(rule: ColumnRule) -> Finding:
    return Finding(
        code="NBC006",
        severity="info",
        message=f"{rule.name}: rows were not asked to be fresher than {rule.freshness}",
        hint="rows of the past are old; of live ones ask it: `nbprod contract check --as-of now`",
        column=rule.name,
    )


# ---------------------------------------------------------------- the report


def _finding(key: str, count: int, rows: int) -> Finding:
    column, _, rule = key.rpartition(": ")
    column = "" if column == _WHOLE_ROWS else column
    counted = "" if rule in ("missing", "extra", "unit") else f": {count:,} of {rows:,} rows"
    return Finding(
        code="NBC001",
        severity="error",
        message=f"{key}{counted}",
        hint=_HINTS.get(rule, "look at the samples"),
        column=column or None,
        details={"rule": rule, "rows": count},
    )


def _samples(
    failures: list[_Failure], frame: pd.DataFrame, redact: frozenset[str]
) -> tuple[Violation, ...]:
    import numpy as np

    shown: dict[str, int] = {}
    samples: list[Violation] = []
    for failure in failures:
        places = [-1] if failure.rows is None else np.flatnonzero(failure.rows).tolist()
        room = min(_SHOWN_PER_RULE - shown.get(failure.key, 0), _SHOWN - len(samples))
        for row in places[: max(room, 0)]:
            shown[failure.key] = shown.get(failure.key, 0) + 1
            value = None
            if row >= 0 and failure.column in frame.columns:
                hidden = failure.column in redact
                value = REDACTED if hidden else plain(frame[failure.column].iloc[row])
            samples.append(
                Violation(
                    row=row,
                    column=failure.column,
                    rule=failure.rule,
                    message=failure.message,
                    value=value,
                )
            )
    return tuple(samples)
