"""The data layer: what was served in a window against what the release was trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbprod.data.profile import MIN_ROWS, Profile, load_window, population_stability_index
from nbprod.monitoring.rules import finding
from nbprod.records import ColumnDrift, DriftReport, Finding

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime
    from pathlib import Path

    from pandas import DataFrame

_PARTS = {"inputs.": "input", "features.": "features", "output.": "output"}
# Up to so many predictions a window is profiled from the log, exactly; beyond, the profiles that
# the replicas wrote are merged, and the window is as wide as their files.
EXACT_ROWS = 50_000


def assess_drift(
    window: Profile,
    reference: Profile,
    *,
    deployment: str,
    release: str,
    start: datetime,
    end: datetime,
    thresholds: Mapping[str, float],
    ignore: Collection[str] = (),
) -> DriftReport:
    """Every column of the reference profile compared with the window's.

    thresholds: stability index by column, ``"input.carrier"`` before ``"carrier"`` before
    ``"*"``. ignore: columns that are expected to move, such as keys and times.
    """
    columns: list[ColumnDrift] = []
    for name in reference.columns():
        bare = name.partition(".")[2] or name
        if {name, bare} & set(ignore):
            continue
        threshold = thresholds.get(name, thresholds.get(bare, thresholds.get("*", 0.2)))
        drift = population_stability_index(reference, window, name, threshold=threshold)
        if drift is not None:
            columns.append(drift)
    columns.sort(key=lambda column: -column.distance)
    return DriftReport(
        deployment=deployment,
        release=release,
        start=start.isoformat(),
        end=end.isoformat(),
        rows=window.rows,
        columns=tuple(columns),
        findings=_findings(columns, release, window, reference),
        passed=not any(column.drifted for column in columns),
    )


def window_profile(
    rows: DataFrame,
    reference: Profile,
    *,
    folder: Path,
    release: str,
    start: datetime,
    end: datetime,
) -> Profile:
    """The profile of one release's predictions in [start, end).

    rows: those predictions, as ``prediction_log.joined`` gives them. folder: of the profiles
    that replicas wrote, read where the rows are too many to be profiled at once.
    """
    if len(rows) > EXACT_ROWS:
        written = load_window(folder, release, start, end)
        if written.rows:
            return written
    profile = Profile.empty()
    outputs = [name for name in reference.columns() if name.startswith("output.")]
    if "output" in rows and len(outputs) == 1:  # a scalar answer does not carry its name
        rows = rows.rename(columns={"output": outputs[0]})
    for prefix, part in _PARTS.items():
        bare = {n: n.removeprefix(prefix) for n in map(str, rows.columns) if n.startswith(prefix)}
        profile.track(rows[list(bare)].rename(columns=bare), part=part)
    return profile


def _findings(
    columns: list[ColumnDrift], release: str, window: Profile, reference: Profile
) -> tuple[Finding, ...]:
    if window.rows < MIN_ROWS:
        return (_too_few(window.rows, f"release {release}: too few rows to judge drift"),)
    if reference.rows < MIN_ROWS:
        message = f"release {release}: its training data has too few rows to judge drift"
        return (_too_few(reference.rows, message),)
    found = [_drifted(column, release) for column in columns if column.drifted]
    found += [
        finding(
            "NBM011",
            f"release {release}: column {name} was in training and is not in the window",
            column=name,
        )
        for name in reference.columns()
        if name not in window.columns() and any(_name(c) == name for c in columns)
    ]
    return tuple(found)


def _too_few(rows: int, message: str) -> Finding:
    told = f"{message}: {rows} of {MIN_ROWS} needed"
    return finding("NBM008", told, rows=rows, needed=MIN_ROWS)


def _name(column: ColumnDrift) -> str:
    return f"{column.part}.{column.column}"


def _drifted(column: ColumnDrift, release: str) -> Finding:
    moves = {name: abs(share - column.reference[name]) for name, share in column.window.items()}
    moved = max(moves, key=moves.__getitem__)
    return finding(
        "NBM001",
        f"release {release}: {_name(column)} drifted, stability index {column.distance:.3f} over "
        f"{column.threshold:g}; {moved} went from {column.reference[moved]:.1%} "
        f"to {column.window[moved]:.1%}",
        column=_name(column),
        distance=column.distance,
        threshold=column.threshold,
        rows=column.rows,
    )
