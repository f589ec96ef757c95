"""The keeper of a deployment's traffic, as a command reaches it: started, asked, ended by name."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

from nbprod import engine as engines
from nbprod import traffic
from nbprod.errors import RefusedError, ServingError
from nbprod.records import Json, TrafficState
from nbprod.serving.keeper import TrafficKeeper
from nbprod.serving.ray_backend.applications import START_S
from nbprod.serving.ray_backend.remote import companion_name, keeper_name

if TYPE_CHECKING:
    from pathlib import Path

_RESTART_S = 30.0


class Keeping:
    """The keeper and the companion of one deployment; this process is a client of the engine.

    traffic_path: where the keeper has its state.
    """

    def __init__(self, deployment: str, traffic_path: Path) -> None:
        self._deployment = deployment
        self._traffic_path = traffic_path

    def start(self) -> None:
        """Start the keeper where it is not there yet; it takes up the state on disk."""
        self._start(
            keeper_name(self._deployment),
            TrafficKeeper,
            str(self._traffic_path),
            max_concurrency=1000,
        )
        self.ask("status")

    def start_companion(self, kind: type, *arguments: Any) -> None:
        """See `RayBackend.start_companion`."""
        self._start(companion_name(self._deployment), kind, *arguments)

    def end(self) -> None:
        """End the keeper and the companion, where they are there."""
        import ray

        for name in (companion_name(self._deployment), keeper_name(self._deployment)):
            with contextlib.suppress(ValueError):  # there is none
                ray.kill(ray.get_actor(name, namespace=engines.NAMESPACE))

    def is_there(self) -> bool:
        """Whether the engine knows the keeper."""
        try:
            self._actor()
        except ValueError:
            return False
        return True

    def state(self) -> TrafficState:
        """What the traffic is now."""
        return TrafficState.from_json(self.ask("status")["traffic"])

    def change(self, verb: str, **given: Any) -> TrafficState:
        """The traffic after a verb; RefusedError where it does not fit the state now."""
        self.ask("status")  # it is there: a change is asked for once only
        done = self.ask("change", verb, given)
        if "error" in done:
            refused = done["error"]["type"] == RefusedError.__name__
            kind = RefusedError if refused else ServingError
            raise kind(done["error"]["message"], hint=done["error"]["hint"])
        traffic.reached("traffic changed")
        return TrafficState.from_json(done["traffic"])

    def ask(self, method: str, *arguments: Any) -> Json:
        """The keeper's answer; a question is asked again while the keeper is being restarted."""
        import ray

        deadline = time.monotonic() + _RESTART_S
        while True:
            try:
                call = getattr(self._actor(), method)
                answer: Json = ray.get(call.remote(*arguments), timeout=START_S)
            except ValueError as error:
                raise ServingError(
                    f"{self._deployment} is not deployed", hint="deploy a release: `nbprod deploy`"
                ) from error
            except (ray.exceptions.RayError, TimeoutError) as error:
                gone = isinstance(error, ray.exceptions.ActorUnavailableError)
                # A change may have been made before the keeper died: that is for a person to see.
                if gone and method == "status" and time.monotonic() < deadline:
                    time.sleep(0.2)
                    continue
                raise ServingError(
                    f"the keeper of the traffic does not answer: {error}",
                    hint="look at `nbprod status`, then try again",
                ) from error
            else:
                return answer

    def _actor(self) -> Any:
        import ray

        return ray.get_actor(keeper_name(self._deployment), namespace=engines.NAMESPACE)

    def _start(self, name: str, kind: type, *arguments: Any, **options: Any) -> None:
        """An actor that outlives this command; the engine starts it again when it dies."""
        import ray

        ray.remote(kind).options(
            name=name,
            namespace=engines.NAMESPACE,
            lifetime="detached",
            num_cpus=0,
            max_restarts=-1,
            get_if_exists=True,
            **options,
        ).remote(*arguments)
