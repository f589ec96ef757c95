"""Repeated calls: randomness, the clock, and what a call leaves behind for the next one."""

from __future__ import annotations

import copy
import random
import sys
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from nbprod.parity.calls import Raised, Subject, first
from nbprod.parity.clock import reads_clock, shifted
from nbprod.parity.fingerprint import fingerprint
from nbprod.parity.memory import only_random
from nbprod.parity.outcome import Outcome
from nbprod.parity.relations import pick
from nbprod.parity.rules import breakage, divergence
from nbprod.records import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pandas as pd

    from nbprod.data.comparison import Difference

# Together they move year, month, weekday, hour and minute, and leave no class of them (weekend,
# season, office hours) where it was: every quarter of a year, every weekday, every fourth hour.
_SHIFTS = (
    timedelta(days=400, hours=4, minutes=13),
    timedelta(days=-33, hours=-16, minutes=-29),
    timedelta(days=3, hours=12),
    timedelta(days=184, hours=16),
    timedelta(days=96, hours=20),
    timedelta(days=245),
    timedelta(days=-4000),
)
_SEEDS = (101, 202, 303, 404)
_DAY_ROWS = 50


def repeat(subject: Subject) -> Outcome:
    """The same call again: other seeds, then another day on the clock (NBP004)."""
    outcome = Outcome("repeat", rows=len(subject.rows))
    for seed in _SEEDS:
        with _seeded(seed):
            _again(subject, outcome, "when the call is repeated: it draws random numbers")
    if reads_clock(subject.memory.functions):
        _other_days(subject, outcome)
    return outcome


def _other_days(subject: Subject, outcome: Outcome) -> None:
    """A few rows, as if it were another day; the look-alikes of the clock must not show."""
    places = pick(subject.rows, _DAY_ROWS)
    base = subject.base.iloc[places].reset_index(drop=True)
    with shifted(subject.memory.functions, timedelta(0)):
        same_day = _tried(subject, places)
    if same_day is None:
        outcome.reason = "the clock could not be shifted: the transform's type checks refused"
        return
    artefacts = subject.compare(base, same_day).columns
    for shift in _SHIFTS:
        with shifted(subject.memory.functions, shift):
            later = _tried(subject, places)
        if later is None:
            continue
        found = subject.compare(base, later)
        columns = sorted(found.columns - artefacts)
        if columns:
            difference = next(d for d in found.differences if d.column in columns)
            where = f"when the clock is moved by {shift.days} days: it reads the present time"
            outcome.findings.append(
                divergence(
                    subject, "NBP004", difference, columns=columns, where=where, cause="clock"
                )
            )


def _again(subject: Subject, outcome: Outcome, where: str) -> None:
    try:
        found = subject.compare(subject.base, subject.features(subject.rows))
    except Raised as raised:
        outcome.findings.append(breakage(subject, "NBP004", raised, where="when repeated"))
        return
    if found.differences:
        outcome.findings.append(
            divergence(
                subject,
                "NBP004",
                first(found),
                columns=sorted(found.columns),
                where=where,
                cause="random",
            )
        )


def _tried(subject: Subject, places: list[int]) -> pd.DataFrame | None:
    try:
        return subject.at(places)
    except Raised:
        return None


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Global random generators at a seed, and back where they were."""
    import numpy as np

    before = random.getstate(), np.random.get_state()
    torch: Any = sys.modules.get("torch")
    torch_before = torch.get_rng_state() if torch else None
    random.seed(seed)
    np.random.seed(seed)
    if torch:
        torch.manual_seed(seed)
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])
        if torch:
            torch.set_rng_state(torch_before)


# ---------------------------------------------------------------- mutation


def mutation(subject: Subject, changes: Changes) -> Outcome:
    """What a call changes: its input, its state, its own memory (NBP005)."""
    outcome = Outcome("mutation", rows=len(subject.rows))
    frame = subject.own(subject.rows)
    try:
        subject.call(frame, copy.deepcopy(subject.state) if subject.fresh_state else subject.state)
    except Raised as raised:
        return outcome.impossible(raised.text)
    if (changed := _changed(subject.rows, frame)) is not None:
        outcome.findings.append(_input_finding(changed, frame))
    if changes.state:
        subject.learns = _learns(subject)
    if changes.state or changes.memory:
        differences = _after_effects(subject)
        if changes.state or differences:
            outcome.findings.append(_remembered(subject, changes, differences))
        else:
            outcome.reason = f"a cache without effect: {', '.join(changes.memory[:3])}"
            subject.fresh_memory = False
    return outcome


class Changes:
    """What the calls so far have changed beside their output."""

    def __init__(self, subject: Subject, state_mark: str, calm_mark: str) -> None:
        slots = subject.memory.changed()
        self.memory = [slot.name for slot in slots] + subject.memory.cached
        self.state = fingerprint(subject.state) != state_mark
        calm = fingerprint(subject.state, with_random=False) == calm_mark
        fickle = only_random(slots) and not subject.memory.cached
        self.random = (not self.state or calm) and (fickle or not self.memory)


def _changed(before: pd.DataFrame, after: pd.DataFrame) -> str | None:
    """The first column of the input that a call changed; "" for its rows or index."""
    for name in before.columns:
        if name not in after.columns:
            return str(name)
    for name in after.columns:
        if name not in before.columns:
            return str(name)
    if len(before) != len(after) or not before.index.equals(after.index):
        return ""
    for name in before.columns:
        if before[name].dtype != after[name].dtype or not _same(before[name], after[name]):
            return str(name)
    ordered = list(before.columns) == list(after.columns)
    return None if ordered and before.index.name == after.index.name else ""


def _same(before: pd.Series[Any], after: pd.Series[Any]) -> bool:
    with suppress(TypeError, ValueError):  # cells that are arrays
        if before.equals(after):
            return True
    # a copy of an odd object need not equal it
    return before.dtype == object and fingerprint(before.tolist()) == fingerprint(after.tolist())


def _input_finding(column: str, after: pd.DataFrame) -> Finding:
    what = f"column {column!r}" if column else "the rows or their index"
    if column and column not in after.columns:
        what += ", which is gone"
    return Finding(
        code="NBP005",
        severity="error",
        message=f"the transform changes the frame it was given: {what}",
        hint="begin the transform with `frame = frame.copy()`",
        column=column or None,
        details={"changed": "input", "columns": [column]},
    )


def _learns(subject: Subject) -> bool:
    """Whether what a call leaves in the state comes from the rows it was given."""
    marks = set()
    for frame in (subject.rows, subject.part([0])):
        state = copy.deepcopy(subject.state)
        with suppress(Raised):
            subject.call(subject.own(frame), state)
        marks.add(fingerprint(state))
    return len(marks) > 1


def _after_effects(subject: Subject) -> list[Difference]:
    """Where features differ after other calls from what they are in a first call."""
    kept = subject.state
    one = [len(subject.rows) - 1]

    def sequence(*calls: Callable[[Any], pd.DataFrame]) -> list[pd.DataFrame]:
        subject.memory.restore()
        state = copy.deepcopy(kept)
        return [call(state) for call in calls]

    count = len(subject.rows)

    def of(places: list[int]) -> Callable[[Any], pd.DataFrame]:
        return lambda state: subject.call(subject.own(subject.part(places)), state)

    def refilled(state: Any) -> pd.DataFrame:
        """The rows in a frame that held others a moment ago: a cache by id() does not see it."""
        frame, rows = subject.own(subject.part(backward)), subject.own(subject.rows)
        subject.call(frame, state)
        for name in rows.columns:
            frame[name] = rows[name].array
        return subject.call(frame, state)

    forward, backward = list(range(count)), list(range(count))[::-1]
    whole, single, reverse = of(forward), of(one), of(backward)
    inside_out = of([0, *forward[1:-1][::-1], *forward[1:][-1:]])  # both ends where they were

    fresh, subject.fresh_memory = subject.fresh_memory, False
    differences: list[Difference] = []
    try:
        base, again, after = sequence(whole, whole, single)
        alone, later = sequence(single, whole)
        _, reversed_first = sequence(reverse, whole)
        _, inner_first = sequence(inside_out, whole)
        _, others_first = sequence(of(one * count), whole)
        pairs = [(base, again), (base, later), (base, reversed_first), (base, inner_first)]
        pairs += [(base, others_first), (alone, after)]
        if subject.rows.columns.is_unique:
            pairs.append((base, sequence(refilled)[0]))
        for expected, actual in pairs:
            differences.extend(subject.compare(expected, actual).differences)
    except Raised:
        return differences
    finally:
        subject.fresh_memory = fresh
        subject.memory.restore()
    return differences


def _remembered(subject: Subject, changes: Changes, differences: list[Difference]) -> Finding:
    names = ", ".join(changes.memory[:3])
    place = "its state" if changes.state else f"the global {names}"
    code = "NBP004" if changes.random else "NBP005"
    hint = (
        "" if code == "NBP005" else "draw random numbers in nbprod:fit and keep them in the state"
    )
    changed = "state" if changes.state else names
    if differences:
        columns = sorted({difference.column for difference in differences})
        where = f"after another call: the transform changes {place}"
        return divergence(
            subject, code, differences[0], columns=columns, where=where, hint=hint, changed=changed
        )
    return Finding(
        code=code,
        severity="error",
        message=f"the transform changes {place}",
        hint=hint or "let only nbprod:fit write to the state",
        details={"changed": changed},
    )
