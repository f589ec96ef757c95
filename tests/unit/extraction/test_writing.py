"""The package on disk: never half written, never overwritten unseen."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nbprod.errors import ExtractionError, StoreError
from nbprod.extraction import extract
from nbprod.extraction.writing import difference, recover, write_package

CELLS = [
    ("", "import pandas as pd"),
    ("parameters", "size = 4"),
    ("data", "frame = pd.DataFrame({'x': range(size), 'late': 0})"),
    ("features", "X = frame[['x']] * 2"),
    ("train", "model = X.mean()"),
    ("predict", "predictions = pd.DataFrame({'late': X['x'] > model['x']}, index=X.index)"),
]
Carry = Callable[..., Any]


def snapshot(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_second_extraction_changes_nothing(carry: Carry) -> None:
    """Extracting the same notebook again writes no byte and says so."""
    first = carry(CELLS, package="same")
    times = {path: path.stat().st_mtime_ns for path in first.package.rglob("*.py")}
    second = carry(CELLS, package="same")
    assert first.record.changed
    assert second.record.changed == ()
    assert times == {path: path.stat().st_mtime_ns for path in first.package.rglob("*.py")}


def test_check_names_the_cell(carry: Carry) -> None:
    """Where the notebook changed, the diff says which cell; the manifest is not shown beside it."""
    carried = carry(CELLS, package="named")
    cells = [*CELLS[:3], ("features", "X = frame[['x']] * 3"), *CELLS[4:]]
    folder = carried.package.parent
    notebook = _rewrite(carried.notebook, cells)
    record = extract(notebook, carried.package, label="late", project_path=folder, check=True)
    heads = [line for line in record.diff.splitlines() if line.startswith("@@")]
    assert heads[-1].endswith("@@ cell c4, line 1")
    assert "nbprod.json" in record.changed
    assert "nbprod.json" not in record.diff


def test_check_writes_nothing(carry: Carry) -> None:
    """`check` tells what differs, with a diff, and leaves the disk alone."""
    fresh = carry(CELLS, package="checked", check=True)
    assert "features.py" in fresh.record.changed
    assert not fresh.package.exists()
    carried = carry(CELLS, package="checked")
    assert carry(CELLS, package="checked", check=True).record.changed == ()
    before = snapshot(carried.package)
    other = [*CELLS[:3], ("features", "X = frame[['x']] * 3"), *CELLS[4:]]
    record = carry(other, package="checked", check=True).record
    assert "features.py" in record.changed
    assert "-    X = frame[['x']] * 2\n+    X = frame[['x']] * 3\n" in record.diff
    assert snapshot(carried.package) == before


def test_hand_edited_module_is_not_overwritten(carry: Carry) -> None:
    """An edited file stops extraction with the difference and the name of `nbprod sync`."""
    carried = carry(CELLS, package="edited")
    features = carried.package / "features.py"
    features.write_text(features.read_text().replace("* 2", "* 5"))
    before = snapshot(carried.package)
    record = carry(CELLS, package="edited").record
    found = next(item for item in record.findings if item.code == "NBX014")
    assert found.severity == "error"
    assert "nbprod sync" in found.hint
    assert "* 5" in record.diff
    assert "* 2" in record.diff
    assert record.changed == ()
    assert snapshot(carried.package) == before
    forced = carry(CELLS, package="edited", force=True).record
    assert not any(item.code == "NBX014" for item in forced.findings)
    assert "* 2" in features.read_text()


def test_edit_that_the_notebook_has_too(carry: Carry) -> None:
    """When the cell was given the very same edit, there is nothing to ask."""
    carried = carry(CELLS, package="agreed")
    other = [*CELLS[:3], ("features", "X = frame[['x']] * 3"), *CELLS[4:]]
    wanted = carry(other, package="elsewhere")
    (carried.package / "features.py").write_bytes((wanted.package / "features.py").read_bytes())
    record = carry(other, package="agreed").record
    assert not any(item.code == "NBX014" for item in record.findings)


def test_stranger_in_the_way(carry: Carry, tmp_path: Path) -> None:
    """A file that extraction did not write is not overwritten either; an inferred one stays."""
    folder = tmp_path / "strange"
    folder.mkdir()
    (folder / "features.py").write_text("mine = 1\n")
    (folder / "schemas.py").write_text("# inferred\n")
    record = carry(CELLS, package="strange").record
    assert any(item.code == "NBX014" for item in record.findings)
    assert snapshot(folder) == {"features.py": b"mine = 1\n", "schemas.py": b"# inferred\n"}
    (folder / "features.py").unlink()
    carry(CELLS, package="strange")
    assert (folder / "schemas.py").read_text() == "# inferred\n"


def test_stale_files_go(carry: Carry) -> None:
    """Files of an older extraction that have no cell any more are removed; others stay."""
    more = [*CELLS, ("lib", "K = 1"), ("test", "def test_k():\n    assert K == 1")]
    carried = carry(more, package="stale")
    (carried.package / "notes.txt").write_text("mine")
    assert (carried.package / "tests" / "test_lib.py").exists()
    record = carry(CELLS, package="stale").record
    assert {"lib.py", "tests/test_lib.py", "tests/__init__.py"} <= set(record.changed)
    assert not (carried.package / "lib.py").exists()
    assert not (carried.package / "tests").exists()
    assert (carried.package / "notes.txt").exists()


def test_failing_disk_leaves_the_old_module(carry: Carry, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever rename fails, every file is as it was, and nothing is left lying about."""
    carried = carry(CELLS, package="disk")
    other = [("", "import pandas as pd"), ("parameters", "size = 5"), *CELLS[2:]]
    other[3] = ("features", "X = frame[['x']] * 3")
    before, real = snapshot(carried.package), os.replace
    for fails_at in range(3):
        calls = iter(range(100))

        def replace(source: Any, target: Any) -> None:
            if str(source).endswith("-new") and next(calls) == fails_at:
                raise OSError(28, "No space left on device", str(target))
            real(source, target)

        monkeypatch.setattr("nbprod.extraction.writing.os.replace", replace)
        with pytest.raises(StoreError, match="No space left"):
            extract(
                _rewrite(carried.notebook, other),
                carried.package,
                label="late",
                project_path=carried.package.parent,
            )
        monkeypatch.setattr("nbprod.extraction.writing.os.replace", real)
        assert snapshot(carried.package) == before


KILLED = """
import os, signal, sys
from nbprod.extraction import writing
function, number = sys.argv[1], int(sys.argv[2])
real, calls = getattr(os, function), iter(range(100))

def dies(*arguments):
    if next(calls) == number:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*arguments)

setattr(writing.os, function, dies)
from pathlib import Path
folder = Path(sys.argv[3])
new = {"a.py": "a = 2\\n", "tests/test_b.py": "b = 2\\n", "nbprod.json": "2"}
writing.write_package(folder, new, ["stale.py"], last="nbprod.json")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="a signal that cannot be caught")
@pytest.mark.parametrize("function", ["fsync", "link", "replace", "unlink"])
def test_a_killed_writer_leaves_one_of_both_modules(tmp_path: Path, function: str) -> None:
    """Wherever SIGKILL hits, the next command finds the old module or the new one, and no rest."""
    old = {"a.py": "a = 1\n", "tests/test_b.py": "b = 1\n", "stale.py": "", "nbprod.json": "1"}
    new = {"a.py": "a = 2\n", "tests/test_b.py": "b = 2\n", "nbprod.json": "2"}
    seen = []
    for number in range(6):
        package = tmp_path / f"{function}{number}"
        write_package(package, old, [], last="nbprod.json")
        command = [sys.executable, "-c", KILLED, function, str(number), str(package)]
        code = subprocess.run(command, check=False).returncode
        recover(package, "nbprod.json")
        found = {name: text.decode() for name, text in snapshot(package).items()}
        assert found in (old, new)
        seen.append((code, found == new))
    assert (-signal.SIGKILL, function == "unlink") in seen
    assert not any(is_new for code, is_new in seen if code and function != "unlink")


def test_nobody_is_disturbed_while_writing(tmp_path: Path) -> None:
    """Files of a writer that is still there are left to it."""
    fcntl = pytest.importorskip("fcntl")
    write_package(tmp_path, {"a.py": "x = 1\n"}, [], last="a.py")
    (tmp_path / "a.py.nbprod-new").write_text("x = 2\n")
    handle = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    recover(tmp_path, "a.py")
    assert (tmp_path / "a.py.nbprod-new").exists()
    os.close(handle)
    recover(tmp_path, "a.py")
    assert sorted(item.name for item in tmp_path.iterdir()) == ["a.py"]


def _rewrite(notebook: Path, cells: list[tuple[str, str]]) -> Path:
    import json

    content = json.loads(notebook.read_text())
    for cell, (_, source) in zip(content["cells"], cells, strict=True):
        cell["source"] = source
    notebook.write_text(json.dumps(content))
    return notebook


def test_difference_of_a_new_file() -> None:
    """A file that is new, or gone, is a diff against nothing."""
    assert "+++ package/b.py" in difference({}, {"b.py": "x = 1\n"}, "package")
    assert "+++ /dev/null" in difference({"b.py": "x = 1"}, {}, "package")
    assert difference({"a.py": "x"}, {"a.py": "x"}, "package") == ""


def test_difference_names_the_cells() -> None:
    """Each hunk is headed by the cells behind it; deleted lines by those around them."""
    old = {"a.py": "".join(f"x{n} = {n}\n" for n in range(1, 30))}
    new = {"a.py": old["a.py"].replace("x3 = 3", "x3 = 4").replace("x20 = 20\n", "")}
    origins = {"a.py": {3: ("c1", 7), 19: ("c2", 1), 20: ("c3", 1)}}
    told = [line for line in difference(old, new, "package", origins).splitlines() if "@@" in line]
    assert told == [
        "@@ -1,6 +1,6 @@ cell c1, line 7",
        "@@ -17,7 +17,6 @@ cell c2, line 1; cell c3, line 1",
    ]


def test_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """A file where the package should be is an error, not a traceback of ours."""
    (tmp_path / "package").write_text("not a folder")
    with pytest.raises(StoreError, match="package"):
        write_package(tmp_path / "package", {"a.py": "x = 1\n"}, [], last="a.py")


def test_writers_wait_for_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second writer waits for the first; one that never ends is named after a while."""
    fcntl = pytest.importorskip("fcntl")
    package = tmp_path / "package"
    write_package(package, {"a.py": "x = 1\n"}, [], last="a.py")
    handle = os.open(package, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    monkeypatch.setattr("nbprod.extraction.writing._WAIT_S", 0)
    with pytest.raises(StoreError, match="another process"):
        write_package(package, {"a.py": "x = 2\n"}, [], last="a.py")
    assert (package / "a.py").read_text() == "x = 1\n"
    os.close(handle)
    write_package(package, {"a.py": "x = 2\n"}, [], last="a.py", seen={"a.py": "x = 1\n"})
    # somebody wrote the same meanwhile: no harm; something else: told
    write_package(package, {"a.py": "x = 2\n"}, [], last="a.py", seen={"a.py": "x = 1\n"})
    with pytest.raises(ExtractionError, match="somebody else"):
        write_package(package, {"a.py": "x = 3\n"}, [], last="a.py", seen={"a.py": "x = 1\n"})
    assert sorted(item.name for item in package.iterdir()) == ["a.py"]
