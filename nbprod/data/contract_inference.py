"""A contract read off frames: what training rows held, loosened where production will differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbprod.data.column_inference import MOST_CATEGORIES, changed, kind_of, loosened, rule_of
from nbprod.data.contract_source import render_schemas
from nbprod.errors import DataError
from nbprod.records import ColumnRule, DataContract, Finding, sha256

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    import pandas as pd
__all__ = ["infer_contract", "kind_of", "loosened"]

# Rows that end longer ago are history: a rule on their age would refuse every row there is.
_LIVE_DAYS = 90


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
    label: pd.Series[Any] | None = None,
    freshness: str = "",
) -> DataContract:
    """The contract that these frames suggest, for its owner to read and edit.

    raw: the rows a caller would send; features: the transform's frame; output: predict's frame.
    not_inputs: the label and what is known only afterwards. used_columns: what the transform
    reads (all columns where None); key and time are carried without being required.
    label: what the model learns, whose classes the output may name. freshness: how old the time
    column may be when it is served, "" for any age; units come from ``raw.attrs["units"]``.
    Raises DataError where a column holds what no contract can describe.
    """
    if not len(raw):
        raise DataError(
            "there is no row to infer a contract from",
            hint="look at what the data cell loads, and at [data] holdout",
        )
    findings: list[Finding] = []
    rules = _input_rules(raw, key, time, not_inputs, used_columns, findings)
    rules = tuple(
        _fresh(rule, raw, freshness, findings) if rule.name == time else rule for rule in rules
    )
    contract = DataContract(
        package=package,
        source_digest="",
        input=rules,
        # No ranges here: what an allowed input leads to must itself be allowed. Drift watches them.
        features=tuple(rule_of(column, ranges=False) for column in _columns(features)),
        output=tuple(_output_rule(column, label) for column in _columns(output)),
        key=tuple(key),
        unique=_unique(raw, key, findings),
        findings=tuple(findings),
    )
    return DataContract.from_json(
        {**contract.to_json(), "source_digest": sha256(render_schemas(contract))}
    )


def _columns(frame: pd.DataFrame) -> Iterator[pd.Series[Any]]:
    """Each column under its name as text; DataError where a name is there twice."""
    names = [str(name) for name in frame.columns]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise DataError(
            f"there is more than one column {', '.join(map(repr, repeated[:5]))}",
            hint="rename or drop one of them in the notebook",
        )
    for position, name in enumerate(names):
        yield frame.iloc[:, position].rename(name)


def _input_rules(
    raw: pd.DataFrame,
    key: Sequence[str],
    time: str,
    not_inputs: Collection[str],
    used_columns: Collection[str] | None,
    findings: list[Finding],
) -> tuple[ColumnRule, ...]:
    used = set(map(str, raw.columns if used_columns is None else used_columns))
    if absent := sorted(used - set(map(str, raw.columns))):
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
                column=name,
            )
            for name in sorted(used & set(not_inputs))
        )
    wanted = (used | {*key, time}) - set(not_inputs)
    names: list[Any] = list(raw.columns)
    if odd := [name for name in names if str(name) in wanted and not isinstance(name, str)]:
        raise DataError(
            f"the column name {odd[0]!r} is not text, and a caller's row has names in text",
            hint="rename the columns where the data is loaded: frame.columns = [...]",
            column=str(odd[0]),
        )
    told = raw.attrs.get("units")
    units = told if isinstance(told, dict) else {}
    rules = []
    for column in _columns(raw.loc[:, [str(name) in wanted for name in names]]):
        name = str(column.name)
        # A key is new with every row: what was seen says nothing about what comes.
        rule = rule_of(column, required=name in used, ranges=name not in key)
        if units.get(name) and rule.dtype != "datetime":
            rule = changed(rule, unit=str(units[name]))
        if rule.dtype == "float" and _infinite(column):
            findings.append(_holds_infinities(name))
        rules.append(rule)
    return tuple(rules)


def _infinite(column: pd.Series[Any]) -> bool:
    import numpy as np

    return bool(np.isinf(column.to_numpy(dtype=float, na_value=np.nan)).any())


def _holds_infinities(name: str) -> Finding:
    return Finding(
        code="NBC007",
        severity="warning",
        message=f"{name} holds infinite values, which no caller can send: training refuses them",
        hint="make them null or a number where the data is loaded",
        column=name,
    )


def _unique(
    raw: pd.DataFrame, key: Sequence[str], findings: list[Finding]
) -> tuple[tuple[str, ...], ...]:
    """The key, where it names each row once; otherwise it is told."""
    if not key or not set(key) <= set(raw.columns):
        return ()
    repeated = int(raw.duplicated(subset=list(key), keep=False).sum())
    if not repeated:
        return (tuple(key),)
    findings.append(
        Finding(
            code="NBC005",
            severity="warning",
            message=f"the key {', '.join(key)} is not unique: {repeated:,} of {len(raw):,} rows "
            "share theirs with another",
            hint="an outcome given by key reaches every prediction of that key: name further "
            "columns in [data] key, or give outcomes by prediction id",
        )
    )
    return ()


def _fresh(
    rule: ColumnRule, raw: pd.DataFrame, freshness: str, findings: list[Finding]
) -> ColumnRule:
    """The time column with its freshness, where it is known to be live and has a zone."""
    import pandas as pd

    if not freshness or rule.dtype != "datetime":
        return rule
    newest = pd.Timestamp(raw[rule.name].max())
    why = "it has no time zone, so that its age is not known"
    if newest.tzinfo is not None:
        age_days = (pd.Timestamp.now(tz="UTC") - newest).days
        if age_days <= _LIVE_DAYS:
            return changed(rule, freshness=freshness)
        why = (
            f"the newest training row is {age_days:,} days old, so that these rows are no live ones"
        )
    findings.append(
        Finding(
            code="NBC006",
            severity="info",
            message=f"{rule.name}: freshness {freshness} is not asked of rows: {why}",
            hint=f'to refuse older rows, write metadata={{"freshness": "{freshness}"}} on '
            f"{rule.name} in schemas.py (a time without a zone counts as UTC)",
            column=rule.name,
        )
    )
    return rule


def _output_rule(column: pd.Series[Any], label: pd.Series[Any] | None) -> ColumnRule:
    """A share where all lie between 0 and 1, a class where the label names them."""
    rule = rule_of(column, ranges=False)
    seen = column.dropna()
    share = rule.dtype == "float" and len(seen) and seen.min() >= 0 and seen.max() <= 1
    if share and (label is None or not _continuous(label)):
        return changed(rule, minimum=0.0, maximum=1.0, description="a share or probability")
    if rule.dtype == "str" and label is not None and kind_of(label) == "str":
        # a sample's predictions need not show every class
        classes = sorted({*map(str, label.dropna()), *map(str, seen)})
        if len(classes) <= MOST_CATEGORIES:
            return changed(rule, categories=classes, description="the label's classes")
    return rule


def _continuous(label: pd.Series[Any]) -> bool:
    """Whether a label is a measured quantity: then 0 and 1 are no natural ends."""
    import pandas as pd

    if not pd.api.types.is_float_dtype(label.dtype):
        return False
    known = label.dropna()
    return bool((known % 1 != 0).any())
