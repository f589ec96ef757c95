"""One real Jupyter server for the tests of this room, and small projects under its root."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from jupyter_rest import Server, jupyter
from server_projects import LOAD, SLOW, TOML, write_project


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server over two projects, a folder outside every project, and what lies outside itself."""
    base = tmp_path_factory.mktemp("lab")
    root, outside = base / "root", base / "outside"
    for folder in (root / "one", root / "two" / "deeper", root / "none", outside):
        folder.mkdir(parents=True)
    for folder in (root / "one", root / "two", outside):
        (folder / "nbprod.toml").write_text(TOML)
    (root / "link").symlink_to(outside)
    (root / "two" / "nbprod-link.ipynb").symlink_to(outside / "nbprod.toml")
    write_project(root / "quick")
    write_project(root / "slow", data=f"{SLOW}{LOAD}")
    with jupyter(root, "--NbprodExtension.max_waiting=3") as running:
        yield running
