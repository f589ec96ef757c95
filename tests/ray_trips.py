"""A Ray of one's own, and the backend of a deployment of trips on it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nbprod.config import Model, Serving, Settings
from nbprod.engine import Engine, end_engine, engine_processes, free_port, start_engine
from nbprod.serving.ray_backend import RayBackend, proxy_environment


@contextlib.contextmanager
def trips_on_ray(
    folder: Path, *, replicas: int = 2, **engine: Any
) -> Iterator[tuple[Engine, RayBackend]]:
    """Nothing is deployed yet; afterwards no process and no folder of the engine is left."""
    settings = Settings(
        project_path=str(folder),
        model=Model(name="trips", outcome="late"),
        serving=Serving(port=free_port(), replicas=replicas, timeout_ms=20_000),
    )
    environment = proxy_environment(settings.serving.timeout_ms)
    started = start_engine(folder / "engine", name="trips", environment=environment, **engine)
    try:
        yield (
            started,
            RayBackend(
                started,
                settings,
                deployment="trips",
                state_folder=folder / "state",
                log_folder=folder / "logs",
                profile_folder=folder / "profiles",
            ),
        )
    finally:
        end_engine(started)
    assert engine_processes(started.id) == []
    assert not Path(started.temp_path).exists()
