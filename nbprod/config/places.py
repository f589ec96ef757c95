"""Where a setting stands: file, line and key, for messages and for `config show`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

FILE_NAME = "nbprod.toml"


def place(file: Path, origin: str, section: str, key: str) -> str:
    """The place of a value: ``…/nbprod.toml, line 9: [serving] port``, or its other origin."""
    if origin.startswith(FILE_NAME):
        return f"{file}, line {origin.rpartition(':')[2]}: [{section}] {key}"
    return f"{origin}: [{section}] {key}"


def line_of(text: str, section: str, key: str | None) -> int:
    """The 1-based line of a key; of its section where the key stands in another form."""
    inside, section_line = False, 1
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if stripped.startswith("["):
            head = stripped.strip("[]").split("]")[0].strip()
            inside = head == section or head.startswith(f"{section}.")
            if inside:
                section_line = number
                if key is not None and head == f"{section}.{key}":
                    return number
        elif (
            key is not None
            and inside
            and re.match(rf"[\"']?{re.escape(key)}[\"']?\s*[=.]", stripped)
        ) or re.match(rf"{re.escape(section)}(\.{re.escape(key or '')})?\s*=", stripped):
            return number
    return section_line
