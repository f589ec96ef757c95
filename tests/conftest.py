"""Fixtures that several rooms of tests share: one walked project, copied where it is altered."""

from __future__ import annotations

import collections
import fcntl
import shutil
from collections.abc import Iterator
from pathlib import Path

import postgres
import pytest
from command import nbprod

TESTS = Path(__file__).parent


# What takes longest begins first, so that no worker is left alone with it at the end.
_BEGIN = ("engines", "lab", "recipes", "doors", "property", "unit")
_LARGE = 200  # tests of one file that share nothing costly: any worker takes any of them


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A file's tests share what they set up, so one worker takes the file.

    And one worker alone takes what starts an engine: two clusters side by side would wait for
    each other's cores.
    """
    of_file = collections.Counter(item.path for item in items)
    rooms = {item.path: item.path.relative_to(TESTS).parts[0] for item in items}
    items.sort(key=lambda item: _BEGIN.index(rooms[item.path]) if rooms[item.path] in _BEGIN else 9)
    items.sort(key=lambda item: item.get_closest_marker("engine") is None)
    for item in items:
        if item.get_closest_marker("engine"):
            item.add_marker(pytest.mark.xdist_group("engine"))
        elif of_file[item.path] < _LARGE:
            item.add_marker(pytest.mark.xdist_group(item.path.relative_to(TESTS).as_posix()))


@pytest.fixture(scope="session")
def walked(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The starter project, walked from extract to release at high risk; do not alter it."""
    base = tmp_path_factory.getbasetemp()
    if worker_id != "master":
        base = base.parent  # what all workers of a run share: the first one walks, others wait
    whole, part = base / "walked", base / "walked.part"
    with (base / "walked.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not whole.exists():
            part.mkdir()
            _walk(part / "project")
            part.rename(whole)
    return whole / "project"


def _walk(folder: Path) -> None:
    assert nbprod("init", str(folder), cwd=Path.cwd()).code == 0
    text = (folder / "nbprod.toml").read_text()
    text = text.replace("[notebooks]", 'risk  = "high"\n\n[notebooks]')
    text = text.replace("[gate]", '[gate]\napprovers = ["reviewer@example.com"]')
    (folder / "nbprod.toml").write_text(text)
    approve = ["approve", "--reason", "looked at it", "--by", "reviewer@example.com"]
    for verb in (["extract"], ["parity"], ["train"], ["gate"], approve, ["release"]):
        result = nbprod(*verb, cwd=folder)
        assert result.code == 0, f"{verb}: {result.out}\n{result.err}"


@pytest.fixture
def copy(walked: Path, tmp_path: Path) -> Path:
    """A copy of the walked project, to be altered."""
    target = tmp_path / "project"
    shutil.copytree(walked, target)
    for path in (target / ".nbprod" / "releases").rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)  # a release is read-only
    return target


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[postgres.Cluster]:
    """A real PostgreSQL on loopback, started once a run; see `postgres_url`."""
    with postgres.cluster() as cluster:
        yield cluster


@pytest.fixture
def postgres_url(postgres_cluster: postgres.Cluster) -> str:
    """The URL of an empty database of its own in the run's PostgreSQL."""
    return postgres_cluster.new_database()
