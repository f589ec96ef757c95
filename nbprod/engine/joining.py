"""This process as a client of an engine: the door to Ray."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, Any

from nbprod.engine.environment import client_environment
from nbprod.engine.waiting import await_port
from nbprod.errors import MissingDependencyError, ServingError
from nbprod.imports import leave_out_slow_imports

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbprod.engine.description import Engine

NAMESPACE = "nbprod"
# The engine this process is a client of: Ray itself keeps one connection per process.
_joined: dict[str, str] = {}
_environment_before: dict[str, str | None] = {}  # what this process had of what an engine needs


def connect(engine: Engine, *, timeout_s: float = 30.0) -> None:
    """Make this process a client of the engine; a second call for the same engine does nothing.

    Nothing is printed. Raises ServingError when the engine does not answer.
    """
    require_ray()
    if address := _address_of_ray():
        if engine.address in (address, _joined.get("address")):
            return
        disconnect()
    _prepare_client(engine)
    import ray

    if engine.local:
        await_port(engine.address, timeout_s, lambda: None)
    try:
        ray.init(
            address=engine.address,
            namespace=NAMESPACE,
            configure_logging=False,
            log_to_driver=False,
            logging_level="ERROR",
        )
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        raise ServingError(
            f"the engine at {engine.address} does not answer: {error}",
            hint="`nbprod status` says whether it runs; `nbprod deploy` starts a new one",
        ) from error
    _joined["address"] = engine.address
    _silence_client()


def disconnect() -> None:
    """Stop being a client; the engine goes on, and the environment is as it was before."""
    if _address_of_ray():
        import ray

        ray.shutdown()
    _joined.clear()
    for name, value in _environment_before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    _environment_before.clear()


def _address_of_ray() -> str:
    """Of the cluster that this process is a client of; empty where it is none."""
    if "ray" not in sys.modules:
        return ""
    import ray

    return str(ray.get_runtime_context().gcs_address) if ray.is_initialized() else ""


@contextlib.contextmanager
def leaving() -> Iterator[None]:
    """An engine that is joined inside is left at the end; one that was joined before is not.

    Ray ends the process of a client a minute after its engine is gone, with all that is in it:
    the kernel of a notebook that has called `deploy`, when somebody types `nbprod undeploy`.
    """
    joined_before = bool(_joined)
    try:
        yield
    finally:
        if _joined and not joined_before:
            disconnect()


def is_client_of(engine: Engine) -> bool:
    """Whether `connect` made this process a client of the engine."""
    return _joined.get("address") == engine.address


def require_ray() -> None:
    """MissingDependencyError where Ray is not installed."""
    import importlib.util

    if importlib.util.find_spec("ray") is None:
        raise MissingDependencyError("serving on Ray needs the ray package", extra="serve")


def _prepare_client(engine: Engine) -> None:
    """The environment Ray reads when it is imported, or again where it was imported before."""
    was_imported = "ray" in sys.modules
    leave_out_slow_imports()
    wanted: dict[str, str | None] = dict(client_environment(engine))
    if engine.local:
        wanted["RAY_AUTH_TOKEN"] = None
    for name, value in wanted.items():
        _environment_before.setdefault(name, os.environ.pop(name, None))
        if value is not None:
            os.environ[name] = value
    if not engine.local:
        return
    if was_imported:
        import ray._private.ray_constants as constants
        import ray._raylet

        constants.ENABLE_RAY_CLUSTER = False
        raylet: Any = ray._raylet
        raylet.Config.initialize("")
        raylet.AuthenticationTokenLoader.instance().reset_cache()


def _silence_client() -> None:
    """Whatever happens to any worker is printed by Ray's client; it stands in the engine's log.

    A replica that ended would tell a caller of `nbprod status` about the machine's memory.
    """
    import ray._private.worker as client

    client.print_to_stdstream = lambda *_, **__: None
