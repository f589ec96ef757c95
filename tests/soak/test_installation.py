"""`pip install nbprod[lab]` from the wheel, in an empty environment, with the oldest Lab and the
newest that it names: the front end starts in a real browser."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import wheels
from browser import chromium
from playwright.sync_api import sync_playwright

from nbprod.engine import free_port

# The ends of `jupyterlab>=4.4,<5` in pyproject.toml.
LABS = {"oldest": "jupyterlab==4.4.*", "newest": "jupyterlab>=4.4,<5"}
ACTIVE = (
    "() => window.jupyterapp && window.jupyterapp.restored.then(() =>"
    " window.jupyterapp.allPluginsActivated).then(() => window.jupyterapp.listPlugins()"
    ".filter(id => id.startsWith('nbprod:'))"
    ".map(id => [id, window.jupyterapp.isPluginActivated(id)]))"
)


@contextlib.contextmanager
def lab(python: Path, home: Path) -> Iterator[str]:
    """JupyterLab of an environment on loopback; its address with the token."""
    port, token = free_port(), secrets.token_hex(16)
    command = [str(python), "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command += [
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--ServerApp.root_dir={home}",
    ]
    command += [f"--IdentityProvider.token={token}", "--LabApp.expose_app_in_browser=True"]
    log = home / "lab.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            command, env=wheels.without_node(python, home), stdout=output, stderr=output
        )
    try:
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 120
        while True:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{url}/nbprod/api/status?token={token}", timeout=5).read()
                break
            time.sleep(0.3)
        yield f"{url}/lab?token={token}"
    finally:
        os.kill(process.pid, signal.SIGTERM)
        process.wait(30)


@pytest.mark.parametrize("which", LABS)
def test_both_ends_of_the_range_run_an_installed_wheel(tmp_path: Path, which: str) -> None:
    """Everything from the registry but Node: OK in the list, every plugin active in a browser."""
    wheel = wheels.build_wheel(tmp_path / "wheel")
    python = wheels.environment(tmp_path / "venv", shares=False)
    quiet = ["--quiet", "--disable-pip-version-check"]
    wheels.pip(python, "install", *quiet, LABS[which], f"nbprod[lab] @ {wheel.as_uri()}")
    home = tmp_path / "home"
    told = wheels.run(python, home, "-m", "jupyter", "labextension", "list")
    told = re.sub(r"\x1b\[\d+m", "", told)
    assert re.search(r"nbprod v\S+ enabled +OK", told), told
    with lab(python, home) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(**chromium())
        page = browser.new_page()
        page.goto(address)
        page.wait_for_function("() => window.jupyterapp")
        plugins = dict(page.evaluate(ACTIVE))
        browser.close()
    assert plugins
    assert all(plugins.values()), plugins
