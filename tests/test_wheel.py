"""The built wheel in another environment: JupyterLab finds both halves, and nobody needs Node."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import pytest
import wheels

LIST = ("-c", "from jupyterlab.labextensions import main; main()", "list")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    return wheels.build_wheel(tmp_path_factory.mktemp("wheel"))


def test_jupyterlab_finds_the_front_end_and_the_server_extension_of_an_installed_wheel(
    wheel: Path, tmp_path: Path
) -> None:
    """With no Node on the path: `labextension list` says OK, the server extension is on and valid."""
    python = wheels.environment(tmp_path / "venv", shares=True)
    options = ["--quiet", "--no-deps", "--no-index", "--disable-pip-version-check"]
    wheels.pip(python, "install", *options, str(wheel))
    home = tmp_path / "home"
    told = re.sub(r"\x1b\[\d+m", "", wheels.run(python, home, *LIST))
    assert re.search(r"nbprod v\S+ enabled +OK +\(python, nbprod\)", told), told
    told = re.sub(
        r"\x1b\[\d+m", "", wheels.run(python, home, "-m", "jupyter_server", "extension", "list")
    )
    assert re.search(r"nbprod\.server +enabled", told), told
    assert re.search(r"nbprod\.server +OK", told), told
    assert str(tmp_path) in wheels.run(python, home, "-c", "import nbprod; print(nbprod.__file__)")


def test_the_wheel_holds_what_is_used_and_nothing_to_build_with(wheel: Path) -> None:
    """Front end, its settings, the OpenAPI document, recipes; no sources of the front end."""
    names = zipfile.ZipFile(wheel).namelist()
    shared = [name for name in names if "/data/share/jupyter/labextensions/nbprod/" in name]
    assert any(name.endswith("/package.json") for name in shared)
    assert any("/static/remoteEntry." in name for name in shared)
    assert any("/schemas/nbprod/" in name for name in shared)
    assert "nbprod/server/openapi.json" in names
    assert [n for n in names if n.endswith((".ts", ".tsx")) or "node_modules" in n] == []
    assert [name for name in names if name.startswith("nbprod/labextension/")] == []
