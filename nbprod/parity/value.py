"""The paths against each other, value by value: what trained, the transform, what serves."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from nbprod.data.comparison import UNMEASURABLE, Comparison, Difference, compare
from nbprod.parity.calls import Raised, Subject, first
from nbprod.parity.features import as_frame
from nbprod.parity.fingerprint import changed_fields, fingerprint
from nbprod.parity.outcome import Outcome
from nbprod.parity.relations import pick
from nbprod.parity.rules import breakage, divergence
from nbprod.parity.serve_paths import watched
from nbprod.parity.wire import base_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

    from nbprod.parity.serve_paths import Served
    from nbprod.parity.wire import Request
    from nbprod.records import Finding

_SINGLES = 40


def value(
    subject: Subject,
    request: Request | None,
    serve_path: Served | None,
    expected: pd.DataFrame | None,
) -> Outcome:
    """What trained and what serves against the transform, value by value (NBP001, NBP007)."""
    outcome = Outcome("value")
    if serve_path is None and expected is None:
        return outcome.not_needed("no serve path and no training features were given")
    if expected is not None:
        outcome.rows = len(expected)
        where = "as the model was trained on it and as the transform gives it now"
        found = subject.compare(as_frame(expected), subject.base)
        outcome.findings.extend(apart(subject, found, where))
    if serve_path is None:
        return outcome
    if request is None or not request.positions:
        return outcome.impossible("no row of these can be sent to the serve path")
    outcome.rows = max(outcome.rows, len(request.positions))
    outcome.findings.extend(_served(subject, request, serve_path))
    return outcome


def agrees(subject: Subject, request: Request, serve_path: Served) -> bool:
    """Whether the serve path answers all rows at once as the transform does."""
    try:
        answered = serve_path(request, request.positions)
        return not compare(
            subject.base, answered, subject.tolerance, scales=subject.scales
        ).differences
    except Raised:
        return False


def apart(
    subject: Subject, found: Comparison, where: str, positions: Sequence[int] = ()
) -> list[Finding]:
    """Findings of two paths: values one, names, order and types another."""
    findings = []
    values = [d for d in found.differences if d.kind in ("value", "rows")]
    shape = [d for d in found.differences if d.kind not in ("value", "rows")]
    for code, differences in (("NBP001", values), ("NBP007", shape)):
        if differences:
            head = differences[0]
            at = [positions[head.row]] if positions and head.row >= 0 else []
            columns = [difference.column for difference in differences]
            findings.append(
                divergence(subject, code, head, columns=columns, where=where, positions=at)
            )
    return findings


def _served(subject: Subject, request: Request, serve_path: Served) -> list[Finding]:
    positions = request.positions

    def serve(places: Sequence[int]) -> pd.DataFrame:
        return serve_path(request, places)

    try:
        base = base_of(subject, positions)
        with watched(subject.transform) as states:
            answered = serve(positions)
    except Raised as raised:
        where = "when the serve path gets the rows"
        return [breakage(subject, "NBP001", raised, where=where, positions=positions[:1])]
    if (
        other := _another_state(subject, request.frame(positions), base, answered, states)
    ) is not None:
        return [other]
    again = subject.compare(answered, serve(positions))
    if again.differences:
        where = "when the serve path is asked again"
        columns = sorted(again.columns)
        return [divergence(subject, "NBP004", first(again), columns=columns, where=where)]
    where = "on the train path and on the serve path"
    found = _named(subject, base, answered, lambda place: serve([positions[place]]))
    if findings := apart(subject, found, where, positions):
        return findings
    alone = [] if subject.breaks_alone else pick(subject.rows.iloc[positions], _SINGLES)
    for place in alone:
        expected = answered.iloc[[place]].reset_index(drop=True)
        try:
            found = subject.compare(expected, serve([positions[place]]))
        except Raised as raised:
            where = "when the serve path gets one row alone"
            at = [positions[place]]
            return [breakage(subject, "NBP002", raised, where=where, positions=at)]
        if request.contract is None:  # pandas guesses the types of one row from its values
            kept = tuple(item for item in found.differences if item.kind != "dtype")
            found = Comparison(found.distances, kept)
        if found.differences:
            where = "on the serve path, among others and alone"
            columns, at = sorted(found.columns), [positions[place]]
            head = first(found)
            code = "NBP007" if head.kind in ("dtype", "order") else "NBP002"
            return [divergence(subject, code, head, columns=columns, where=where, positions=at)]
    return []


def _named(
    subject: Subject,
    base: pd.DataFrame,
    answered: pd.DataFrame,
    serve: Callable[[int], pd.DataFrame],
) -> Comparison:
    """Both paths compared; a null among records' answers may be a feature that one left out."""
    found = subject.compare(base, answered)
    for item in found.differences:
        if item.kind == "value" and item.actual is None:
            with suppress(Raised):
                if item.column not in map(str, serve(item.row).columns):
                    left_out = Difference(
                        "missing", item.column, item.row, item.expected, None, UNMEASURABLE, "exact"
                    )
                    return Comparison(found.distances, (left_out,))
    return found


def _another_state(
    subject: Subject,
    rows: pd.DataFrame,
    base: pd.DataFrame,
    answered: pd.DataFrame,
    states: list[Any],
) -> Finding | None:
    """The finding where the serve path calls the very transform, under another state (NBP010)."""
    found = subject.compare(base, answered)
    given = fingerprint(subject.state)
    others = [state for state in states if fingerprint(state) != given]
    if not found.differences or not others:
        return None
    with suppress(Raised):  # the same features under it: then it is not the cause
        if not subject.compare(base, subject.call(subject.own(rows), others[0])).differences:
            return None
    names = changed_fields(subject.state, others[0])
    what = f"{', '.join(names[:3])} differ" if names else "it is another one"
    return divergence(
        subject,
        "NBP010",
        first(found),
        columns=sorted(found.columns),
        where=f"on the train path and on the serve path, which holds another state ({what})",
        changed=names,
    )
