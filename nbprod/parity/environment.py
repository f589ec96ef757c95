"""The same rows in fresh processes with another hash seed, time zone, locale and date (NBP008)."""

from __future__ import annotations

import dis
import locale
import re
import types
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbprod.errors import NbprodError
from nbprod.parity.calls import Raised, Subject, first
from nbprod.parity.clock import VARIABLE
from nbprod.parity.features import as_frame
from nbprod.parity.outcome import Outcome
from nbprod.parity.rules import RULES, breakage, divergence
from nbprod.parity.sending import Rerun, fresh_rerun
from nbprod.parity.users_code import code_names
from nbprod.records import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import pandas as pd

    from nbprod.data.comparison import Comparison

_ROWS = 500
_DAYS = 400  # and some hours: another year, month, weekday and time of day
_VARIABLE = re.compile(r"^[A-Z][A-Z0-9_]{2,}$")
# Half-hour zones on both sides of UTC, and a locale whose numbers and names are not English.
# The date comes first: who reads it, reads another one in another zone, too.
_VARIATIONS: tuple[dict[str, str], ...] = (
    {"PYTHONHASHSEED": "3", VARIABLE: str((_DAYS * 24 + 4) * 3600 + 780)},
    {"PYTHONHASHSEED": "1", "TZ": "Asia/Kathmandu"},
    {"PYTHONHASHSEED": "2", "TZ": "America/St_Johns", "LC_ALL": "de_DE.UTF-8"},
)
# A set of two keeps its order under half of all seeds: where there are sets, these follow.
_MORE_SEEDS = tuple({"PYTHONHASHSEED": str(seed)} for seed in (11, 12, 13, 14, 15, 16))
_NAMES = {
    "PYTHONHASHSEED": "hash seed: it follows the order of a set",
    "TZ": "time zone: it reads the machine's local time",
    "LC_ALL": "locale",
}


def environment(subject: Subject, rerun: Rerun | None) -> Outcome:
    """Fresh processes in other environments give the same features (NBP008).

    rerun: how to transform rows in a fresh process, called from several threads at once; where
    None, the transform itself is sent to one by value.
    """
    outcome = Outcome("environment", rows=min(len(subject.rows), _ROWS))
    places = list(range(outcome.rows))
    rows = subject.part(places)
    try:
        base = subject.base if len(places) == len(subject.rows) else subject.at(places)
        again = rerun or fresh_rerun(subject.transform, subject.state, subject)
        fresh = _Fresh(subject, outcome, lambda environ: as_frame(again(rows, environ)))
        with ThreadPoolExecutor(len(_VARIATIONS)) as pool:
            answers = list(pool.map(fresh.answer, _variations(subject)))
        for variation, answer in answers:
            found = subject.compare(base, answer)
            if found.differences and rerun:
                # Rows that came from disk lie otherwise in memory, and a sum over them may differ
                # in its last digit: only what also differs from an unchanged process counts.
                base = fresh.again({})
                found = subject.compare(base, answer)
            if found.differences and VARIABLE in variation:
                today = fresh.tell_clock(base, variation, answer)
                found = subject.compare(base, today)
            if found.differences:
                fresh.tell(found, base, variation)
        if not outcome.findings and _takes_locale(subject) and not _has_locale():
            outcome.findings.append(_untried_locale())
    except Raised as raised:
        where = "in a fresh process"
        outcome.findings.append(breakage(subject, "NBP008", raised, where=where))
    except NbprodError as error:
        return _unreachable(outcome, error, rerun)
    return outcome


def _variations(subject: Subject) -> list[dict[str, str]]:
    """The environments to try: more hash seeds for sets, other values for variables it reads."""
    varied = [dict(variation) for variation in _VARIATIONS]
    varied[0] |= dict.fromkeys(sorted(_variables(subject)), "7")  # a text, a number, a flag
    return [*varied, *(_MORE_SEEDS if _hashes(subject) else ())]


def _variables(subject: Subject) -> set[str]:
    """The names of environment variables in functions that read some."""
    found = set()
    for function in subject.memory.functions:
        if code_names(function.__code__) & {"environ", "getenv"}:
            texts = (text for text in _constants(function.__code__) if isinstance(text, str))
            found |= {text for text in texts if _VARIABLE.match(text)}
    return found - {"PATH", "HOME", "PYTHONPATH", *_NAMES}


def _hashes(subject: Subject) -> bool:
    """Whether sets or hashes occur in the code, or among what it reaches."""
    kinds = (set, frozenset)
    for function in subject.memory.functions:
        code = function.__code__
        if code_names(code) & {"set", "frozenset", "hash", "union", "intersection", "difference"}:
            return True
        if any(isinstance(item, kinds) for item in _constants(code)) or _builds_set(code):
            return True
    held = [slot.value for slot in subject.memory.slots]
    fields = getattr(subject.state, "__dict__", subject.state)
    held += list(fields.values()) if isinstance(fields, dict) else [fields]
    return any(isinstance(value, kinds) for value in held)


def _takes_locale(subject: Subject) -> bool:
    """Whether the code makes the machine's locale its own: ``setlocale(…, "")``."""
    return any(
        "setlocale" in code_names(function.__code__) and "" in _constants(function.__code__)
        for function in subject.memory.functions
    )


def _has_locale() -> bool:
    """Whether the locale that is to be tried is installed."""
    before = locale.setlocale(locale.LC_CTYPE)
    try:
        locale.setlocale(locale.LC_CTYPE, _VARIATIONS[-1]["LC_ALL"])
    except locale.Error:
        return False
    locale.setlocale(locale.LC_CTYPE, before)
    return True


def _untried_locale() -> Finding:
    what, fix = RULES["NBP008"]
    return Finding(
        code="NBP008",
        severity="error",
        message=f"{what}: the transform takes over the machine's locale (setlocale with an empty "
        "name), and no other one is installed here to show what that does",
        hint=f"{fix}; to see it, install {_VARIATIONS[-1]['LC_ALL']}",
        details={"environment": dict(_VARIATIONS[-1])},
    )


def _constants(code: types.CodeType) -> Iterator[Any]:
    for item in code.co_consts:
        if isinstance(item, types.CodeType):
            yield from _constants(item)
        else:
            yield item


def _builds_set(code: types.CodeType) -> bool:
    inner = (item for item in code.co_consts if isinstance(item, types.CodeType))
    return any(step.opname in ("BUILD_SET", "SET_ADD") for step in dis.get_instructions(code)) or (
        any(map(_builds_set, inner))
    )


def _unreachable(outcome: Outcome, error: NbprodError, rerun: Rerun | None) -> Outcome:
    how = "" if rerun else "; give `rerun`, or make the transform importable"
    return outcome.impossible(f"no fresh process: {error.message}{how}")


@dataclass
class _Fresh:
    """Fresh processes that are asked for the features of the same rows."""

    subject: Subject
    outcome: Outcome
    again: Callable[[Mapping[str, str]], pd.DataFrame]

    def answer(self, variation: Mapping[str, str]) -> tuple[Mapping[str, str], pd.DataFrame]:
        """The features in an environment, and the environment that gave them.

        The look-alikes of the clock are refused by some types: then the date stays today's.
        """
        try:
            return variation, self.again(variation)
        except (Raised, NbprodError):
            if VARIABLE not in variation:
                raise
            calm = {name: value for name, value in variation.items() if name != VARIABLE}
            return calm, self.again(calm)

    def tell_clock(
        self, base: pd.DataFrame, variation: Mapping[str, str], answer: pd.DataFrame
    ) -> pd.DataFrame:
        """The finding of what another date changes (NBP004); the features under today's.

        What differs with look-alikes of the clock that tell the true time is of their making.
        """
        subject = self.subject
        calm = {name: value for name, value in variation.items() if name != VARIABLE}
        today = self.again(calm)
        found = subject.compare(base, answer)
        moved = found.columns - subject.compare(base, today).columns
        if not moved:
            return today
        artefacts = subject.compare(today, self.again({**calm, VARIABLE: "0"})).columns
        if columns := sorted(moved - artefacts):
            self.outcome.findings.append(
                divergence(
                    subject,
                    "NBP004",
                    next(d for d in found.differences if d.column in columns),
                    columns=columns,
                    where=f"in a fresh process {_DAYS} days ahead: it reads the present time",
                    cause="clock",
                )
            )
        return today

    def tell(self, found: Comparison, base: pd.DataFrame, variation: Mapping[str, str]) -> None:
        """One finding for what differs, naming the variable that does it."""
        subject = self.subject
        guilty = "a fresh process"
        if not subject.compare(base, self.again({})).differences:
            guilty = "the environment"
            for name, setting in variation.items():
                if (
                    name != VARIABLE
                    and subject.compare(base, self.again({name: setting})).differences
                ):
                    guilty = f"another {_NAMES.get(name, f'value of ${name}')}"
                    break
        difference = first(found)
        self.outcome.findings.append(
            divergence(
                subject,
                "NBP008",
                difference,
                columns=sorted(found.columns),
                where=f"under {guilty}",
                positions=[difference.row] if difference.row >= 0 else [],
                environment=dict(variation),
            )
        )
