"""Traffic states and how one follows another."""

from __future__ import annotations

import pytest

from nbprod import traffic
from nbprod.errors import ServingError
from nbprod.records import TrafficState


def canary(fraction: float = 0.2) -> TrafficState:
    start = traffic.with_champion(TrafficState(), 1)
    return traffic.with_canary(start, 2, fraction)


def test_the_share_is_kept_over_many_keys() -> None:
    """Over many keys the canary gets its fraction, within a percent."""
    state = canary(0.2)
    taken = sum(traffic.assign(state, f"key {n}") == "canary" for n in range(20_000))
    assert taken / 20_000 == pytest.approx(0.2, abs=0.01)


def test_a_key_has_the_same_place_in_every_process() -> None:
    """The place of a key does not depend on the process's hash seed."""
    assert traffic.place("flight 7", 2) == pytest.approx(0.885078, abs=1e-5)
    assert traffic.place("a", 2) != traffic.place("b", 2)


def test_another_release_is_tried_on_other_keys() -> None:
    """The first to meet a canary are not always the same: two trials share keys by chance only."""
    places = [(traffic.place(f"key {n}", 2), traffic.place(f"key {n}", 3)) for n in range(5000)]
    both = sum(one < 0.2 and other < 0.2 for one, other in places)
    assert both / 5000 == pytest.approx(0.04, abs=0.01)


def test_promotion_keeps_the_old_champion_as_previous() -> None:
    """After a promotion the canary is champion and the champion is previous."""
    state = traffic.after_promotion(canary())
    assert state.roles == {"champion": 2, "previous": 1}
    assert state.canary_fraction == 0.0
    assert state.revision == 3


def test_a_rollback_takes_back_the_newest_change() -> None:
    """A rollback ends a canary; without one it brings previous back."""
    assert traffic.after_rollback(canary()).roles == {"champion": 1}
    promoted = traffic.after_promotion(canary())
    again = traffic.with_canary(promoted, 3, 0.5)
    assert traffic.after_rollback(again).roles == promoted.roles
    assert traffic.after_rollback(promoted).roles == {"champion": 1}


def test_there_is_one_canary_at_a_time() -> None:
    """A second one is refused, naming the first; the same one may get another share."""
    with pytest.raises(ServingError, match="release 2 is on trial"):
        traffic.with_canary(canary(), 3, 0.1)
    assert traffic.with_canary(canary(), 2, 0.5).canary_fraction == 0.5


def test_every_change_is_a_new_revision() -> None:
    """Revisions only grow."""
    states = [canary(), traffic.with_fraction(canary(), 0.5), traffic.after_rollback(canary())]
    assert [state.revision for state in states] == [2, 3, 3]


@pytest.mark.parametrize(
    "change",
    [
        lambda: traffic.after_promotion(traffic.with_champion(TrafficState(), 1)),
        lambda: traffic.after_rollback(traffic.with_champion(TrafficState(), 1)),
        lambda: traffic.with_canary(TrafficState(), 2, 0.5),
        lambda: traffic.with_canary(traffic.with_champion(TrafficState(), 1), 1, 0.5),
        lambda: traffic.with_canary(traffic.with_champion(TrafficState(), 1), 2, 1.5),
        lambda: traffic.with_fraction(traffic.with_champion(TrafficState(), 1), 0.5),
    ],
)
def test_what_makes_no_sense_is_refused(change: object) -> None:
    """A change that the state does not allow raises ServingError with a hint."""
    with pytest.raises(ServingError) as refused:
        change()  # type: ignore[operator]
    assert refused.value.hint


def test_shadows_come_and_go_and_end_where_they_answer() -> None:
    """Any number of shadows; a release that gets a role that answers is a shadow no more."""
    state = traffic.with_shadow(traffic.with_shadow(canary(), 4), 3)
    assert state.shadows == (3, 4)
    assert traffic.without_shadow(state, 3).shadows == (4,)
    alone = traffic.after_rollback(state)
    assert traffic.with_canary(alone, 4, 0.1).shadows == (3,)


@pytest.mark.parametrize("version", [1, 2])
def test_what_answers_cannot_be_a_shadow(version: int) -> None:
    """Champion and canary are refused; so is taking away what is no shadow."""
    with pytest.raises(ServingError):
        traffic.with_shadow(canary(), version)
    with pytest.raises(ServingError):
        traffic.without_shadow(canary(), version)


def test_a_pause_ends_with_the_trial() -> None:
    """Paused while the canary is there; promotion and rollback leave no pause behind."""
    state = traffic.with_pause(canary(), True)
    assert state.paused
    assert not traffic.with_pause(state, False).paused
    assert not traffic.after_promotion(state).paused
    assert not traffic.after_rollback(state).paused
    with pytest.raises(ServingError):
        traffic.with_pause(traffic.with_champion(TrafficState(), 1), True)
