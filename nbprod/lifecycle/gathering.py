"""The evidence of a rollout, added up: each look reads only what the log got since the last one.

Counts, buckets and moments are in memory and stay small. What may still get an outcome, and which
keys were exposed to an A/B test, lies in a temporary database on disk, which ends with the
process: a controller that starts again reads the log once from the beginning of the trial.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import TYPE_CHECKING, Any

from nbprod.data.prediction_log import Follower
from nbprod.lifecycle.observing import Answers, answer_of, number, scores_of
from nbprod.rollout import Arm, Latencies, Moments, Observed
from nbprod.rollout.observation import bucket

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from nbprod.records import Json

_SLACK_MS = 60_000  # between an id and its record's moment
_TABLES = """
create table answers(id text primary key, role text, answer, degraded int, truth,
                     labelled int default 0, received text default '') without rowid;
create table units(unit text primary key, id text, at text, role text, outcome real,
                   received text default '') without rowid;
create index unit_of on units(id);
"""
_EXPOSED = """
insert into units(unit, id, at, role) values (?, ?, ?, ?)
on conflict(unit) do update set id = excluded.id, at = excluded.at, role = excluded.role,
outcome = null, received = '' where excluded.at < units.at
"""
_ARM = """
select count(*), coalesce(sum(at < :due), 0), coalesce(sum(at < :due and outcome is not null), 0),
coalesce(sum(outcome * (at < :due)), 0.0), coalesce(sum(outcome * outcome * (at < :due)), 0.0)
from units where role = :role
"""


@dataclass(frozen=True)
class Question:
    """What a look asks of the log in one traffic state.

    since: role -> ISO 8601, from when on its predictions count. task: the model's. outcome: the
    name of the truth. experiment: that of an A/B test's outcome, whose exposures count from
    ``exposed_since`` on. revision: of the traffic state.
    """

    folder: Path
    since: tuple[tuple[str, str], ...]
    task: str
    outcome: str
    experiment: str = ""
    exposed_since: str = ""
    revision: int = 0

    @property
    def begins(self) -> str:
        """The first moment that anything is asked about."""
        asked = [moment for _, moment in self.since]
        return min([*asked, self.exposed_since] if self.experiment else asked)


@dataclass
class _Role:
    """What one role did, added up."""

    fallbacks: int = 0
    latencies: dict[int, int] = field(default_factory=dict)  # bucket -> count
    scores: dict[str, Moments] = field(default_factory=dict)


class Gathering:
    """The running sums that answer one question."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self._since = dict(question.since)
        self._roles = {role: _Role() for role in self._since}
        self._answers = Answers()
        self._predictions = Follower(question.folder, "predictions", question.begins)
        self._outcomes = Follower(question.folder, "outcomes", question.begins)
        self.recomputed: dict[str, tuple[int, int]] = {}  # role -> mismatches, compared features
        self._early: list[Json] = []  # outcomes that were read before their prediction
        began_ms = int(datetime.fromisoformat(question.begins).timestamp() * 1000)
        self._first_id = f"{max(began_ms - _SLACK_MS, 0):012x}"
        # Without a name: on disk where it grows, and gone when it is closed. The controller's
        # thread is not the one that made it.
        self._kept = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        self._kept.executescript(_TABLES)

    def read(self) -> int:
        """Add what came since the last call; how many predictions that was."""
        self._kept.execute("begin")
        try:
            count = sum(self._add(plain) for plain in self._predictions.new())
            # Behind the predictions: an outcome is posted for a logged one only.
            retried, self._early = self._early, []
            for plain in retried:
                self._label(plain)
            for plain in self._outcomes.new():
                if not self._label(plain):
                    self._early.append(plain)
        finally:
            self._kept.execute("commit")
        return count

    def observed(self, tally: Mapping[str, Mapping[str, int]]) -> dict[str, Observed]:
        """By role, what the rollout policy judges.

        tally: requests and errors by role, as the traffic keeper counts them.
        """
        outputs = self._answers.outputs()
        return {
            role: Observed(
                requests=int(tally.get(role, {}).get("requests", 0)),
                errors=int(tally.get(role, {}).get("errors", 0)),
                fallbacks=sums.fallbacks,
                latencies=Latencies(dict(sums.latencies)),
                outputs=outputs.get(role, {}),
                mismatches=self.recomputed.get(role, (0, 0))[0],
                compared=self.recomputed.get(role, (0, 0))[1],
                scores={name: one for name, one in sums.scores.items() if one.count},
            )
            for role, sums in self._roles.items()
        }

    def arms(self, *, due_before: str) -> tuple[Arm, Arm]:
        """Control and treatment of an A/B test, counted by key: each key's first exposure only.

        due_before: ISO 8601; later exposures need have no outcome yet.
        """
        return self._arm("champion", due_before), self._arm("canary", due_before)

    def close(self) -> None:
        """Give the temporary database back."""
        self._kept.close()

    def _arm(self, role: str, due: str) -> Arm:
        found = self._kept.execute(_ARM, {"due": due, "role": role}).fetchone()
        exposed, due_count, known, total, squares = found
        return Arm(exposed, due_count, Moments(known, total, squares))

    def _add(self, plain: Json) -> bool:
        """Count a prediction; False for one that was counted, or is not asked about."""
        role, at = plain["role"], plain["at"]
        if role not in self._roles:
            return False
        asked = self.question
        if asked.experiment and at >= asked.exposed_since:
            self._kept.execute(_EXPOSED, (unit_of(plain), plain["id"], at, role))
        if at < self._since[role]:
            return False
        answer, degraded = answer_of(plain["output"]), bool(plain["degraded"])
        row = (plain["id"], role, answer, degraded)
        new = self._kept.execute(
            "insert or ignore into answers(id, role, answer, degraded) values (?, ?, ?, ?)", row
        )
        if not new.rowcount:
            return False
        sums = self._roles[role]
        sums.fallbacks += degraded
        place = bucket(float(plain["latency_ms"]))
        sums.latencies[place] = sums.latencies.get(place, 0) + 1
        self._answers.add(role, answer)
        return True

    def _label(self, plain: Json) -> bool:
        """Count an outcome, in the place of an earlier one; False where none waits for it."""
        asked, name = self.question, plain["name"]
        one, received = plain["prediction_id"], plain["received_at"]
        if one < self._first_id:  # the truth of a prediction that is not asked about
            return True
        known = True
        if asked.experiment and name == asked.experiment:
            value = number(plain["outcome"])
            known = bool(
                self._kept.execute(
                    "update units set outcome = ?, received = ? where id = ? and received <= ?",
                    (value, received, one, received),
                ).rowcount
            )
        if asked.outcome in ("", name):
            known = self._score(one, answer_of(plain["outcome"]), received) and known
        return known

    def _score(self, prediction_id: str, truth: Any, received: str) -> bool:
        row = self._kept.execute(
            "select role, answer, degraded, truth, labelled, received from answers where id = ?",
            (prediction_id,),
        ).fetchone()
        if row is None:
            return False
        role, answer, degraded, before, labelled, earlier = row
        if degraded or received < earlier:  # a fallback is not the model's answer
            return True
        self._kept.execute(
            "update answers set truth = ?, labelled = 1, received = ? where id = ?",
            (truth, received, prediction_id),
        )
        task, scores = self.question.task, self._roles[role].scores
        old = scores_of(answer, before, task).items() if labelled else ()
        new = scores_of(answer, truth, task).items()
        for name, (value, sign) in chain(
            ((name, (value, -1)) for name, value in old),
            ((name, (value, 1)) for name, value in new),
        ):
            one = Moments(sign, sign * value, sign * value * value)
            scores[name] = scores.get(name, Moments()) + one
        return True


def unit_of(plain: Json) -> str:
    """What placed a logged prediction: the caller's routing key, else the contract's, else it."""
    placed = plain.get("routing_key") or "\x1f".join(map(str, plain["key"].values()))
    return str(placed or plain["request_id"] or plain["id"])


class Gatherer:
    """Keeps the sums between looks, as long as the question stays the same."""

    def __init__(self) -> None:
        self._present: Gathering | None = None

    def to(self, question: Question) -> Gathering:
        """The sums for a question, brought up to now."""
        if self._present is None or self._present.question != question:
            self.forget()
            self._present = Gathering(question)
        self._present.read()
        return self._present

    def forget(self) -> None:
        """There is nothing on trial: give everything back."""
        if self._present is not None:
            self._present.close()
            self._present = None
