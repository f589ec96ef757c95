"""What the rollout policy is given: sums over the log that a look adds to, and a restart finds again."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from nbprod.data.prediction_log import LogWriter
from nbprod.lifecycle.gathering import Gatherer, Gathering, Question, unit_of
from nbprod.records import Outcome, Prediction, new_id

BEGAN, OLD, YOUNG = (f"2013-01-0{day}T00:00:00.000+00:00" for day in (1, 2, 9))
DUE = "2013-01-05T00:00:00.000+00:00"


class Log:
    """A log that grows between looks."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._numbers = itertools.count()
        self._writer = LogWriter(folder, writer_id="one")

    def add(self, *rows: dict[str, Any]) -> list[str]:
        made = [self._made(**row) for row in rows]
        self._writer.append(made)
        return [one.id for one in made]

    def tell(self, prediction_id: str, outcome: Any, name: str = "late") -> None:
        made = Outcome(outcome=outcome, name=name, prediction_id=prediction_id)
        self._writer.append_outcomes([made])

    def labelled(self, outcome: Any, **row: Any) -> None:
        self.tell(self.add(row)[0], outcome)

    def _made(self, at: str = OLD, **row: Any) -> Prediction:
        base: dict[str, Any] = {"role": "champion", "latency_ms": 4.0, "output": 0.2}
        return Prediction(
            **base
            | {"id": f"013bff{next(self._numbers):018x}", "at": at, "request_id": new_id()}
            | {"deployment": "d", "release": "1", "inputs": {}, "features": {}}
            | row
        )

    def question(self, **more: Any) -> Question:
        asked: dict[str, Any] = {
            "folder": self.folder,
            "since": (("champion", BEGAN), ("canary", BEGAN)),
            "task": "classification",
            "outcome": "late",
        }
        return Question(**asked | more)


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path)


def look(log: Log, tally: Any = None, **more: Any) -> Any:
    gathering = Gathering(log.question(**more))
    gathering.read()
    return gathering.observed(tally or {})


def test_counts_come_from_the_tally_and_answers_from_the_log(log: Log) -> None:
    """Requests and errors as the keeper counts them; fallbacks and latencies as logged."""
    log.add({}, {"role": "canary", "degraded": True, "latency_ms": 60.0}, {"role": "canary"})
    log.add({"role": "shadow"}, {"at": "2012-12-31T00:00:00.000+00:00"})
    found = look(log, {"canary": {"requests": 9, "errors": 1}})
    assert (found["canary"].requests, found["canary"].errors) == (9, 1)
    assert found["canary"].fallbacks == 1
    assert found["canary"].latencies.above(50.0) == 1
    assert (found["champion"].requests, found["champion"].latencies.count) == (0, 1)


def test_numbers_are_binned_by_the_champions_deciles(log: Log) -> None:
    """The champion fills every bin alike; a canary that answers one number fills one."""
    log.add(*({"output": n / 1000} for n in range(1000)))
    log.add(
        *({"role": "canary", "output": 0.55} for _ in range(50)), {"role": "canary", "output": None}
    )
    found = look(log)
    assert set(found["champion"].outputs.values()) == {100}
    assert found["canary"].outputs == {"5": 50, "no answer": 1}


def test_classes_are_their_own_bins_and_objects_are_read_by_their_first_field(log: Log) -> None:
    """Text answers are counted by value."""
    log.add({"output": "a"}, {"output": {"kind": "b", "p": 1}}, {"output": "a"}, {"role": "canary"})
    assert look(log)["champion"].outputs == {"a": 2, "b": 1}


def test_bins_stay_where_they_are_once_there_are_many_answers(log: Log) -> None:
    """Six thousand different answers are counted in ten bins; nothing is lost."""
    log.add(*({"output": n / 7000} for n in range(6000)), *({"output": f"t{n}"} for n in range(3)))
    counts = look(log)["champion"].outputs
    assert sum(counts.values()) == 6003
    assert len(counts) == 13
    texts = Log(log.folder / "texts")
    texts.add(*({"output": f"t{n}"} for n in range(6000)))
    counts = look(texts)["champion"].outputs
    assert (len(counts), sum(counts.values())) == (1001, 6000)


def test_scores_are_of_labelled_answers_of_the_model(log: Log) -> None:
    """A probability has brier, accuracy and log loss; a fallback is not the model's."""
    log.labelled(True, output=0.9)
    log.labelled(1, output=0.4)
    log.labelled(1, output=0.4, degraded=True)
    log.add({"output": 0.4})
    scores = look(log)["champion"].scores
    assert scores["accuracy"].mean == 0.5
    assert scores["brier"].mean == pytest.approx((0.01 + 0.36) / 2)
    assert scores["log_loss"].count == 2
    numbers = Log(log.folder / "numbers")
    numbers.labelled(5.0, output=3.0)
    scores = look(numbers, task="regression")["champion"].scores
    assert (scores["mae"].mean, scores["mse"].mean) == (2.0, 4.0)
    words = Log(log.folder / "words")
    words.labelled("b", output="a")
    assert look(words)["champion"].scores["accuracy"].mean == 0.0


def test_a_look_adds_what_came_and_a_restart_adds_up_to_the_same(log: Log) -> None:
    """New predictions, late outcomes and a corrected one; each record counts once."""
    gatherer = Gatherer()
    first, second = log.add({"output": 0.9}, {"role": "canary", "output": 0.6})
    gathering = gatherer.to(log.question())
    assert gathering.read() == 0
    log.tell(first, 1)
    log.tell(second, 1)
    log.add({"output": 0.3, "latency_ms": 99.0})
    gathering = gatherer.to(log.question())
    log.tell(second, 0)  # the truth was another
    for part in log.folder.glob("predictions/*"):  # a line that nobody finished
        with part.open("ab") as file:
            file.write(b'{"id":"torn')
    gathering = gatherer.to(log.question())
    found = gathering.observed({})
    assert found["champion"].latencies.count == 2
    assert found["champion"].scores["brier"].mean == pytest.approx(0.01)
    assert found["canary"].scores["accuracy"].mean == 0.0
    again = look(log)
    assert {r: one.outputs for r, one in again.items()} == {r: o.outputs for r, o in found.items()}
    for role, one in again.items():
        assert one.latencies == found[role].latencies
        for name, moments in one.scores.items():
            assert moments.count == found[role].scores[name].count
            assert moments.mean == pytest.approx(found[role].scores[name].mean)


def test_an_outcome_that_is_read_before_its_prediction_counts_at_the_next_look(log: Log) -> None:
    """A prediction may be written between the reading of both."""
    gatherer, late = Gatherer(), log.question()
    log.tell(f"013bff{0:018x}", 1)
    assert gatherer.to(late).observed({})["champion"].scores == {}
    log.add({"output": 0.9})
    assert gatherer.to(late).observed({})["champion"].scores["accuracy"].count == 1


def test_another_state_is_another_question(log: Log) -> None:
    """A new step begins at nought; what is on trial no more is forgotten."""
    gatherer = Gatherer()
    log.add({}, {})
    before = gatherer.to(log.question(revision=1))
    later = gatherer.to(log.question(revision=2, since=(("champion", YOUNG), ("canary", YOUNG))))
    assert later is not before
    assert later.observed({})["champion"].latencies.count == 0
    gatherer.forget()


def test_an_ab_test_counts_each_key_once_and_waits_for_labels_that_are_due(log: Log) -> None:
    """A user who calls ten times is one exposure; a young exposure needs no outcome yet."""
    for _ in range(10):
        log.labelled(1, key={"user": "ann"})
    log.labelled(0, key={"user": "bob"}, role="canary")
    log.add({"key": {"user": "cyn"}, "role": "canary", "at": YOUNG})
    gathering = Gathering(log.question(experiment="late", exposed_since=BEGAN))
    gathering.read()
    control, treatment = gathering.arms(due_before=DUE)
    assert (control.exposed, control.outcomes.count) == (1, 1)
    assert (treatment.exposed, treatment.due, treatment.outcomes.count) == (2, 1, 1)
    assert treatment.coverage == 1.0


def test_the_callers_routing_key_is_the_unit_of_an_ab_test(log: Log) -> None:
    """Whoever is placed by X-Routing-Key is counted by it, whatever the rows' own key says."""
    log.add(*({"key": {"trip": n}, "routing_key": "ann"} for n in range(5)))
    log.add({"key": {"trip": 9}, "role": "canary"}, {"key": {}, "role": "canary"})
    gathering = Gathering(log.question(experiment="late", exposed_since=BEGAN))
    gathering.read()
    control, treatment = gathering.arms(due_before=DUE)
    assert (control.exposed, treatment.exposed) == (1, 2)
    plain = {"key": {"trip": 9, "leg": "b"}, "request_id": "r", "id": "i"}
    assert unit_of(plain) == "9\x1fb"
    assert unit_of({**plain, "key": {}}) == "r"
