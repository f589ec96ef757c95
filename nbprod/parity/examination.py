"""Every relation, one after the other: an earlier one explains a column to the later ones."""

from __future__ import annotations

import copy
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nbprod.parity.batches import batch
from nbprod.parity.calls import Raised, Subject
from nbprod.parity.conduct import conducted
from nbprod.parity.confinement import TimedOut, confined
from nbprod.parity.edges import edge
from nbprod.parity.environment import environment
from nbprod.parity.fingerprint import fingerprint
from nbprod.parity.generated import generated
from nbprod.parity.history import Changes, mutation, repeat
from nbprod.parity.leakage import future, labels
from nbprod.parity.memory import Memory
from nbprod.parity.outcome import Outcome
from nbprod.parity.relations import index, length, order
from nbprod.parity.rules import RULES, breakage
from nbprod.parity.value import agrees, value
from nbprod.parity.wire import Request, wire, wire_alone
from nbprod.records import DataContract, Finding, Progress

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from nbprod.data.custom_checks import CustomChecks
    from nbprod.parity.sending import Rerun
    from nbprod.parity.serve_paths import Served

Tried = Outcome | tuple[Outcome, Outcome]  # what a relation, or two told together, came to
_UNSAID = "make the column text, a number or a truth value before the transform reads it"
_NAMES = (
    "repeat",
    "mutation",
    "environment",
    "leakage",
    "wire",
    "order",
    "batch",
    "columns",
    "state",
    "value",
    "edge",
    "generated",
)


@dataclass
class Question:
    """What was asked, and how it is answered: every relation, in the order of precedence.

    An earlier relation explains a column to the later ones. What makes the same call differ
    comes first (chance, memory, environment), then what a caller cannot send (labels, types),
    then the neighbours in the batch; the paths are compared last.
    """

    subject: Subject
    serve_path: Served | None
    contract: DataContract | None
    expected: pd.DataFrame | None
    fit: Callable[[pd.DataFrame], Any] | None
    hidden: tuple[str, ...]  # the label and what is known only afterwards
    moment: str  # the time column
    rerun: Rerun | None
    limits: tuple[float, int | None]  # of a relation: seconds, and bytes of memory
    progress: Progress
    checks: CustomChecks | None = None  # what the contract asks beyond its rules
    outcomes: list[Outcome] = field(default_factory=list)
    request: Request | None = None

    def answer(self) -> list[Outcome]:
        """The outcome of every relation."""
        try:
            with confined(self.subject.conduct, *self.limits):
                opening = self._begin()
        except TimedOut:
            opening = Outcome("batch", rows=len(self.subject.rows))
            error = f"TimedOut: no answer within {self.limits[0]:.0f} s"
            opening.findings.append(breakage(self.subject, "NBP009", error, where=""))
        if isinstance(opening, Outcome):
            return _nothing_else(opening)
        self._step(lambda: repeat(self.subject))
        self._step(lambda: mutation(self.subject, opening))
        self._step(lambda: environment(self.subject, self.rerun))
        self._step(self._leakage)
        wired = self._step(self._wire)
        self._step(lambda: self._rows_apart("order", order))
        self._step(lambda: self._rows_apart("batch", batch))
        self._wire_alone(wired)
        self._step(self._state)
        self._step(lambda: self._value(wired))
        self._step(lambda: edge(self.subject, self.request))
        self._step(self._generated)
        conducted(self.subject, self.outcomes)
        return self.outcomes

    def _step(self, relation: Callable[[], Tried]) -> Outcome:
        name = _NAMES[len(self.outcomes)]
        self.progress(f"parity: {name}", len(self.outcomes) / len(_NAMES))
        started = time.perf_counter()
        outcome = self._confined(Outcome(name), relation)
        made = outcome if isinstance(outcome, tuple) else (outcome,)
        if name == "batch" and len(made) == 1:  # it tells of the columns, too
            made = (*made, Outcome("columns").impossible(made[0].reason))
        made[0].duration_s = time.perf_counter() - started
        self.outcomes.extend(made)
        return made[0]

    def _confined(self, outcome: Outcome, relation: Callable[[], Tried]) -> Tried | Outcome:
        """What a relation says; where it comes to no end, this outcome says so."""
        try:
            with confined(self.subject.conduct, *self.limits):
                return relation()
        except TimedOut:
            return outcome.impossible(f"no end after {self.limits[0]:.0f} s")
        except MemoryError:  # of ours: the user's code has left us none
            return outcome.impossible("no memory is left")

    def _wire_alone(self, wired: Outcome) -> None:
        """The wire once more, row by row, now that the batch relation has spoken."""
        request = self.request
        if request is None or wired.findings:
            return

        def alone() -> Outcome:
            wired.findings.extend(wire_alone(self.subject, request))
            return wired

        self._confined(wired, alone)

    def _begin(self) -> Changes | Outcome:
        """The first calls; an outcome where nothing can be compared after them."""
        subject, opening = self.subject, Outcome("batch", rows=len(self.subject.rows))
        if subject.state is None and self.fit is not None:
            try:
                subject.state = self.fit(subject.rows.copy())
            except Exception as error:  # noqa: BLE001 - the user's code: a finding, not a crash
                text = Raised.of(error).text
                opening.findings.append(breakage(subject, "NBP010", text, where="when fitted"))
                return opening
        kept = owned(subject.state)
        marks = fingerprint(kept), fingerprint(kept, with_random=False)
        subject.memory = Memory.of(subject.transform, type(subject.state))
        try:
            subject.rebase()
            if (wrong := length(subject)) is not None:
                opening.findings.append(wrong)
                return opening
        except Raised as raised:
            code = "NBP009" if raised.frame else "NBP007"
            where = "for the rows as they are"
            opening.findings.append(breakage(subject, code, raised, where=where))
            return opening
        with suppress(Raised):  # the batch relation tells it
            subject.at([len(subject.rows) - 1])
        changes = Changes(subject, *marks)
        subject.fresh_memory = bool(changes.memory)
        if changes.state:
            subject.state, subject.fresh_state = kept, True
        return changes

    def _leakage(self) -> Outcome:
        subject = self.subject
        outcome = Outcome("leakage", rows=len(subject.rows))
        present = [name for name in self.hidden if name in subject.rows.columns]
        timed = bool(self.moment) and self.moment in subject.rows.columns
        if not present and not timed:
            what = ", ".join([*self.hidden, self.moment]).strip(", ")
            why = f"the rows hold no {what}" if what else "no label and no time column were named"
            return outcome.not_needed(why)
        outcome = labels(subject, present)
        if timed:
            later = future(subject, self.moment)
            outcome.findings.extend(later.findings)
            outcome.failed, outcome.reason = later.failed, later.reason
            outcome.checked = bool(present) or later.checked
        return outcome

    def _wire(self) -> Outcome:
        subject, outcome = self.subject, Outcome("wire", rows=len(self.subject.rows))
        numbered = index(subject)
        if numbered is not None:
            outcome.findings.append(numbered)
        if any("error" in finding.details for finding in self.outcomes[-1].findings):
            outcome.failed, outcome.reason = True, "see NBP011: it needs what no caller can send"
            return outcome
        try:
            self.request = Request.of(subject, self.contract, self.hidden, self.checks)
        except Raised as raised:
            where = "when they are sent"
            outcome.findings.append(breakage(subject, "NBP006", raised, where=where, hint=_UNSAID))
            return outcome
        given = self.serve_path if self.contract is None else None
        if given is not None and agrees(subject, self.request, given):
            return outcome.not_needed("the serve path that was given is the wire")
        found = wire(subject, self.request)
        outcome.findings.extend(found.findings)
        outcome.checked, outcome.failed, outcome.reason = found.checked, found.failed, found.reason
        return outcome

    def _rows_apart(
        self, name: str, relation: Callable[[Subject], Outcome | tuple[Outcome, Outcome]]
    ) -> Outcome | tuple[Outcome, Outcome]:
        """A relation between batches; not where each call fits the state anew."""
        if self.subject.learns:
            return Outcome(name).impossible("see NBP005: it fits its state on every batch")
        return relation(self.subject)

    def _state(self) -> Outcome:
        outcome = Outcome("state", rows=len(self.subject.rows))
        if self.fit is None:
            return outcome.not_needed("no `fit` was given")
        if any(f.code == "NBP004" for earlier in self.outcomes for f in earlier.findings):
            return outcome.not_needed("see NBP004: what is fitted on it differs with it")
        try:
            again = fingerprint(self.fit(self.subject.rows.copy()))
        except Exception as error:  # noqa: BLE001 - the user's code: a finding, not a crash
            text = Raised.of(error).text
            found = breakage(self.subject, "NBP010", text, where="when fitted again")
            outcome.findings.append(found)
            return outcome
        given = fingerprint(self.subject.state)
        if again != given:
            outcome.findings.append(
                Finding(
                    code="NBP010",
                    severity="error",
                    message=f"{RULES['NBP010'][0]}: fitting again gives another one",
                    hint=RULES["NBP010"][1],
                    details={"expected": given, "actual": again, **_fields(self.subject.state)},
                )
            )
        return outcome

    def _value(self, wired: Outcome) -> Outcome:
        broken = any("error" in finding.details for finding in wired.findings)
        if broken and self.serve_path is not None:  # it would break in the same way
            outcome = value(self.subject, None, None, self._trained())
            outcome.failed, outcome.reason = True, "see the wire relation: no row gets through"
            return outcome
        return value(self.subject, self.request, self.serve_path, self._trained())

    def _generated(self) -> Outcome:
        """What generated rows show; where real rows show something, that comes first."""
        for earlier in self.outcomes:
            for finding in earlier.findings:
                if finding.severity == "error":
                    return Outcome("generated").not_needed(f"see {finding.code} first")
        return generated(self.subject, self.request, self.serve_path)

    def _trained(self) -> pd.DataFrame | None:
        """The features of training, unless the state already explains that they differ."""
        return None if self.outcomes[-1].findings else self.expected


def _fields(state: Any) -> dict[str, Any]:
    names = sorted(getattr(state, "__dict__", {}) or (state if isinstance(state, dict) else {}))
    return {"fields": [str(name) for name in names]}


def _nothing_else(opening: Outcome) -> list[Outcome]:
    """Every relation, where the very first call shows that none can be tried."""
    code = opening.findings[0].code
    others = [
        Outcome(name).impossible(f"see {code}: there are no features to compare")
        for name in _NAMES
        if name != opening.name
    ]
    return [opening, *others]


def owned(state: Any) -> Any:
    """A state of our own to work with, where it can be copied: the caller's stays as it is."""
    try:
        return copy.deepcopy(state)
    except Exception:  # noqa: BLE001 - a handle, a lock: then the caller's own has to do
        return state
