"""A real JupyterLab with the built extension, and a real Chromium that works in it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from browser import chromium
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from nbprod.engine import free_port

ROOT = Path(__file__).parents[2]
BUILT = ROOT / "nbprod" / "labextension"
AXE = ROOT / "extensions" / "node_modules" / "axe-core" / "axe.min.js"
THEMES = ("Dark High Contrast", "Dark", "Light")
MAKE = "`make extension` builds it (Node 20 or newer)"


@dataclass(frozen=True)
class Lab:
    """A JupyterLab: where it answers once it runs, and how it is started."""

    url: str
    token: str
    root: Path  # the folder it shows
    log: Path
    command: tuple[str, ...]
    environ: dict[str, str]

    def address(self, path: str = "", *, workspace: str = "default", reset: bool = True) -> str:
        """The page that opens a file of the root."""
        tree = f"/tree/{path}" if path else ""
        end = "&reset" if reset else ""
        return f"{self.url}lab/workspaces/{workspace}{tree}?token={self.token}{end}"


@contextlib.contextmanager
def jupyterlab(root: Path, home: Path, **options: Any) -> Iterator[Lab]:
    """JupyterLab on loopback over a folder, with its settings in a home of its own."""
    lab = prepared(root, home, **options)
    with running(lab):
        yield lab


def prepared(
    root: Path,
    home: Path,
    *,
    server: bool = True,
    front: bool = True,
    environ: dict[str, str] | None = None,
) -> Lab:
    """A JupyterLab that can be started, and again: at the same address, with the same token.

    server: without it, nbprod's server extension is off. front: without it, the front end is not
    there. environ: what its environment has besides.
    """
    assert (BUILT / "package.json").exists(), f"{BUILT} is missing: {MAKE}"
    home.mkdir(parents=True, exist_ok=True)
    extensions = home / "data" / "labextensions"
    extensions.mkdir(parents=True)
    (extensions / "nbprod").symlink_to(BUILT)
    _settings(home)
    token, port = secrets.token_hex(16), free_port()
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command += [
        f"--ServerApp.root_dir={root}",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
    ]
    command += ["--ServerApp.ip=127.0.0.1", f"--IdentityProvider.token={token}"]
    command += [f"--ServerApp.jpserver_extensions={{'nbprod.server': {server}}}"]
    command += ["--LabApp.expose_app_in_browser=True"]
    if not front:
        command += [f"--LabApp.labextensions_path={_others(home)}"]
    environment = _environment(home) | (environ or {})
    url = f"http://127.0.0.1:{port}/"
    return Lab(url, token, root, home / "lab.log", tuple(command), environment)


@contextlib.contextmanager
def running(lab: Lab) -> Iterator[subprocess.Popen[bytes]]:
    """The process of a JupyterLab that answers; it is ended at the end."""
    with lab.log.open("a") as log:
        process = subprocess.Popen(
            lab.command, cwd=lab.root, env=lab.environ, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        _wait_until_it_answers(lab, process)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:  # a kernel that is just starting holds it up for long
            process.kill()
            process.wait()


def _others(home: Path) -> Path:
    """A folder with the environment's other extensions of Lab."""
    folder = home / "others"
    folder.mkdir()
    for path in (Path(sys.prefix) / "share" / "jupyter" / "labextensions").glob("*"):
        if path.name != "nbprod":
            (folder / path.name).symlink_to(path)
    return folder


def _environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("JUPYTER")}
    return {
        **kept,
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        "PYTHONWARNINGS": "ignore",
    }


def _settings(home: Path) -> None:
    folder = home / "settings" / "@jupyterlab" / "apputils-extension"
    folder.mkdir(parents=True)
    quiet = {"fetchNews": "false", "checkForUpdates": False}
    (folder / "notification.jupyterlab-settings").write_text(json.dumps(quiet))


def _wait_until_it_answers(lab: Lab, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        assert process.poll() is None, f"JupyterLab ended:\n{lab.log.read_text()}"
        with contextlib.suppress(urllib.error.URLError, OSError):
            urllib.request.urlopen(f"{lab.url}api?token={lab.token}", timeout=5).read()
            return
        time.sleep(0.1)
    raise AssertionError(f"JupyterLab does not answer:\n{lab.log.read_text()}")


@contextlib.contextmanager
def browsing() -> Iterator[Browser]:
    """A headless Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**chromium())
        try:
            yield browser
        finally:
            browser.close()


def open_lab(page: Page, lab: Lab, path: str = "", **address: Any) -> Page:
    """Open Lab, on a file where one is named, and wait until every plugin is there."""
    page.goto(lab.address(path, **address))
    page.wait_for_function(
        "() => window.jupyterapp && window.jupyterapp.restored.then(() =>"
        " window.jupyterapp.allPluginsActivated).then(() => true)"
    )
    if path.endswith(".ipynb"):
        # Before its file is there, Lab shows a notebook of one empty cell.
        page.wait_for_function("() => window.jupyterapp.shell.currentWidget?.context?.isReady")
        page.locator(".jp-Notebook .jp-Cell").first.wait_for()
    return page


def command(page: Page, name: str, arguments: dict[str, Any] | None = None) -> None:
    """Execute a command of Lab, as the palette would."""
    page.evaluate(
        "([name, args]) => window.jupyterapp.commands.execute(name, args).then(() => undefined)",
        [name, arguments or {}],
    )


def notebook(sources: list[str], tags: list[list[str]]) -> Any:
    """A Python notebook of code cells with these tags."""
    import nbformat

    made = nbformat.v4.new_notebook()
    made.metadata["kernelspec"] = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    for source, given in zip(sources, tags, strict=True):
        made.cells.append(nbformat.v4.new_code_cell(source))
        if given:
            made.cells[-1].metadata["tags"] = given
    return made


def tags_on_disk(path: Path) -> list[list[str]]:
    """The tags of every cell, as the file has them."""
    import nbformat

    return [cell.metadata.get("tags", []) for cell in nbformat.read(path, 4).cells]


def stage(page: Page, name: str) -> Locator:
    """A stage of the road in the panel."""
    return page.locator(f'.jp-nbprod-stage[data-stage="{name}"]')


def started(page: Page, press: Callable[[], None]) -> str:
    """The id of the job that a press starts."""
    with page.expect_response(
        lambda answer: answer.status == 202 and "/nbprod/api/" in answer.url
    ) as answer:
        press()
    return str(answer.value.json()["id"])


def ended(page: Page, job: str, *, passed: bool = True, timeout: float = 60_000) -> None:
    """Wait until a job has ended, and is shown as done."""
    card = page.locator(f'.jp-nbprod-job[data-id="{job}"]')
    live = re.compile("running|waiting")
    expect(card).not_to_have_attribute("data-state", live, timeout=timeout)
    assert card.get_attribute("data-state") == "done", card.inner_text()
    expect(card.locator(".jp-nbprod-job-state")).to_have_text(
        "done" if passed else "done: not passed"
    )


def in_theme(page: Page, theme: str) -> None:
    """Change to one of Lab's themes, by the end of its name."""
    name = f"JupyterLab {theme}"
    command(page, "apputils:change-theme", {"theme": name})
    page.wait_for_function(
        "name => document.body.dataset.jpThemeName === name"
        " && !document.getElementById('jupyterlab-splash')",
        arg=name,
    )


def violations_in_themes(page: Page, *more: str) -> list[Any]:
    """What axe-core finds in each of Lab's themes; the light one stays."""
    found = []
    for theme in THEMES:
        in_theme(page, theme)
        found += violations(page, *more)
    return found


def without_violations(page: Page, *more: str) -> None:
    """axe-core finds nothing in what nbprod draws, nor in what else is named by a selector."""
    found = violations(page, *more)
    assert found == [], found


def violations(page: Page, *more: str) -> list[Any]:
    """What axe-core finds, each with the elements that it is about."""
    if not page.evaluate("() => 'axe' in window"):
        page.add_script_tag(path=str(AXE))
    found: list[Any] = page.evaluate(
        "names => axe.run({include: names.filter(n => document.querySelector(n)).map(n => [n])})"
        ".then(told => told.violations.map(v => [v.id, v.nodes.map(n => n.html).slice(0, 3)]))",
        [".jp-nbprod-view", ".jp-nbprod-badge", *more],
    )
    return found
