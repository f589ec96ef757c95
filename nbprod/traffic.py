"""Which request goes to which role: pure functions of rollout state and key.

Every replica, the command line and a simulation run the same functions, so that all of them
agree without asking each other.
"""

from __future__ import annotations

import dataclasses
import hashlib
from typing import TYPE_CHECKING, Literal, get_args

from nbprod.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbprod.records import Json, Role, TrafficState

_BUCKETS = 1 << 32

# The steps of a rollout, as the process that moves it takes them. It may die after any of them:
# what answers requests follows the traffic state alone, and the next verb finishes the rest.
Step = Literal[
    "worker asked",
    "worker started",
    "traffic changed",
    "ingress asked",
    "ingress replaced",
    "workers ended",
    "record saved",
    "aliases mirrored",
]
STEPS: tuple[Step, ...] = get_args(Step)
LISTENERS: list[Callable[[Step], None]] = []  # a test that ends the process at a step


def reached(step: Step) -> None:
    """Say that a step is done."""
    for listener in LISTENERS:
        listener(step)


def assign(state: TrafficState, key: str) -> Role:
    """The role that answers requests with this key: ``champion`` or ``canary``.

    A key's place on [0, 1) never changes during a trial, and the canary gets what lies below
    its fraction: raising the fraction never moves a key from the canary back to the champion.
    """
    canary = state.roles.get("canary")
    if canary is not None and place(key, canary) < state.canary_fraction:
        return "canary"
    return "champion"


def place(key: str, canary: int) -> float:
    """The key's fixed place on [0, 1) in the trial of a release, the same in every process.

    Each release is tried on other keys: the first to meet a canary are not always the same.
    """
    text = f"{canary}\x1f{key}".encode("utf-8", "surrogatepass")
    digest = hashlib.blake2b(text, digest_size=4).digest()
    return int.from_bytes(digest, "big") / _BUCKETS


def with_champion(state: TrafficState, version: int) -> TrafficState:
    """All requests to one release; what was on trial or kept warm is forgotten."""
    return _next(state, {"champion": version}, 0.0)


def with_canary(
    state: TrafficState, version: int, fraction: float, experiment: Json | None = None
) -> TrafficState:
    """A release on trial beside the champion, with a share of its requests in [0, 1].

    experiment: the plan of an A/B test that the trial is.
    """
    if "champion" not in state.roles:
        raise RefusedError(
            "there is no champion to try a canary against",
            hint="deploy a release first: `nbprod deploy`",
        )
    if version == state.roles["champion"]:
        raise RefusedError(
            f"release {version} is the champion already", hint="name another release"
        )
    other = state.roles.get("canary", version)
    if other != version:
        raise RefusedError(
            f"release {other} is on trial already",
            hint="one canary at a time: `nbprod promote` it or `nbprod abort` it first",
        )
    tried = _next(state, {**state.roles, "canary": version}, _checked(fraction))
    return dataclasses.replace(tried, experiment=dict(experiment or {}))


def with_fraction(state: TrafficState, fraction: float) -> TrafficState:
    """The same roles, another share of the requests in [0, 1] for the canary."""
    if "canary" not in state.roles:
        raise RefusedError(
            "there is no canary to give requests to",
            hint="start one: `nbprod deploy RELEASE --canary`",
        )
    return _next(state, dict(state.roles), _checked(fraction))


def with_shadow(state: TrafficState, version: int) -> TrafficState:
    """A release that sees the live requests too and answers nobody."""
    if "champion" not in state.roles:
        raise RefusedError(
            "there is no champion whose requests a shadow could see",
            hint="deploy a release first: `nbprod deploy`",
        )
    if version in state.roles.values():
        raise RefusedError(
            f"release {version} answers requests already",
            hint="a shadow is another release than champion, canary and previous",
        )
    shadows = tuple(sorted({*state.shadows, version}))
    return dataclasses.replace(state, revision=state.revision + 1, shadows=shadows)


def without_shadow(state: TrafficState, version: int) -> TrafficState:
    """That release is a shadow no more."""
    if version not in state.shadows:
        raise RefusedError(
            f"release {version} is no shadow here", hint="`nbprod status` shows the roles"
        )
    shadows = tuple(one for one in state.shadows if one != version)
    return dataclasses.replace(state, revision=state.revision + 1, shadows=shadows)


def with_pause(state: TrafficState, paused: bool) -> TrafficState:
    """The rollout takes no step forward, or does so again; the guards stay armed."""
    if "canary" not in state.roles:
        raise RefusedError(
            "there is no canary whose steps could be paused",
            hint="start one: `nbprod deploy RELEASE --canary`",
        )
    return dataclasses.replace(state, revision=state.revision + 1, paused=paused)


def after_promotion(state: TrafficState) -> TrafficState:
    """The canary becomes the champion, the champion becomes previous and stays warm."""
    if "canary" not in state.roles:
        raise RefusedError(
            "there is no canary to promote", hint="start one: `nbprod deploy RELEASE --canary`"
        )
    roles = {"champion": state.roles["canary"], "previous": state.roles["champion"]}
    return _next(state, roles, 0.0)


def after_rollback(state: TrafficState) -> TrafficState:
    """The newest change taken back: a canary is ended, else previous becomes champion again."""
    kept = {role: version for role, version in state.roles.items() if role != "canary"}
    if "canary" in state.roles:
        return _next(state, kept, 0.0)
    if "previous" not in state.roles:
        raise RefusedError(
            "there is nothing to roll back to",
            hint="no previous release is kept warm: deploy the one that shall answer",
        )
    return _next(state, {"champion": state.roles["previous"]}, 0.0)


def after_abort(state: TrafficState) -> TrafficState:
    """The canary ended; without one there is nothing to abort."""
    if "canary" not in state.roles:
        raise RefusedError(
            "there is no canary to abort",
            hint="`nbprod rollback` brings the previous champion back",
        )
    return after_rollback(state)


def _checked(fraction: float) -> float:
    if not 0.0 <= fraction <= 1.0:
        raise RefusedError(
            f"a canary's share of {fraction:g} makes no sense", hint="a fraction in [0, 1]"
        )
    return fraction


def _next(state: TrafficState, roles: dict[str, int], fraction: float) -> TrafficState:
    return dataclasses.replace(
        state,
        revision=state.revision + 1,
        roles=roles,
        canary_fraction=fraction,
        shadows=tuple(one for one in state.shadows if one not in roles.values()),
        paused=state.paused and "canary" in roles,
        experiment=state.experiment if "canary" in roles else {},
    )
