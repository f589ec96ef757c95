"""nbprod: from a tagged notebook to a gated, served and watched model.

`Project` is the one object a person holds; the stage verbs are plain functions of values and
can be used without a project. Everything is imported when it is first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# public name -> the room it comes from
_ROOMS = {
    "Project": "nbprod.lifecycle.project",
    "check": "nbprod.gates",
    "check_parity": "nbprod.parity",
    "extract": "nbprod.extraction",
    "inspect_notebook": "nbprod.extraction",
    "load_predictor": "nbprod.gates",
    "NbprodError": "nbprod.errors",
}

__all__ = [
    "NbprodError",
    "Project",
    "__version__",
    "check",
    "check_parity",
    "extract",
    "inspect_notebook",
    "load_predictor",
]

if TYPE_CHECKING:
    from nbprod.errors import NbprodError
    from nbprod.extraction import extract, inspect_notebook
    from nbprod.gates import check, load_predictor
    from nbprod.lifecycle.project import Project
    from nbprod.parity import check_parity


def load_ipython_extension(shell: Any) -> None:
    """``%load_ext nbprod``: gives a notebook ``%nbprod …``, the command line."""
    importlib.import_module("nbprod.cli.magics").register(shell)


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return getattr(importlib.import_module(_ROOMS[name]), name)
    raise AttributeError(f"module 'nbprod' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
