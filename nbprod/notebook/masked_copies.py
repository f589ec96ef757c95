"""The executed copy of a notebook, kept with every secret masked: sources, outputs, metadata."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from nbprod.masking import mask_values

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

# Plots and such: no text, and long.
_NO_TEXT = ("image/png", "image/jpeg", "image/gif", "application/pdf", "video/", "audio/")


def keep_masked(executed: Path, target: Path, secrets: Collection[str]) -> None:
    """Writes an executed notebook to where it is kept; it appears there whole, and masked.

    secrets: values that are secret, beyond what looks like it.
    """
    node = json.loads(executed.read_text(encoding="utf-8"))
    aside = target.with_name(f".{target.name}.part")
    try:
        aside.write_text(
            json.dumps(_masked(node, secrets), indent=1, ensure_ascii=False) + "\n",
            encoding="utf-8",
        )
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)


def _masked(value: Any, secrets: Collection[str]) -> Any:
    if isinstance(value, dict):
        return {
            name: item
            if name.startswith(_NO_TEXT)
            else mask_values({name: item}, known=secrets)[name]
            if isinstance(item, str)
            else _masked(item, secrets)
            for name, item in value.items()
        }
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        # nbformat's lines of one text: a key's block runs over several of them
        text = "".join(value)
        masked: str = mask_values(text, known=secrets)
        return value if masked == text else masked.splitlines(keepends=True)
    if isinstance(value, list):
        return [_masked(item, secrets) for item in value]
    return mask_values(value, known=secrets)
