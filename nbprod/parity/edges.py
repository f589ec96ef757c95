"""Inputs that the contract allows and the rows do not hold: nulls, extremes, unseen text."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbprod.data.comparison import kind_of_dtype
from nbprod.parity.calls import Raised, Subject, first
from nbprod.parity.outcome import Outcome
from nbprod.parity.rules import breakage, divergence, origin
from nbprod.records import ColumnRule, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from nbprod.parity.saying import Record
    from nbprod.parity.wire import Request

_UNSEEN = "never-seen-before"
_FOREIGN = "Zürich 東京"
_NEIGHBOURS = 10  # real rows that must not change beside the edges
_MOST_FINDINGS = 10
_MOST_COMPARED = 500  # each costs a call of one row
# What a number without a bound may be; large, but far from overflowing a square.
_FAR = 1e9


@dataclass(frozen=True)
class Edge:
    """One allowed value in one column of an otherwise ordinary row."""

    column: str
    what: str
    record: Record


def edges_of(request: Request, record: Record) -> Iterator[Edge]:
    """Every edge that the contract allows around one row, as JSON would bring it."""
    assert request.contract is not None
    for rule in request.contract.input:
        for what, value in _values(rule):
            changed = {**record, rule.name: value}
            if request.allowed([changed]) != [None]:
                yield Edge(rule.name, what, changed)
        if not rule.required and rule.name in record:
            left = {name: value for name, value in record.items() if name != rule.name}
            yield Edge(rule.name, "absent", left)


def _values(rule: ColumnRule) -> Iterator[tuple[str, Any]]:
    if rule.nullable:
        yield "null", None
    if rule.dtype in ("int", "float"):
        low = -_FAR if rule.minimum is None else rule.minimum
        high = _FAR if rule.maximum is None else rule.maximum
        kind = int if rule.dtype == "int" else float
        yield "its minimum" if rule.minimum is not None else "a very small number", kind(low)
        yield "its maximum" if rule.maximum is not None else "a very large number", kind(high)
        yield "zero", kind(0)
        if rule.dtype == "float":
            yield "negative zero", -0.0
            yield "infinite", float("inf")
            yield "minus infinite", float("-inf")
    elif rule.dtype == "str":
        yield "an unseen text", _UNSEEN
        yield "an empty text", ""
        yield "a text outside ASCII", _FOREIGN
        yield "a blank", " "
        for category in rule.categories or ():
            yield f"{category!r}", category
    elif rule.dtype == "bool":
        yield "true", True
        yield "false", False
    else:
        zone = "+00:00" if "," in rule.unit else ""
        early, late = f"1970-01-01T00:00:00{zone}", f"2100-12-31T23:59:59{zone}"
        known = rule.earliest is not None
        yield "its earliest moment" if known else "an early moment", rule.earliest or early
        known = rule.latest is not None
        yield "its latest moment" if known else "a later moment", rule.latest or late


def edge(subject: Subject, request: Request | None) -> Outcome:
    """Inputs that the contract allows neither crash nor give nulls that training had not."""
    outcome = Outcome("edge")
    if request is None or request.contract is None:
        outcome = outcome.not_needed("no contract says what is allowed")
        if request is not None and not subject.breaks_alone:
            outcome.findings.extend(_unseen(subject, request))
        return _only_shapes(subject, outcome)
    if not request.positions:
        return outcome.impossible("the contract refuses every row")
    if subject.breaks_alone:
        return outcome.impossible("see NBP009: no single row gets its features")
    position = request.positions[0]
    edges = list(edges_of(request, request.records[position]))
    outcome.rows = len(edges)
    passed: list[Edge] = []
    told: dict[tuple[str, str], Finding] = {}
    before = set(subject.explained)
    for item in edges:
        finding = _alone(subject, request, item)
        if finding is None:
            passed.append(item)
        elif len(told) < _MOST_FINDINGS:
            told.setdefault((item.column, finding.details.get("error", "")), finding)
    outcome.findings.extend(told.values())
    subject.explained.difference_update(subject.explained - before)
    if not outcome.findings:
        outcome.findings.extend(_among(subject, request, passed))
    return _only_shapes(subject, outcome)


def _unseen(subject: Subject, request: Request) -> list[Finding]:
    """Texts that the rows do not hold, where no contract forbids them: warnings, not verdicts.

    A service meets a new carrier some day; whether it may be sent, only a contract says.
    """
    found = []
    record = request.records[0]
    for name in subject.rows.columns:
        texts = kind_of_dtype(subject.rows[name]) == "text"
        if not texts or name not in record or not isinstance(record[name], str):
            continue
        item = Edge(str(name), "an unseen text", {**record, name: _UNSEEN})
        frame = request.frame_of([item.record])
        finding = _tried(subject, frame, frozenset(), item)
        if finding is not None:
            found.append(dataclasses.replace(finding, severity="warning"))
    return found


def _only_shapes(subject: Subject, outcome: Outcome) -> Outcome:
    """No rows at all: none may come of them; what raises is told, since no request is empty.

    An empty request is answered before the transform, and scikit-learn's estimators refuse to
    transform no rows.
    """
    try:
        features = subject.features(subject.rows.iloc[:0])
    except Raised as raised:
        note = f"no rows at all: {raised.text}"
        outcome.reason = f"{outcome.reason}; {note}" if outcome.reason else note
        return outcome
    if len(features) and not subject.breaks_alone:
        text = f"no error, but gives {len(features)} rows"
        finding = breakage(subject, "NBP009", text, where="for no rows at all", edge="no rows")
        outcome.findings.append(finding)
    return outcome


def _alone(subject: Subject, request: Request, item: Edge) -> Finding | None:
    assert request.contract is not None
    allowed = frozenset(rule.name for rule in request.contract.features if rule.nullable)
    return _tried(subject, request.frame_of([item.record]), allowed, item)


def _tried(
    subject: Subject, frame: pd.DataFrame, nullable: frozenset[str], item: Edge
) -> Finding | None:
    """The finding of one edge; None where it gives one row without a new null."""
    where = f"when {item.column!r} is {item.what}"
    details: dict[str, Any] = {
        "row": subject.shown(item.record),
        "input": item.column,
        "edge": item.what,
    }
    try:
        features = subject.features(frame)
    except Raised as raised:
        return breakage(subject, "NBP009", raised, where=where, column=item.column, **details)
    if len(features) != 1:
        return breakage(
            subject,
            "NBP009",
            f"no error, but gives {len(features)} rows for one,",
            where=where,
            column=item.column,
            **details,
        )
    holes = new_nulls(subject, nullable, features)
    return null_finding(subject, item, holes, where) if holes else None


def null_finding(subject: Subject, item: Edge, holes: list[str], where: str) -> Finding:
    """The finding of features that are null or infinite, which training never had."""
    made = origin(subject, holes[0])
    place = made.pop("place", None)
    return Finding(
        code="NBP009",
        severity="error",
        message=f"feature {holes[0]!r} is null or infinite {where}, which training never had",
        hint=(
            "fill it in the transform, or forbid the value in the contract "
            "(in schemas.py: nullable, ge, le, isin)"
        ),
        column=holes[0],
        details={
            "columns": holes,
            "error": holes[0],
            "row": subject.shown(item.record),
            "input": item.column,
            "edge": item.what,
            **made,
        },
        notebook=place.notebook if place else None,
        cell_id=place.cell_id if place else None,
        line=place.line if place else None,
    )


def new_nulls(subject: Subject, nullable: frozenset[str], features: pd.DataFrame) -> list[str]:
    """Features that are null or infinite here, and never were in training."""
    found = []
    for name in features.columns:
        if str(name) in subject.explained or name not in subject.base.columns:
            continue
        null = bool(features[name].isna().any())
        known = bool(subject.base[name].isna().any()) or str(name) in nullable
        infinite = _infinite(features[name]) and not _infinite(subject.base[name])
        if (null and not known) or infinite:
            found.append(str(name))
    return found


def _infinite(column: pd.Series[Any]) -> bool:
    import numpy as np

    return getattr(column.dtype, "kind", "O") == "f" and bool(
        np.isinf(column.to_numpy(dtype=float, na_value=np.nan)).any()
    )


def _not_as_alone(
    subject: Subject, request: Request, edges: list[Edge], mixed: pd.DataFrame
) -> list[Finding]:
    """The edges themselves get among others what each gets alone: a fill with a mean does not."""
    # Nulls first: a fill with the batch's own statistic is what there is to find.
    order = sorted(range(len(edges)), key=lambda number: edges[number].what != "null")
    for number in order[:_MOST_COMPARED]:
        item = edges[number]
        alone = subject.features(request.frame_of([item.record]))
        among = mixed.iloc[[number]].reset_index(drop=True)
        found = subject.compare(alone, among)
        values = [difference for difference in found.differences if difference.kind == "value"]
        if values:
            where = f"when {item.column!r} is {item.what}, alone and among other rows"
            columns = sorted({difference.column for difference in values})
            return [
                divergence(
                    subject,
                    "NBP002",
                    values[0],
                    columns=columns,
                    where=where,
                    row=subject.shown(item.record),
                    edge=item.what,
                )
            ]
    return []


def _among(subject: Subject, request: Request, edges: list[Edge]) -> list[Finding]:
    """Ordinary rows beside all edges in one batch: neither they nor the edges may change."""
    contract = request.contract
    assert contract is not None
    positions = request.positions[:_NEIGHBOURS]
    try:
        base = subject.features(request.frame(positions))
        records = [request.records[place] for place in positions]
        mixed = subject.features(request.frame_of([*records, *(item.record for item in edges)]))
    except Raised as raised:
        where = "when rows that each pass alone come together"
        return [breakage(subject, "NBP002", raised, where=where)]
    found = subject.compare(base, mixed.iloc[: len(positions)].reset_index(drop=True))
    if not found.differences:
        return _not_as_alone(subject, request, edges, mixed.iloc[len(positions) :])
    difference = first(found)
    return [
        divergence(
            subject,
            "NBP007" if difference.kind in ("dtype", "order") else "NBP002",
            difference,
            columns=sorted(found.columns),
            where="beside rows with other allowed values (nulls, extremes, unseen text)",
            positions=positions[:1],
        )
    ]
