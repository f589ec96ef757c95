"""The only floor that joins stages, and the only one that writes records.

What `Project` calls is imported when it is first asked for: a command uses few of these files.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbprod.lifecycle import (
        delivery,
        gating,
        loop,
        production_parity,
        promotion,
        reproduction,
        rollouts,
        verdicts,
        workbench,
    )

__all__ = [
    "delivery",
    "gating",
    "loop",
    "production_parity",
    "promotion",
    "reproduction",
    "rollouts",
    "verdicts",
    "workbench",
]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
