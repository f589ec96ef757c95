"""What is left out before a heavy dependency is imported: parts that cost seconds and serve nobody.

``jsonschema`` imports ``rfc3987_syntax`` wherever JupyterLab has installed it, and that package
parses a grammar when it is imported: more than two seconds for every process that imports Ray,
nbformat or papermill, so that one format nobody here uses, "iri", could be checked.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_LEFT_OUT = ("rfc3987_syntax",)


def leave_out_slow_imports() -> None:
    """Make importing those parts fail in this process, as if they were not installed."""
    for name in _LEFT_OUT:
        # None is Python's own word for "cannot be imported".
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]


def write_left_out(folder: Path) -> Path:
    """Write modules that fail on import to a folder, for the ``PYTHONPATH`` of other processes."""
    folder.mkdir()
    for name in _LEFT_OUT:
        text = 'raise ImportError("left out by nbprod: it takes seconds to import")\n'
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    return folder
