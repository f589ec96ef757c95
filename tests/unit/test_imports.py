"""Parts of heavy dependencies that are left out cost nothing and break nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from nbprod.imports import write_left_out

if TYPE_CHECKING:
    from pathlib import Path

CHECK = """
import sys
import jsonschema
import nbformat
assert not hasattr(sys.modules.get("rfc3987_syntax"), "is_valid_syntax")
jsonschema.validate({"a": "2013-01-01"}, {"properties": {"a": {"format": "date"}}})
nbformat.validate(nbformat.v4.new_notebook())
"""


def _python(code: str, **environ: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, **environ})


def test_this_process_validates_without_them() -> None:
    """What needs jsonschema works where the part was never imported."""
    _python("from nbprod.imports import leave_out_slow_imports as leave\nleave()\n" + CHECK)


def test_other_processes_find_a_stand_in_that_fails(tmp_path: Path) -> None:
    """Through PYTHONPATH the same holds for processes that others start."""
    _python(CHECK, PYTHONPATH=str(write_left_out(tmp_path / "left-out")))
