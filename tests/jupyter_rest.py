"""A real Jupyter server with the extension, and a client of its REST interface."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from nbprod.engine import free_port

TOKEN = "a-token-of-the-tests"


@dataclass(frozen=True)
class Server:
    """A running server: its address, its root folder, its process."""

    url: str
    root: Path
    process: subprocess.Popen[bytes]
    client: httpx.Client

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> httpx.Response:
        """A request to a path under /nbprod/api/."""
        content = {} if body is None else {"content": json.dumps(body)}
        return self.client.request(method, f"/nbprod/api/{path}", **content, **options)

    def get(self, path: str, /, **query: Any) -> Any:
        """What a path answers, as plain data."""
        answer = self.call("GET", path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def start(self, path: str, body: Any, *, project: str = "", method: str = "POST") -> Any:
        """The job that a verb became."""
        answer = self.call(method, path, body, params={"project": project})
        assert answer.status_code == 202, answer.text
        assert answer.headers["Location"].endswith(f"/nbprod/api/jobs/{answer.json()['id']}")
        return answer.json()

    def ended(self, job: Any, timeout_s: float = 120.0) -> Any:
        """A job once it has ended, waiting as the front end does."""
        deadline = time.monotonic() + timeout_s
        revision = 0
        while (now := self.get(f"jobs/{job['id']}"))["state"] in ("waiting", "running"):
            assert time.monotonic() < deadline, now
            revision = self.get("jobs", since=revision, wait_s=5)["revision"]
        return now


@contextlib.contextmanager
def jupyter(root: Path, *options: str, base_url: str = "") -> Iterator[Server]:
    """A server on loopback whose root is a folder; it is ended, and waited for, at the end.

    base_url: ``/user/me``, as a hub gives each of its servers one.
    """
    port = free_port()
    home = root.parent / f"{root.name}-jupyter"
    environ = {
        **os.environ,
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "IPYTHONDIR": str(home / "ipython"),
        "PYTHONPATH": str(Path(__file__).parent),  # an option may name a class of the tests
    }
    home.mkdir(exist_ok=True)
    command = [
        *(sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root"),
        *(f"--ServerApp.port={port}", "--ServerApp.port_retries=0", "--ServerApp.ip=127.0.0.1"),
        *(f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={root}"),
        "--ServerApp.jpserver_extensions={'nbprod.server': True}",
        f"--ServerApp.base_url={base_url}/",
        *options,
    ]
    log = home / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=environ, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    url = f"http://127.0.0.1:{port}{base_url}"
    headers = {"Authorization": f"token {TOKEN}", "Content-Type": "application/json"}
    try:
        with httpx.Client(base_url=url, headers=headers, timeout=60.0) as client:
            _wait(client, process, log)
            yield Server(url, root, process, client)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def _wait(client: httpx.Client, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()[-3000:]
        with contextlib.suppress(httpx.TransportError):
            if client.get("/nbprod/api/status").status_code == 200:
                return
        time.sleep(0.1)
    raise AssertionError(log.read_text()[-3000:])
