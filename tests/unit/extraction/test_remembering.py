"""A module is kept for the next process: where no cell has changed, little is left to do."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nbprod.extraction import extract, module
from nbprod.extraction.remembering import Module, keep, key_of, remembered
from nbprod.records import Extraction

NOTEBOOK = """\
# %% [markdown]
# # Told by hand

# %% tags=["nbprod:data"]
import pandas as pd
frame = pd.DataFrame({"x": range(9), "late": 0})
frame.head()

# %% tags=["nbprod:features"]
X = frame[["x"]] * 2

# %% tags=["nbprod:train"]
model = float(X["x"].mean() + frame["late"].mean())
"""
# Another process: what it imports tells what it did.
ELSEWHERE = """
import sys
from pathlib import Path
from nbprod.extraction import extract
extract(sys.argv[1], sys.argv[2], label="late", project_path=".", cache_path=Path(sys.argv[3]))
print("libcst" in sys.modules)
"""


def told(record: Extraction) -> dict[str, Any]:
    """A record without what is another one each time."""
    return record.to_json() | {"id": "", "created_at": "", "changed": []}


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Counts how often a module is made; nothing is remembered in this process."""
    calls: list[int] = []
    real = module.make_module

    def counted(*args: Any, **kwargs: Any) -> Module:
        calls.append(1)
        return real(*args, **kwargs)

    monkeypatch.setattr(module, "make_module", counted)
    return calls


def test_an_unchanged_notebook_is_not_made_again(tmp_path: Path, made: list[int]) -> None:
    """Same record, same files, also after a hand edit; an edited cell, or another name, is new."""
    notebook, package, cache = tmp_path / "n.py", tmp_path / "package", tmp_path / "cache"
    notebook.write_text(NOTEBOOK)

    def once(name: str = "package") -> Extraction:
        return extract(
            notebook, tmp_path / name, label="late", project_path=tmp_path, cache_path=cache
        )

    first, again = once(), once()
    assert told(first) == told(again)
    assert len(made) == 1
    assert again.changed == ()
    (package / "data.py").unlink()
    assert once().changed == ("data.py",)
    (package / "data.py").write_text("edited = 1\n")
    assert "NBX014" in [item.code for item in once().findings]
    assert len(made) == 1
    once("other")
    notebook.write_text(NOTEBOOK.replace("* 2", "* 3"))
    once("third")
    assert len(made) == 3


def test_what_cannot_be_read_is_made(tmp_path: Path, made: list[int]) -> None:
    """A kept module that was cut off, or a folder that cannot be written, costs time alone."""
    notebook, cache = tmp_path / "n.py", tmp_path / "cache"
    notebook.write_text(NOTEBOOK)
    how: dict[str, Any] = {"label": "late", "project_path": tmp_path}
    first = extract(notebook, tmp_path / "package", **how, cache_path=cache)
    (kept,) = cache.iterdir()
    kept.write_text(kept.read_text()[:-9])
    assert told(extract(notebook, tmp_path / "package", **how, cache_path=cache)) == told(first)
    assert len(made) == 2
    extract(notebook, tmp_path / "package", **how, cache_path=notebook)
    assert len(made) == 3


def test_what_is_kept(tmp_path: Path) -> None:
    """The newest few; and nothing that depends on what is installed, as star imports do."""
    plain = Module({"a.py": "é\n"}, "{}\n", "v", ("data.load",), ("c1",), ())
    for number in range(20):
        keep(tmp_path, key_of(number), plain)
    assert len(list(tmp_path.iterdir())) == 16
    assert remembered(tmp_path, key_of(19)) == plain
    assert remembered(tmp_path, key_of(0)) is None
    from nbprod.extraction.rules import finding

    keep(tmp_path, key_of("star"), dataclasses.replace(plain, findings=(finding("NBX022", "x"),)))
    assert remembered(tmp_path, key_of("star")) is None


def test_another_process_imports_no_parser(tmp_path: Path) -> None:
    """What it saves is most of all what need not be imported."""
    (tmp_path / "n.py").write_text(NOTEBOOK)
    (tmp_path / "cache").mkdir()
    command = [sys.executable, "-c", ELSEWHERE, "n.py", "package", "cache"]
    answers = [
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True).stdout
        for _ in range(2)
    ]
    assert answers == ["True\n", "False\n"]
