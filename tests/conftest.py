"""Fixtures that several rooms of tests share: one walked project, copied where it is altered."""

from __future__ import annotations

import fcntl
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import postgres
import pytest
from command import nbprod

from nbprod.imports import leave_out_slow_imports

# A shell that starts the tests in the background lets them ignore Ctrl-C, and with them all that they
# start; some of that is to end on it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
leave_out_slow_imports()  # two seconds of every worker, which imports nbformat for its tests
TESTS = Path(__file__).parent
# Where tests start engines; `.ci/tests` gives these rooms a run of their own.
_ENGINES = ("engines", "lab", "soak", "benchmarks")

# What takes longest begins first, so that no worker is left alone with it at the end.
_BEGIN = ("recipes", "unit/parity", "doors", "unit/gates", "property")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first; a file's tests stay together, for they share what they set up."""
    for item in items:
        room = item.path.relative_to(TESTS).parts[0]
        starts_one = item.get_closest_marker("engine") is not None
        if starts_one and room not in (*_ENGINES, "recipes"):
            raise pytest.UsageError(f"{item.nodeid} starts an engine: it belongs in tests/engines")
        if room in ("engines", "lab") and not starts_one:
            raise pytest.UsageError(f"{item.nodeid} lacks the marker `engine`: nothing runs it")

    def place(item: pytest.Item) -> int:
        path = item.path.relative_to(TESTS).as_posix()
        return next((n for n, room in enumerate(_BEGIN) if path.startswith(room)), len(_BEGIN))

    items.sort(key=place)


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
