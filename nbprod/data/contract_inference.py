"""A contract read off frames: what training rows held, loosened where production will differ."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

from nbprod.data.contract_source import render_schemas
from nbprod.errors import DataError
from nbprod.records import ColumnRule, DataContract, Finding, sha256

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    import pandas as pd

Kind = Literal["int", "float", "str", "bool", "datetime"]

# Text with at most this many different values, each seen several times on average, is a closed
# vocabulary; above it, names and numbers of things come new every day.
_MOST_CATEGORIES = 100
_ROWS_PER_CATEGORY = 5
# Whole numbers from 0 or 1 that fill an interval densely (months, hours, flags) are a closed
# scale; years are not, and a constant says nothing.
_ROWS_PER_STEP = 10
# Text that is really a date or a number: a caller's free text there is a mistake.
_PATTERNS = {
    "an ISO 8601 date": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9:.]+)?(Z|[+-][0-9]{2}:?[0-9]{2})?$",
    "a number in text": r"^[+-]?[0-9]+([.][0-9]+)?$",
}


def infer_contract(
    raw: pd.DataFrame,
    features: pd.DataFrame,
    output: pd.DataFrame,
    *,
    package: str,
    key: Sequence[str],
    time: str,
    not_inputs: Collection[str],
    used_columns: Collection[str] | None = None,
) -> DataContract:
    """The contract that these frames suggest, for its owner to read and edit.

    raw: the rows a caller would send; features: the transform's frame; output: predict's frame.
    not_inputs: the label and what is known only afterwards. used_columns: what the transform
    reads (all columns where None); key and time are carried without being required.
    Raises DataError where a column holds what no contract can describe.
    """
    findings: list[Finding] = []
    rules = _input_rules(raw, key, time, not_inputs, used_columns, findings)
    contract = DataContract(
        package=package,
        source_digest="",
        input=rules,
        # No ranges here: what an allowed input leads to must itself be allowed. Drift watches them.
        features=tuple(_rule(features[name], ranges=False) for name in features.columns),
        output=tuple(_output_rule(output[name]) for name in output.columns),
        key=tuple(key),
        findings=tuple(findings),
    )
    return DataContract.from_json(
        {**contract.to_json(), "source_digest": sha256(render_schemas(contract))}
    )


def _input_rules(
    raw: pd.DataFrame,
    key: Sequence[str],
    time: str,
    not_inputs: Collection[str],
    used_columns: Collection[str] | None,
    findings: list[Finding],
) -> tuple[ColumnRule, ...]:
    used = set(raw.columns if used_columns is None else used_columns)
    if absent := sorted(map(str, used - set(raw.columns))):
        raise DataError(
            f"the transform reads {', '.join(absent)}, which the rows do not have",
            hint="check that contract and transform look at the same rows",
        )
    if used_columns is not None:
        findings.extend(
            Finding(
                code="NBC003",
                severity="error",
                message=f"the transform reads {name!r}, which is known only after the prediction",
                hint="take it out of the features, or out of [data] known_after",
                column=str(name),
            )
            for name in sorted(used & set(not_inputs), key=str)
        )
    wanted = (used | ({*key, time} & set(raw.columns))) - set(not_inputs)
    # A key is new with every row: what was seen says nothing about what comes.
    return tuple(
        _rule(raw[name], required=name in used, ranges=name not in key)
        for name in raw.columns
        if name in wanted
    )


def _output_rule(column: pd.Series[Any]) -> ColumnRule:
    rule = _rule(column, ranges=False)
    if rule.dtype == "float" and column.notna().any() and column.min() >= 0 and column.max() <= 1:
        return _changed(rule, minimum=0.0, maximum=1.0, description="a share or probability")
    return rule


def _rule(column: pd.Series[Any], *, required: bool = True, ranges: bool = True) -> ColumnRule:
    kind = kind_of(column)
    seen = column.dropna()
    nulls = len(column) - len(seen)
    rule = ColumnRule(
        name=str(column.name),
        dtype=kind,
        nullable=nulls > 0,
        required=required,
        unit=_unit(column) if kind == "datetime" else "",
    )
    if not len(seen):
        return _changed(rule, nullable=True, description="nothing but nulls was seen")
    if kind != "bool":
        rule = _DESCRIBE[kind](rule, seen, ranges)
    if nulls:
        share = f"{nulls / len(column):.2%} null"
        return _changed(
            rule, description=f"{rule.description}; {share}" if rule.description else share
        )
    return rule


def kind_of(column: pd.Series[Any]) -> Kind:
    """The contract's dtype of a column; DataError where it has none."""
    import pandas as pd

    dtype: Any = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return kind_of(pd.Series(dtype.categories, name=column.name))
    if pd.api.types.is_bool_dtype(dtype):
        return "bool"
    kinds: dict[str, Kind] = {"i": "int", "u": "int", "f": "float", "M": "datetime"}
    if (kind := getattr(dtype, "kind", "O")) in kinds:
        return kinds[kind]
    inferred = pd.api.types.infer_dtype(column, skipna=True)
    named: dict[str, Kind] = {
        "string": "str",
        "boolean": "bool",
        "integer": "int",
        "floating": "float",
        "mixed-integer-float": "float",
        "datetime": "datetime",
        "datetime64": "datetime",
        "empty": "float",
    }
    if inferred not in named:
        raise DataError(
            f"column {column.name!r} holds {inferred} values ({dtype}), "
            "which a contract cannot describe",
            hint="make it numbers, text, true/false or datetimes where the data is loaded",
            column=str(column.name),
        )
    return named[inferred]


def _unit(column: pd.Series[Any]) -> str:
    import pandas as pd

    index = pd.DatetimeIndex(column)
    return f"{index.unit}, {index.tz}" if index.tz is not None else index.unit


def _numbers(rule: ColumnRule, seen: pd.Series[Any], ranges: bool) -> ColumnRule:
    values = seen.astype("float64")
    values = values[values.abs() != math.inf]
    if not len(values):
        return rule
    low, high = float(values.min()), float(values.max())
    steps = int(values.nunique())
    whole = rule.dtype == "int"
    dense = steps == high - low + 1 and len(values) >= _ROWS_PER_STEP * steps
    if ranges and whole and dense and low in (0, 1) and 1 < steps <= _MOST_CATEGORIES:
        text = f"every value from {low:.0f} to {high:.0f} was seen: a closed scale"
        return _changed(rule, minimum=low, maximum=high, description=text)
    text = f"seen {_shown(low, whole)} to {_shown(high, whole)}"
    if not ranges:
        return _changed(rule, description=text)
    minimum, maximum = loosened(low, high, whole=whole)
    return _changed(rule, minimum=minimum, maximum=maximum, description=text)


def _shown(value: float, whole: bool) -> str:
    return f"{value:.0f}" if whole else f"{value:.6g}"


def loosened(low: float, high: float, *, whole: bool = False) -> tuple[float, float]:
    """Bounds half a span wider than what was seen, in round numbers, that keep their sign.

    A sample's extremes are not the world's: the next month brings a longer delay. But what was
    never negative (a count, a distance) stays so, and what was never zero stays off zero, since
    transforms take logarithms and divide.
    """
    margin = (high - low) / 2 or abs(low) / 2 or 1.0
    minimum, maximum = low - margin, high + margin
    if low >= 0:
        minimum = max(minimum, low / 2)
    if high <= 0:
        maximum = min(maximum, high / 2)
    minimum, maximum = _rounded(minimum, math.floor), _rounded(maximum, math.ceil)
    if whole:
        minimum, maximum = float(math.floor(minimum)), float(math.ceil(maximum))
        minimum = max(minimum, 1.0) if low > 0 else minimum
        maximum = min(maximum, -1.0) if high < 0 else maximum
    return minimum, maximum


def _rounded(value: float, towards: Any) -> float:
    """Two significant digits, in the direction given."""
    if value == 0 or not math.isfinite(value):
        return value
    digits = 1 - math.floor(math.log10(abs(value)))
    if not -290 < digits < 290:
        return value
    # through text, so that 0.1 is written 0.1 and not 0.1 with seventeen digits
    return float(f"{towards(value * 10.0**digits)}e{-digits}")


def _texts(rule: ColumnRule, seen: pd.Series[Any], _ranges: bool) -> ColumnRule:
    values = seen.astype(object)
    distinct = sorted(set(values.tolist()))
    if len(distinct) <= _MOST_CATEGORIES and len(values) >= _ROWS_PER_CATEGORY * len(distinct):
        return _changed(rule, categories=list(distinct), description="every value that was seen")
    for name, pattern in _PATTERNS.items():
        if values.str.match(pattern).all():
            return _changed(rule, pattern=pattern, description=f"always {name}")
    return _changed(rule, description=f"{len(distinct):,} different values were seen")


def _datetimes(rule: ColumnRule, seen: pd.Series[Any], ranges: bool) -> ColumnRule:
    import pandas as pd

    index = pd.DatetimeIndex(seen)
    first, last = index.min(), index.max()
    text = f"seen {first.date()} to {last.date()}"
    if not ranges:
        return _changed(rule, description=text)
    # Time goes on, so there is no latest; before the year in which the data starts lie only
    # zeros of a clock and slips of a century.
    earliest = first.normalize().replace(month=1, day=1)
    return _changed(rule, earliest=earliest.isoformat(), description=text)


_DESCRIBE: dict[str, Callable[[ColumnRule, pd.Series[Any], bool], ColumnRule]] = {
    "int": _numbers,
    "float": _numbers,
    "str": _texts,
    "datetime": _datetimes,
}


def _changed(rule: ColumnRule, **changes: Any) -> ColumnRule:
    return ColumnRule.from_json({**rule.to_json(), **changes})
