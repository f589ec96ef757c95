"""The keeper of one deployment's traffic state: one writer, many listeners.

Every change goes through here, one at a time, and is on disk before anybody hears of it. The
ingress replicas wait here for news; a change is confirmed when all of them have come back for
the next one, because a listener that asks for news beyond a revision has acted on it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod import traffic
from nbprod.errors import NbprodError, RefusedError, ServingError
from nbprod.records import Json, RolloutStep, TrafficState, utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TRAFFIC_FILE = "traffic.json"
POLL_S = 2.0
_CONFIRM_S = 0.7  # a rollback is acknowledged within a second, heard by everybody or not
_GONE_S = 2 * POLL_S  # a listener that has not come back for so long is dead
_MAX_HISTORY = 500

_CHANGES: dict[str, Callable[[TrafficState, Mapping[str, Any]], TrafficState]] = {
    "deploy": lambda state, given: traffic.with_champion(state, int(given["version"])),
    "canary": lambda state, given: traffic.with_canary(
        state, int(given["version"]), float(given["fraction"]), given.get("experiment")
    ),
    "traffic": lambda state, given: traffic.with_fraction(state, float(given["fraction"])),
    "promote": lambda state, _: traffic.after_promotion(state),
    "rollback": lambda state, _: traffic.after_rollback(state),
    "abort": lambda state, _: traffic.after_abort(state),
    "pause": lambda state, _: traffic.with_pause(state, True),
    "resume": lambda state, _: traffic.with_pause(state, False),
    "shadow": lambda state, given: traffic.with_shadow(state, int(given["version"])),
    "unshadow": lambda state, given: traffic.without_shadow(state, int(given["version"])),
}
_CANNOT_WAIT = ("rollback", "abort")


@dataclass
class _Listener:
    release: str
    pid: int
    revision: int
    seen: float  # seconds, monotonic clock


class TrafficKeeper:
    """Holds the state of one deployment; survives its own death through ``path``."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._state = TrafficState()
        self._history: list[RolloutStep] = []
        self._listeners: dict[str, _Listener] = {}
        self._tallies: dict[str, tuple[int, Json]] = {}  # listener -> revision, tally
        self._news = asyncio.Condition()
        self._load()

    async def status(self) -> Json:
        """State, history, the replicas that listen, with their process ids, and ``tally``.

        The tally counts requests and errors by role since the present state began, over all
        replicas, also those that have ended meanwhile; a killed one's last two seconds are lost.
        """
        self._forget_the_gone()
        return {
            "traffic": self._state.to_json(),
            "history": [step.to_json() for step in self._history],
            "replicas": [
                {"id": name, "release": one.release, "pid": one.pid, "revision": one.revision}
                for name, one in self._listeners.items()
            ],
            "tally": self._tally(),
        }

    async def wait(
        self, listener: str, release: str, pid: int, revision: int, tally: Json | None = None
    ) -> Json:
        """The state as soon as it is newer than ``revision``, or as it is after POLL_S.

        tally: what the listener counted since that revision, by role.
        """
        async with self._news:
            self._tallies[listener] = revision, tally or {}
            self._listeners[listener] = _Listener(release, pid, revision, time.monotonic())
            self._news.notify_all()  # somebody may wait for this listener to have come back
            if self._state.revision <= revision:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(
                        self._news.wait_for(lambda: self._state.revision > revision), POLL_S
                    )
            return self._state.to_json()

    async def leave(self, listener: str) -> None:
        """A replica that ends needs not be waited for."""
        async with self._news:
            self._listeners.pop(listener, None)
            self._news.notify_all()

    async def change(self, verb: str, given: Mapping[str, Any]) -> Json:
        """Make a change and say when every replica follows it.

        given: ``version``, ``fraction`` as the verb needs; ``by`` and ``reason`` for the
        history; ``revision`` refuses the change where the state has moved on since.
        Returns ``traffic``, ``confirmed``, ``saved`` and ``duration_ms``, or ``error``: an
        exception of ours would reach the caller wrapped by the engine.
        """
        started = time.monotonic()
        async with self._news:
            try:
                state = self._changed(verb, given)
                step = RolloutStep(
                    at=utc_now(),
                    action=verb,
                    by=str(given.get("by", "")),
                    traffic=state,
                    reason=str(given.get("reason", "")),
                    evidence=dict(given.get("evidence", {})),
                )
                history = [*self._history, step][-_MAX_HISTORY:]
                saved = self._saved(state, history, needed=verb not in _CANNOT_WAIT)
            except NbprodError as error:
                return {"error": error.to_json()}
            self._state = state
            self._history = history
            self._tallies = {}
            self._news.notify_all()
            confirmed = await self._heard_by_all(state.revision)
        return {
            "traffic": state.to_json(),
            "confirmed": confirmed,
            "saved": saved,
            "duration_ms": round((time.monotonic() - started) * 1000, 1),
        }

    def _tally(self) -> dict[str, dict[str, int]]:
        total: dict[str, dict[str, int]] = {}
        for revision, tally in self._tallies.values():
            if revision != self._state.revision:
                continue
            for role, counts in tally.items():
                sums = total.setdefault(role, {"requests": 0, "errors": 0})
                for name in sums:
                    sums[name] += int(counts.get(name, 0))
        return total

    async def _heard_by_all(self, revision: int) -> bool:
        def heard() -> bool:
            self._forget_the_gone()
            return all(one.revision >= revision for one in self._listeners.values())

        try:
            await asyncio.wait_for(self._news.wait_for(heard), _CONFIRM_S)
        except TimeoutError:
            return False
        return True

    def _changed(self, verb: str, given: Mapping[str, Any]) -> TrafficState:
        if verb not in _CHANGES:
            raise RefusedError(
                f"there is no rollout verb {verb!r}", hint=f"one of: {', '.join(_CHANGES)}"
            )
        expected = given.get("revision")
        if expected is not None and expected != self._state.revision:
            raise RefusedError(
                f"the traffic has changed meanwhile: revision {self._state.revision}, "
                f"not {expected}",
                hint="look at `nbprod status` and decide again",
            )
        try:
            return _CHANGES[verb](self._state, given)
        except (KeyError, TypeError, ValueError) as error:
            raise RefusedError(
                f"{verb} lacks or misreads {error}", hint="version and fraction are numbers"
            ) from error

    def _forget_the_gone(self) -> None:
        now = time.monotonic()
        self._listeners = {
            name: one for name, one in self._listeners.items() if now - one.seen < _GONE_S
        }

    def _load(self) -> None:
        try:
            data = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return
        self._state = TrafficState.from_json(data["traffic"])
        self._history = [RolloutStep.from_json(step) for step in data["history"]]

    def _saved(self, state: TrafficState, history: list[RolloutStep], *, needed: bool) -> bool:
        """Whether the state is on disk. Only a rollback goes on without: it cannot wait."""
        try:
            self._save(state, history)
        except OSError as error:
            if needed:
                raise ServingError(
                    f"{self._path} cannot be written: {error.strerror or error}",
                    hint="make room on the disk; nothing was changed",
                ) from error
            return False
        return True

    def _save(self, state: TrafficState, history: list[RolloutStep]) -> None:
        data = {"traffic": state.to_json(), "history": [step.to_json() for step in history]}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        aside = self._path.with_name(f".{self._path.name}-{secrets.token_hex(4)}")
        with aside.open("w", encoding="utf-8") as file:
            json.dump(data, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(self._path)
