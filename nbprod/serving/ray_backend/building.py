"""A release as an application that `serve deploy` starts from a file, on a cluster that stands.

The file says which release answers: there is no rollout, and another release is another file. Its
replicas log, profile, refuse and degrade as those of `nbprod deploy` do.
"""

from __future__ import annotations

import asyncio
import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.config import load_settings
from nbprod.errors import ServingError
from nbprod.records import Json, TrafficState
from nbprod.serving.keeper import POLL_S
from nbprod.serving.options import check_exposure, service_options
from nbprod.serving.ray_backend.applications import LOGGING, ingress_application
from nbprod.serving.ray_backend.remote import RemoteWorker

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbprod.config import Settings

IMPORT_PATH = "nbprod.serving.ray_backend.building:build"
_ARGUMENTS = ("project", "release")


class FixedKeeper:
    """Traffic that never changes: one release is champion for as long as the file says so."""

    def __init__(self, version: int) -> None:
        self._state = TrafficState(revision=1, roles={"champion": version}).to_json()

    async def status(self) -> Json:
        """See `TrafficKeeper.status`."""
        return {"traffic": self._state, "history": [], "replicas": [], "tally": {}}

    async def wait(self, listener: str, release: str, pid: int, revision: int, tally: Json) -> Json:
        """The state, after a while."""
        await asyncio.sleep(POLL_S)
        return self._state

    async def leave(self, listener: str) -> None:
        """Nobody waits for a replica that ends."""

    async def change(self, verb: str, given: Json) -> Json:
        """Refused: the file is what changes."""
        error = ServingError(
            f"{verb}: this deployment is what its Serve file says",
            hint="name another release in the file and `serve deploy` it, or use `nbprod deploy`",
        )
        return {"error": error.to_json()}


def serve_config(settings: Settings, release: int, *, project: str = "") -> Json:
    """What a Serve file says for a release: write it as YAML, then `serve deploy` it.

    project: where the project's folder lies on every node; where it lies here, if not given.
    """
    serving = settings.serving
    return {
        "proxy_location": "EveryNode",
        "http_options": {"host": serving.host, "port": serving.port},
        "logging_config": LOGGING,
        "applications": [
            {
                "name": settings.model.name,
                "route_prefix": "/",
                "import_path": IMPORT_PATH,
                "args": {"project": project or settings.project_path, "release": release},
            }
        ],
    }


def build(arguments: Mapping[str, Any]) -> Any:
    """The application of a Serve file: ``project``, a folder on every node, and ``release``.

    Raises ServingError for other arguments, ConfigError for settings that cannot be served.
    """
    try:
        project, version = (arguments[name] for name in _ARGUMENTS)
        version = int(version)
    except (KeyError, TypeError, ValueError) as error:
        raise ServingError(
            f"the file's args are {dict(arguments)}",
            hint='args: {project: "/path/to/the/project", release: 3}',
        ) from error
    settings = load_settings(project)
    store = Path(settings.store_path)
    name = settings.model.name
    options = service_options(
        settings,
        deployment=name,
        release=str(version),
        log_folder=store / "logs" / name,
        profile_folder=store / "profiles" / name,
    )
    check_exposure(settings, options)
    return ingress_application(
        settings,
        store / "releases" / str(version),
        options,
        version=version,
        keeper=functools.partial(FixedKeeper, version),
        worker=functools.partial(RemoteWorker, name),
    )
