"""A real HTTP server in front of a small release, for clients that speak to an address."""

from __future__ import annotations

import contextlib
import importlib.util
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import uvicorn

from nbprod.engine import free_port
from nbprod.serving import LocalService, ServiceOptions


@contextlib.contextmanager
def serving_trips(folder: Path, **options: Any) -> Iterator[tuple[str, LocalService]]:
    """The small bundle of the serving tests behind uvicorn: its address, and the service."""
    path = Path(__file__).parent / "unit" / "serving" / "conftest.py"
    spec = importlib.util.spec_from_file_location("serving_conftest", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    plain: dict[str, Any] = {
        "deployment": "trips",
        "release": "3",
        "log_folder": folder / "logs",
        "profile_folder": folder / "profiles",
        "model_name": "trip-delay",
        "label": "late",
        "timeout_s": 20.0,
        "batch_unproven": True,
        "on_unavailable": "fallback",
        "fallback": {"late": 0.5},
    }
    made = ServiceOptions(**plain | options)
    port = free_port()
    with LocalService(module.write_trips(folder / "trips"), made) as local:
        config = uvicorn.Config(
            local.app, host="127.0.0.1", port=port, log_level="error", lifespan="off"
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            while not server.started:
                time.sleep(0.02)
            yield f"127.0.0.1:{port}", local
        finally:
            server.should_exit = True
            thread.join()
