"""What the processes of an engine, and its clients, have in their environment."""

from __future__ import annotations

import os
from pathlib import Path

from nbprod.engine.description import MARKER, Engine
from nbprod.imports import write_left_out


def process_environment(engine: Engine) -> dict[str, str]:
    """The caller's environment, its own markers included, with this engine's on top."""
    inherited = {key: value for key, value in os.environ.items() if not _is_foreign(key)}
    left_out = str(write_left_out(Path(engine.temp_path, "left-out")))
    return {
        **inherited,
        **client_environment(engine),
        MARKER: engine.id,
        # Ray's agents rewrite their title over their environment, and the marker with it,
        # unless this is set.
        "SPT_NOENV": "1",
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, (left_out, inherited.get("PYTHONPATH", "")))),
        # Ray gives its workers a niceness of 15, made for batch work: beside anything else on the
        # machine, a proxy or a replica would answer late (ray-project/ray#24928).
        "RAY_worker_niceness": "0",
        # A worker imports behind whoever answers requests, which may take it some time.
        "RAY_worker_register_timeout_seconds": "180",
    }


def client_environment(engine: Engine) -> dict[str, str]:
    """What Ray reads in a process that joins the engine: no telemetry, and the token."""
    quiet = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_SERVE_LOG_TO_STDERR": "0"}
    if not engine.local:
        return quiet
    return {
        **quiet,
        **engine.environment,
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": engine.token_path,
        # On Linux Ray replaces 127.0.0.1 by the machine's public address, where this
        # engine does not listen; this switch keeps a cluster on loopback.
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    }


def _is_foreign(key: str) -> bool:
    return key in {"RAY_ADDRESS", "RAY_AUTH_TOKEN", "RAY_JOB_CONFIG_JSON_ENV_VAR", MARKER}
