"""Whole frames judged against the contract with pandera: every failure counted, a few shown."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any, Literal

from nbprod.data.contract_reading import load_schemas
from nbprod.data.row_values import INT64, Broken, datetime_unit, judge_of, plain
from nbprod.errors import DataError
from nbprod.records import REDACTED, ColumnRule, ContractReport, DataContract, Finding, Violation

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import pandas as pd

    Mask = np.ndarray[Any, np.dtype[np.bool_]]

Part = Literal["input", "features", "output"]
_SHOWN_PER_RULE = 3
_SHOWN = 30
_HINTS = {
    "type": "load or cast the column to the contract's type",
    "null": "fill it where the data is loaded, or say nullable=True in schemas.py",
    "range": "correct the value, or widen the bound in schemas.py",
    "category": "correct the value, or add it in schemas.py",
    "pattern": "correct the value, or change the pattern in schemas.py",
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
) -> ContractReport:
    """The frame judged by one part of the contract, the same way as single rows are.

    redact: columns whose values are never shown. strict: whether an extra column is a failure;
    the contract's own setting where None (a training table carries more than a caller sends).
    schemas_path: the user's schemas.py, which is then executed, for the checks that only
    pandera can run; without it they are named in a warning, not run.
    """
    rules: tuple[ColumnRule, ...] = getattr(contract, part)
    closed = contract.strict if strict is None else strict
    failures = _failures(rules, frame, closed)
    findings = [_uncompiled(rule) for rule in rules if not rule.compiled]
    if schemas_path is not None:
        findings = []
        failures += _hand_written(part, rules, frame, schemas_path, failures)
    counts = Counter(f"{column}: {rule}" for _, column, rule, _ in failures)
    findings += [_finding(key, count, len(frame)) for key, count in counts.items()]
    return ContractReport(
        inputs={contract.id: contract.digest},
        contract=contract.id,
        part=part,
        rows=len(frame),
        passed=not counts,
        failures=dict(counts),
        samples=_samples(failures, frame, frozenset(redact)),
        findings=tuple(findings),
    )


# row (-1: the whole column), column, rule, message
_Failure = tuple[int, str, str, str]


def _failures(rules: tuple[ColumnRule, ...], frame: pd.DataFrame, strict: bool) -> list[_Failure]:
    import pandas as pd

    if repeated := frame.columns[frame.columns.duplicated()].unique().tolist():
        raise DataError(
            f"the frame has more than one column {', '.join(map(repr, repeated))}",
            hint="rename or drop one of them where the data is loaded",
        )
    failures: list[_Failure] = []
    aligned: dict[str, pd.Series[Any]] = {}
    for rule in rules:
        if rule.name in frame.columns:
            column, bad = _aligned(frame[rule.name].reset_index(drop=True), rule)
            aligned[rule.name] = column
            failures += [(row, rule.name, kind, message) for row, (kind, message) in bad.items()]
    extra = [name for name in frame.columns if name not in aligned]
    whole = pd.DataFrame(aligned, index=pd.RangeIndex(len(frame)))
    for name in extra:
        whole[name] = frame[name].to_numpy()
    known = {(row, column) for row, column, _, _ in failures}
    return failures + [
        failure
        for failure in _validated(_schema(rules, strict), whole)
        if (failure[0], failure[1]) not in known
    ]


def _schema(rules: tuple[ColumnRule, ...], strict: bool) -> Any:
    """The pandera schema of the rules; types are already judged, value by value."""
    import pandera.pandas as pa

    columns = {
        rule.name: pa.Column(
            None, checks=_checks(rule), nullable=rule.nullable, required=rule.required
        )
        for rule in rules
    }
    return pa.DataFrameSchema(columns, strict=strict)


def _checks(rule: ColumnRule) -> list[Any]:
    import pandas as pd
    import pandera.pandas as pa

    checks = []
    if rule.dtype == "float":
        finite = [float("-inf"), float("inf")]
        checks.append(pa.Check.notin(finite, name="range", error="is not finite"))
    if rule.dtype in ("int", "float"):
        if rule.minimum is not None:
            message = f"is below {rule.minimum:g}"
            checks.append(pa.Check.ge(rule.minimum, name="range", error=message))
        if rule.maximum is not None:
            message = f"is above {rule.maximum:g}"
            checks.append(pa.Check.le(rule.maximum, name="range", error=message))
    if rule.dtype == "datetime":
        for bound, make, word in (
            (rule.earliest, pa.Check.ge, "before"),
            (rule.latest, pa.Check.le, "after"),
        ):
            if bound is not None:
                moment = _zoned(pd.Timestamp(bound), datetime_unit(rule)[1])
                checks.append(make(moment, name="range", error=f"is {word} {bound}"))
    if rule.categories is not None:
        message = f"is not one of the {len(rule.categories)} known"
        checks.append(pa.Check.isin(list(rule.categories), name="category", error=message))
    if rule.pattern is not None:
        checks.append(_pattern(rule.pattern))
    return checks


def _pattern(pattern: str) -> Any:
    """The pattern judged by Python's re, as for single rows; Arrow's engine differs in detail."""
    import pandera.pandas as pa

    match = re.compile(pattern).match
    return pa.Check(
        lambda value: bool(match(value)),
        element_wise=True,
        name="pattern",
        error=f"does not match {pattern!r}",
    )


def _zoned(moment: pd.Timestamp, zone: str) -> pd.Timestamp:
    if not zone:
        return moment.tz_localize(None)
    return moment.tz_localize(zone) if moment.tzinfo is None else moment


def _validated(schema: Any, frame: pd.DataFrame) -> list[_Failure]:
    import pandera.errors

    try:
        schema.validate(frame, lazy=True)
    except pandera.errors.SchemaErrors as errors:
        found = [failure for error in errors.schema_errors for failure in _cases(error)]
        # a value that is infinite is also above its maximum: one failure of one rule
        return list({failure[:3]: failure for failure in reversed(found)}.values())[::-1]
    return []


def _cases(error: Any) -> list[_Failure]:
    """One pandera error as failures: a row each where pandera names rows."""
    reason = error.reason_code.name
    if reason == "COLUMN_NOT_IN_DATAFRAME":
        return [(-1, str(error.failure_cases), "missing", "is missing")]
    if reason == "COLUMN_NOT_IN_SCHEMA":
        return [(-1, str(error.failure_cases), "extra", "is not in the contract")]
    column = str(getattr(error.schema, "name", "") or "")
    if reason == "SERIES_CONTAINS_NULLS":
        return [(int(row), column, "null", "is null") for row in error.failure_cases["index"]]
    known = getattr(error.check, "name", None) in ("range", "category", "pattern")
    rule = str(error.check.name) if known else "check"
    message = str(getattr(error.check, "error", None) or error.check)
    rows = error.failure_cases["index"] if hasattr(error.failure_cases, "columns") else [None]
    return [(-1 if row is None else int(row), column, rule, message) for row in rows]


# ---------------------------------------------------------------- types


def _aligned(
    column: pd.Series[Any], rule: ColumnRule
) -> tuple[pd.Series[Any], dict[int, tuple[str, str]]]:
    """The column in the rule's type, whatever its width, and the values that cannot have it.

    What is of another type is null in the column that comes back, and named by its row.
    """
    import pandas as pd

    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.dtype.categories.dtype)
    kind = getattr(column.dtype, "kind", "O")
    ready = _READY.get((rule.dtype, kind))
    if ready is not None and not pd.api.types.is_string_dtype(column.dtype):
        return ready(column, rule)
    if rule.dtype == "str" and kind != "O" and not pd.api.types.is_string_dtype(column.dtype):
        message = f"is {column.dtype}, not text"
        bad = dict.fromkeys(_positions(column.notna()), ("type", message))
        return column.astype(object).mask(column.notna().to_numpy()), bad
    return _one_by_one(column, rule)


def _positions(mask: Any) -> list[int]:
    import numpy as np

    return [int(row) for row in np.flatnonzero(np.asarray(mask, dtype=bool))]


def _same(
    column: pd.Series[Any], _rule: ColumnRule
) -> tuple[pd.Series[Any], dict[int, tuple[str, str]]]:
    return column, {}


def _whole(
    column: pd.Series[Any], _rule: ColumnRule
) -> tuple[pd.Series[Any], dict[int, tuple[str, str]]]:
    """Floats for an int column: whole ones pass, as they do in JSON."""
    import numpy as np

    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    null = np.isnan(values)
    with np.errstate(invalid="ignore"):
        broken = ~null & (values % 1 != 0)
    far = ~null & ~broken & ((values < INT64[0]) | (values >= float(INT64[1])))
    bad = dict.fromkeys(_positions(broken), ("type", "is not a whole number"))
    bad |= dict.fromkeys(_positions(far), ("range", "does not fit 64 bits"))
    return column.mask(broken | far), bad


def _moments(
    column: pd.Series[Any], rule: ColumnRule
) -> tuple[pd.Series[Any], dict[int, tuple[str, str]]]:
    zone = datetime_unit(rule)[1]
    aware = getattr(column.dtype, "tz", None) is not None
    if aware == bool(zone):
        return (column.dt.tz_convert(zone) if zone else column), {}
    message = "has a time zone" if aware else "has no time zone"
    bad = dict.fromkeys(_positions(column.notna()), ("type", message))
    empty = column.dt.tz_convert("UTC").dt.tz_localize(None) if aware else column
    empty = empty.mask(column.notna().to_numpy())
    return (empty.dt.tz_localize(zone) if zone else empty), bad


_Ready = Callable[
    ["pd.Series[Any]", ColumnRule], "tuple[pd.Series[Any], dict[int, tuple[str, str]]]"
]
# (rule's dtype, the column's NumPy kind) -> what makes the column ready; others go one by one
_READY: dict[tuple[str, str], _Ready] = {
    ("int", "i"): _same,
    ("int", "f"): _whole,
    ("float", "f"): _same,
    ("float", "i"): _same,
    ("float", "u"): _same,
    ("bool", "b"): _same,
    ("datetime", "M"): _moments,
}


def _one_by_one(
    column: pd.Series[Any], rule: ColumnRule
) -> tuple[pd.Series[Any], dict[int, tuple[str, str]]]:
    """Objects, text and odd types: each value asked whether it has the type."""
    import pandas as pd

    bare = ColumnRule(name=rule.name, dtype=rule.dtype, nullable=True, unit=rule.unit)
    judge = judge_of(bare)
    values: list[Any] = []
    bad: dict[int, tuple[str, str]] = {}
    for row, value in enumerate(column.tolist()):
        try:
            if rule.dtype == "datetime" and isinstance(value, str):
                raise Broken("type", "is text, not a datetime")
            values.append(judge(value))
        except Broken as broken:
            bad[row] = (broken.rule, broken.message)
            values.append(None)
    if rule.dtype == "datetime":
        zone = datetime_unit(rule)[1]
        times = pd.Series(pd.to_datetime(values, utc=bool(zone)))
        return (times.dt.tz_convert(zone) if zone else times), bad
    if rule.dtype == "int":
        return pd.Series(pd.array(values, dtype="Int64")), bad
    return pd.Series(values, dtype="float64" if rule.dtype == "float" else object), bad


# ---------------------------------------------------------------- the user's own checks


def _hand_written(
    part: Part,
    rules: tuple[ColumnRule, ...],
    frame: pd.DataFrame,
    schemas_path: str | Path,
    failures: list[_Failure],
) -> list[_Failure]:
    """Failures of the checks in schemas.py that no rule states."""
    schema = load_schemas(schemas_path).get(part.capitalize())
    if schema is None:
        return []
    known = {(row, column) for row, column, _, _ in failures}
    whole = frame.reset_index(drop=True)
    for rule in rules:
        if rule.name in whole.columns:
            whole[rule.name] = _aligned(whole[rule.name], rule)[0]
    for column in schema.columns.values():
        column.dtype = None  # judged above, whatever the width
        column.nullable = True
        column.required = False
    schema.strict = False
    return [
        (row, column, rule, message)
        for row, column, rule, message in _validated(schema, whole)
        if (row, column) not in known
    ]


def _uncompiled(rule: ColumnRule) -> Finding:
    return Finding(
        code="NBC002",
        severity="warning",
        message=f"{rule.name}: a check written by hand in schemas.py was not run here",
        hint="run `nbprod contract check`, which executes schemas.py",
        column=rule.name,
    )


# ---------------------------------------------------------------- the report


def _finding(key: str, count: int, rows: int) -> Finding:
    column, _, rule = key.rpartition(": ")
    return Finding(
        code="NBC001",
        severity="error",
        message=f"{key}"
        + ("" if rule in ("missing", "extra") else f": {count:,} of {rows:,} rows"),
        hint=_HINTS.get(rule, "look at the samples"),
        column=column or None,
        details={"rule": rule, "rows": count},
    )


def _samples(
    failures: list[_Failure], frame: pd.DataFrame, redact: frozenset[str]
) -> tuple[Violation, ...]:
    shown: Counter[tuple[str, str]] = Counter()
    samples: list[Violation] = []
    for row, column, rule, message in failures:
        if shown[column, rule] >= _SHOWN_PER_RULE or len(samples) >= _SHOWN:
            continue
        shown[column, rule] += 1
        value = None
        if row >= 0 and column in frame.columns:
            value = REDACTED if column in redact else plain(frame[column].iloc[row])
        samples.append(Violation(row=row, column=column, rule=rule, message=message, value=value))
    return tuple(samples)
