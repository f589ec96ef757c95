"""MLServer, adaptive batching, in its own process: its fastest configuration for this model."""

from __future__ import annotations

import json
import socket
import sys
import tempfile
from pathlib import Path

from mlserver.cli.main import main

MODEL = {
    "name": "flights",
    "implementation": "mlserver_runtime.Flights",
    "max_batch_size": 64,
    "max_batch_time": 0.001,
}


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


if __name__ == "__main__":
    folder = Path(tempfile.mkdtemp())
    settings = {
        "host": "127.0.0.1",
        "http_port": int(sys.argv[1]),
        "grpc_port": _free_port(),
        "metrics_port": _free_port(),
        "parallel_workers": 0,
        "debug": False,
    }
    (folder / "settings.json").write_text(json.dumps(settings))
    (folder / "model-settings.json").write_text(json.dumps(MODEL))
    sys.argv = ["mlserver", "start", str(folder)]
    main()
