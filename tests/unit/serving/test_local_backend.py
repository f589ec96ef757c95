"""Serving in this process: a real server, its end, and what it refuses."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from nbprod.config import Model, Serving, Settings
from nbprod.data import prediction_log
from nbprod.engine import free_port
from nbprod.errors import ServingError
from nbprod.serving import serve_local

SERVER = """
import sys
from nbprod.config import Model, Serving, Settings
from nbprod.serving import serve_local

bundle, folder, port = sys.argv[1:]
settings = Settings(
    project_path=folder,
    model=Model(name="trip-delay"),
    serving=Serving(port=int(port), timeout_ms=20000),
)
serve_local(
    bundle,
    settings,
    log_folder=folder + "/logs",
    profile_folder=folder + "/profiles",
    on_ready=lambda url: print(url, flush=True),
)
print("ended", flush=True)
"""
ROW = {"trip": "T1", "km": 10, "minutes": 50.0, "city": "Bern"}


def test_ctrl_c_ends_it_and_nothing_is_lost(bundle: Path, tmp_path: Path) -> None:
    """The server answers, marks the release unreleased, and ends cleanly at Ctrl-C."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(bundle), str(tmp_path), str(free_port())],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        sent = urllib.request.Request(
            f"{url}/predict",
            json.dumps({"instances": [ROW]}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(sent, timeout=30) as response:
            body = json.load(response)
        assert body["release"] == "unreleased"
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=30)
        assert (process.returncode, output.strip()) == (0, "ended"), errors
        assert "Traceback" not in errors
        assert prediction_log.find(tmp_path / "logs", body["prediction_ids"][0]) is not None
    finally:
        process.kill()
        process.wait()


def settings_for(host: str, port: int) -> Settings:
    return Settings(
        project_path=".", model=Model(name="trip-delay"), serving=Serving(host=host, port=port)
    )


def test_a_taken_port_is_named(bundle: Path, tmp_path: Path) -> None:
    """A port that somebody listens on is refused at once, by its number."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        started = time.monotonic()
        with pytest.raises(ServingError, match=str(port)):
            serve_local(
                bundle,
                settings_for("127.0.0.1", port),
                log_folder=tmp_path,
                profile_folder=tmp_path,
            )
        assert time.monotonic() - started < 10


def test_an_unreleased_bundle_stays_on_loopback(bundle: Path, tmp_path: Path) -> None:
    """What nobody judged is not served to others."""
    with pytest.raises(ServingError, match="loopback"):
        serve_local(
            bundle, settings_for("0.0.0.0", 0), log_folder=tmp_path, profile_folder=tmp_path
        )
