"""The relations once more, on rows that were generated: what real rows are too few to show."""

from __future__ import annotations

import copy
import dataclasses
from typing import TYPE_CHECKING

from nbprod.parity.batches import batch
from nbprod.parity.calls import Raised, Subject
from nbprod.parity.edges import Edge, edges_of, new_nulls, null_finding
from nbprod.parity.generation import generated_records
from nbprod.parity.outcome import Outcome
from nbprod.parity.relations import order
from nbprod.parity.rules import breakage
from nbprod.parity.shrink import smallest
from nbprod.parity.value import apart

if TYPE_CHECKING:
    import pandas as pd

    from nbprod.parity.saying import Record
    from nbprod.parity.serve_paths import Served
    from nbprod.parity.wire import Request
    from nbprod.records import Finding

_ROWS = 48
_MOST_EDGES = 300


def generated(subject: Subject, request: Request | None, serve_path: Served | None) -> Outcome:
    """Rows that the contract allows and the data do not hold, alone, together, and served.

    Without a contract nothing says what may come: then only a serve path of its own is asked,
    for values like those in the data.
    """
    outcome = Outcome("generated")
    if request is None or not request.positions:
        return outcome.not_needed("no row of these can be sent")
    if request.contract is None and serve_path is None:
        return outcome.not_needed("no contract says what may come")
    records = generated_records(request, _ROWS)
    outcome.rows = len(records)
    if len(records) < 2:
        return outcome.not_needed("the contract allows hardly any row but those of the data")
    if request.contract is not None and not subject.breaks_alone and not subject.learns:
        outcome.findings.extend(_related(subject, request, records))
    if serve_path is not None and not outcome.findings:
        outcome.findings.extend(_served(subject, request, serve_path, records))
    return outcome


def _related(subject: Subject, request: Request, records: list[Record]) -> list[Finding]:
    """Findings of the transform on rows that the contract allows."""
    rows = request.frame_of(records)
    try:
        twin = _twin(subject, rows)
    except Raised as raised:
        return [_broken(subject, request, records, raised)]
    if len(twin.base) != len(rows):
        text = f"no error, but gives {len(twin.base)} rows for {len(rows)},"
        return [breakage(twin, "NBP009", text, where=_WHERE)]
    if hole := _hole(subject, request, records, twin):
        return [hole]
    found = order(twin).findings
    for outcome in batch(twin):
        found.extend(outcome.findings)
    return [dataclasses.replace(f, message=f"{f.message} ({_WHERE})") for f in found]


_WHERE = "for generated rows that the contract allows"


def _twin(subject: Subject, rows: pd.DataFrame) -> Subject:
    """The same subject over other rows; Raised where the transform raises for them."""
    twin = copy.copy(subject)
    twin.rows, twin.noise = rows, None
    twin.origins = {}
    twin.__post_init__()
    twin.base = twin.features(rows)
    return twin


def _broken(subject: Subject, request: Request, records: list[Record], raised: Raised) -> Finding:
    """The finding of rows that break it: the smallest number of them that does."""

    def breaks(places: list[int]) -> bool:
        try:
            subject.features(request.frame_of([records[place] for place in places]))
        except Raised:
            return True
        return False

    shrunk = smallest(range(len(records)), breaks)
    code = "NBP009" if len(shrunk) == 1 else "NBP002"
    shown = [subject.shown(records[place]) for place in shrunk[:5]]
    return breakage(subject, code, raised, where=_WHERE, rows=shown, smallest_rows=len(shrunk))


def _hole(
    subject: Subject, request: Request, records: list[Record], twin: Subject
) -> Finding | None:
    """The finding of the first row that gives a null or an infinity which training never had."""
    assert request.contract is not None
    nullable = frozenset(rule.name for rule in request.contract.features if rule.nullable)
    for place, record in enumerate(records):
        features = twin.base.iloc[[place]]
        if holes := new_nulls(subject, nullable, features):
            item = Edge("", "a row like this", record)
            return null_finding(subject, item, holes, _WHERE)
    return None


def _served(
    subject: Subject, request: Request, serve_path: Served, records: list[Record]
) -> list[Finding]:
    """Findings of the serve path beside the transform, on edges and generated rows."""
    edges: list[Record] = []
    if request.contract is not None:
        first = request.records[request.positions[0]]
        edges = [item.record for item in edges_of(request, first)][:_MOST_EDGES]
    known = []
    for record in (*edges, *records):  # only rows for which the transform has an answer
        try:
            known.append((record, subject.features(request.frame_of([record]))))
        except Raised:
            continue
    known = [(record, features) for record, features in known if len(features) == 1]
    return _compared(subject, request, serve_path, known)


def _compared(
    subject: Subject,
    request: Request,
    serve_path: Served,
    known: list[tuple[Record, pd.DataFrame]],
) -> list[Finding]:
    asked = dataclasses.replace(
        request, records=[record for record, _ in known], positions=list(range(len(known)))
    )
    where = "on the train path and on the serve path, for a row that the data do not hold"
    for place, (record, expected) in enumerate(known):
        try:
            answered = serve_path(asked, [place])
        except Raised as raised:
            if request.contract is None:  # it need not know what to do with it
                continue
            shown = subject.shown(record)
            where = "when the serve path gets a row that the contract allows"
            return [breakage(subject, "NBP001", raised, where=where, rows=[shown])]
        found = subject.compare(expected, answered)
        if any(difference.kind == "value" for difference in found.differences):
            findings = apart(subject, found, where)
            rows = [subject.shown(record)]
            return [
                dataclasses.replace(f, details={**f.details, "rows": rows, "smallest_rows": 1})
                for f in findings
                if f.code == "NBP001"
            ]
    return []
