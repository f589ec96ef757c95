"""A module as a value, and modules kept for notebooks whose cells have not changed.

Every command is a process of its own: without this an unchanged notebook would be read, followed
and rendered anew each time, only to find that the files on disk are right.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbprod.records import Finding, canonical_json, sha256

_MOST_KEPT = 16


@dataclass(frozen=True)
class Module:
    """A module as it should be on disk."""

    files: dict[str, str]  # path in the package -> text, without the manifest
    manifest: str
    version: str
    entry_points: tuple[str, ...]
    cells: tuple[str, ...]
    findings: tuple[Finding, ...]


def key_of(*told: object) -> str:
    """The digest of what a module depends on, and of the code that makes it."""
    return sha256(canonical_json([_code_digest(), *map(str, told)]))


def remembered(folder: Path, key: str) -> Module | None:
    """The module kept under a key; None where there is none, or it cannot be read whole."""
    path = folder / f"{key}.json"
    try:
        text = path.read_text(encoding="utf-8")
        digest, _, content = text.partition("\n")
        if digest != sha256(content):
            return None
        told: dict[str, Any] = json.loads(content)
    except (OSError, ValueError):
        return None
    with contextlib.suppress(OSError):
        os.utime(path)  # the newest are kept
    lists = {name: tuple(told[name]) for name in ("entry_points", "cells")}
    findings = tuple(Finding.from_json(item) for item in told["findings"])
    return Module(told["files"], told["manifest"], told["version"], **lists, findings=findings)


def keep(folder: Path, key: str, module: Module) -> None:
    """Keep a module; where that cannot be, the next process makes it again.

    Not kept is what depends on more than cells: names that a star import gives.
    """
    if any(item.code == "NBX022" for item in module.findings):
        return
    told = dataclasses.asdict(module) | {"findings": [item.to_json() for item in module.findings]}
    content = json.dumps(told, ensure_ascii=False)
    aside = folder / f".{key}.{os.getpid()}"
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        aside.write_text(f"{sha256(content)}\n{content}", encoding="utf-8")
        aside.replace(folder / f"{key}.json")
        kept = sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
        for path in kept[:-_MOST_KEPT]:
            path.unlink(missing_ok=True)


def _code_digest() -> str:
    """Changes with every file that has a part in extraction, and with Python."""
    room = Path(__file__).parent
    files = sorted([*room.rglob("*.py"), *(room.parent / "notebook").glob("*.py")])
    stats = [path.stat() for path in files]
    told = [(f.name, s.st_size, s.st_mtime_ns) for f, s in zip(files, stats, strict=True)]
    return sha256(repr([sys.version_info[:3], told]))
