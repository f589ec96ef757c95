"""What the texts of CSV mean under a contract: the one reading that serving and parity share."""

from __future__ import annotations

from typing import Any


def typed(text: str, kind: str) -> Any:
    """The value a cell of CSV stands for in a column of this dtype; empty is null."""
    if text == "":
        return None
    if kind == "bool":
        return {"true": True, "false": False}.get(text.lower(), text)
    if kind in ("int", "float"):
        try:
            if "_" not in text:  # a number's in Python's own texts only
                return int(text) if kind == "int" else float(text)
        except ValueError:
            return text  # the contract names it
    return text
