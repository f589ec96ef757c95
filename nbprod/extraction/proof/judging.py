"""What two runs left, compared value by value: a verdict for each, and the first difference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbprod.extraction.proof.comparing import Gap, Side, kind_of
from nbprod.extraction.rules import finding
from nbprod.records import ComparedValue

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from nbprod.extraction.proof.plan import Expected, Plan
    from nbprod.records import Finding, Json

_NOT_KEPT = "the cells do not keep it"
SAME, DIFFERENT, UNKNOWN, UNNEEDED = "same", "different", "not compared", "not in the module"
# Roles that a proof is about: without one of them compared, little is proved.
_ON_THE_ROAD = frozenset({"frame", "train", "holdout", "state", "features", "model", "predictions"})


def compare_runs(
    plan: Plan,
    cells: Json,
    module: Json,
    *,
    folder: Path,
    tolerance: Mapping[str, str],
    hidden: Collection[str],
) -> tuple[tuple[ComparedValue, ...], tuple[Finding, ...]]:
    """The verdict on every value of the plan, and findings: the first difference, what is missing.

    cells, module: what ``run_cells`` and ``Walk.run`` returned; folder: where both wrote.
    tolerance: by column or by the value's name, "*" for the others. hidden: columns that a
    transform never sees.
    """
    verdicts: list[ComparedValue] = []
    gaps: list[tuple[Expected, Gap]] = []
    for value in plan.values:
        expected, actual = cells["values"].get(value.key), module["values"].get(value.key)
        if expected is None or actual is None or value.unclear:
            verdicts.append(_absent(value, expected))
            continue
        side = Side(folder, value.name, tolerance, rows=module["rows"])
        if value.place == "data.split" and plan.tangled:
            expected, actual = _rows_alone(expected), _rows_alone(actual)
        side.compare(_visible(expected, actual, value, hidden), actual)
        verdicts.append(_verdict(value, side, kind_of(expected)))
        gaps += [(value, side.gaps[0])] if side.gaps else []
    verdicts += [
        ComparedValue(
            name=name,
            role="",
            verdict=UNNEEDED,
            cell_id=cell_id,
            reason="nothing in the module needs it",
        )
        for name, cell_id in plan.unneeded
    ]
    findings = _differences(gaps) + _nothing(verdicts) + _notes(cells["notes"])
    return tuple(verdicts), tuple(findings)


def _visible(expected: Json, actual: Json, value: Expected, hidden: Collection[str]) -> Json:
    """A frame of features as a request has it: without the label and what is known afterwards."""
    if not value.place.startswith(("features.transform", "training.", "inference.")):
        return expected
    if expected["t"] != "frame" or actual["t"] != "frame":
        return expected
    kept = [
        (name, column)
        for name, column in zip(expected["names"], expected["data"], strict=True)
        if name not in hidden or name in actual["names"]
    ]
    return {**expected, "names": [n for n, _ in kept], "data": [c for _, c in kept]}


def _rows_alone(told: Json) -> Json:
    """Which rows a frame holds: cells that split their features have other columns there."""
    return {**told, "names": [], "data": []} if told["t"] == "frame" else told


def _verdict(value: Expected, side: Side, kind: str) -> ComparedValue:
    verdict, reason = (SAME if side.compared else UNKNOWN), ""
    if side.opaque:
        more = f" and {len(side.opaque) - 1:,} more parts" if len(side.opaque) > 1 else ""
        reason = ("not compared: " if side.compared else "") + side.opaque[0] + more
    if side.gaps:
        verdict, reason = DIFFERENT, str(side.gaps[0])
    gap = side.gaps[0] if side.gaps else None
    return ComparedValue(
        name=value.name,
        role=value.role,
        verdict=verdict,
        cell_id=value.cell_id,
        line=value.line,
        place=value.where,
        kind=kind,
        distance=max(side.distance, gap.distance if gap else 0.0),
        tolerance=gap.tolerance if gap else side.tolerance.get("*", "exact"),
        parts=side.compared,
        reason=reason,
    )


def _absent(value: Expected, expected: Json | None) -> ComparedValue:
    reason = "the module does not compute it" if expected else _NOT_KEPT
    if value.unclear:
        reason = value.unclear
    elif expected and (value.rows == "holdout" or value.place == "inference.predict"):
        reason = "it is made of rows that the module does not load"
    return ComparedValue(
        name=value.name,
        role=value.role,
        verdict=UNKNOWN,
        cell_id=value.cell_id,
        line=value.line,
        place=value.where,
        kind=kind_of(expected) if expected else "",
        reason=reason,
    )


# ---------------------------------------------------------------- findings


_ROUNDING = 1e-9
_HINTS = {
    True: "this is rounding: sums depend on how rows lie in memory; allow it in nbprod.toml:"
    ' [parity] tolerance = { "*" = "rel:1e-9" }',
    False: "compare that line of the cell with the module's; where a random generator or the clock"
    " decides, give it a fixed seed, or a fixed time, in the notebook",
}


def _is_rounding(gap: Gap) -> bool:
    both = gap.expected, gap.actual
    if not all(isinstance(value, float) for value in both):
        return False
    return bool(gap.distance <= _ROUNDING * max(1.0, *map(abs, both)))


def _differences(gaps: list[tuple[Expected, Gap]]) -> list[Finding]:
    """One finding, about the first value on the road that differs: what follows is its doing."""
    if not gaps:
        return []
    value, gap = gaps[0]
    others = [other.name for other, _ in gaps[1:]]
    after = f"; after it differ too: {', '.join(dict.fromkeys(others))}" if others else ""
    what = value.name if value.role in ("", value.name) else f"{value.role} {value.name}"
    told = finding(
        "NBX030",
        f"{what} differs: {gap}; in the module: {value.where}{after}",
        hint=_HINTS[_is_rounding(gap)],
        cell_id=value.cell_id,
        line=value.line,
    )
    details: dict[str, Any] = {
        **told.details,
        "value": value.name,
        "role": value.role,
        "place": value.where,
        "part": gap.part,
        "column": gap.column,
        "row": gap.row,
        "expected": gap.expected,
        "actual": gap.actual,
        "distance": gap.distance,
        "tolerance": gap.tolerance,
        "rows": gap.rows,
    }
    return [type(told)(**{**told.__dict__, "column": gap.column or None, "details": details})]


def _nothing(verdicts: list[ComparedValue]) -> list[Finding]:
    """Proof of little is none: a value of the road must have been compared, and none left out."""
    found = []
    road = [value for value in verdicts if value.role in _ON_THE_ROAD]
    if not any(value.verdict in (SAME, DIFFERENT) for value in road):
        found.append(
            finding(
                "NBX031",
                "no value of the road was compared, so nothing is proved",
                hint="tag the cells that load, transform and train; see `nbprod inspect`",
                severity="error",
            )
        )
        return found
    found += [
        finding(
            "NBX031",
            f"{value.role} {value.name} was not compared: {value.reason}",
            hint="keep its content in frames, arrays or plain values to have it compared",
            cell_id=value.cell_id,
            line=value.line,
        )
        for value in road
        if value.verdict == UNKNOWN and value.reason != _NOT_KEPT
    ]
    found += [
        finding(
            "NBX031",
            f"{value.role} {value.name} was compared in part: {value.reason}",
            hint="keep its content in frames, arrays or plain values to have all of it compared",
            cell_id=value.cell_id,
            line=value.line,
        )
        for value in road
        if value.verdict == SAME and value.reason
    ]
    return found


def _notes(notes: list[Json]) -> list[Finding]:
    return [
        finding(
            "NBX009",
            f"a display raised in the proof's run, which changes nothing: {note['message']}",
            cell_id=note["cell_id"],
            line=note["line"],
        )
        for note in notes
    ]
