"""The library lock of a run: every installed distribution, and which of them it can reach.

A line is ``name==version``, as pip reads it, with what else is known as its comment: a digest of
the installed files, and ``needed`` where nbprod or the module asks for the distribution, directly
or through others.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

OURS = "nbprod"
_LINE = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>\S+)(?:\s+#\s*(?P<notes>.*))?$")
_NEEDED = "needed"
_DIGEST = "files:"
_DIGEST_LENGTH = 32


@dataclass(frozen=True)
class Library:
    """One distribution; ``files`` is a digest of what it installed, "" where it is not known."""

    name: str
    version: str
    files: str = ""
    needed: bool = False

    @property
    def key(self) -> str:
        """The name as package indexes compare it."""
        return normalised(self.name)

    def line(self) -> str:
        """The library's line in a lock."""
        notes = [_DIGEST + self.files] if self.files else []
        notes += [_NEEDED] if self.needed else []
        comment = f"  # {' '.join(notes)}" if notes else ""
        return f"{self.name}=={self.version}{comment}"


def normalised(name: str) -> str:
    """A distribution's name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def library_lock(roots: Iterable[str] = ()) -> str:
    """The installed distributions, one a line, sorted.

    roots: distributions the module imports; they, nbprod's own requirements and all that these
    require are marked as needed.
    """
    installed: dict[str, metadata.Distribution] = {}
    for item in metadata.distributions():  # the first one on the path is the one that is imported
        name = item.metadata["Name"]
        if name:
            installed.setdefault(normalised(name), item)
    # nbprod run from its sources says nothing of what it requires: then all of it may be needed
    needed = _reached([OURS, *roots], installed) if OURS in installed else set(installed)
    libraries = (
        Library(item.metadata["Name"], item.version, _files_digest(item), key in needed)
        for key, item in installed.items()
    )
    return "\n".join(sorted((item.line() for item in libraries), key=str.lower)) + "\n"


def read_lock(text: str) -> dict[str, Library]:
    """Normalised name -> library, from the text of a lock; other lines are passed over."""
    found = {}
    for line in text.splitlines():
        match = _LINE.match(line.strip())
        if match:
            notes = (match["notes"] or "").split()
            files = next((n.removeprefix(_DIGEST) for n in notes if n.startswith(_DIGEST)), "")
            library = Library(match["name"], match["version"], files, _NEEDED in notes)
            found[library.key] = library
    return found


def needed_libraries(lock: Mapping[str, Library]) -> dict[str, Library]:
    """What a run under this lock can reach, without nbprod; all of it where nothing is marked."""
    marked = {key: item for key, item in lock.items() if item.needed}
    return {key: item for key, item in (marked or dict(lock)).items() if key != OURS}


def compare_libraries(locked: Mapping[str, Library], present: Mapping[str, Library]) -> list[str]:
    """How the present libraries differ from those of a lock that a run can reach, each as a text.

    Files are compared where both sides know them.
    """
    differences = []
    for key, then in sorted(needed_libraries(locked).items()):
        now = present.get(key)
        if now is None:
            differences.append(f"{then.name} {then.version} is not installed")
        elif now.version != then.version:
            differences.append(f"{then.name} is {now.version}, it was {then.version}")
        elif now.files and then.files and now.files != then.files:
            differences.append(f"{then.name} {then.version} has other files than it had")
    return differences


def _reached(roots: Iterable[str], installed: Mapping[str, Any]) -> set[str]:
    """The roots, and every installed distribution that they require, themselves or in turn."""
    from packaging.requirements import InvalidRequirement, Requirement

    pending: list[tuple[str, frozenset[str]]] = [(normalised(r), frozenset()) for r in roots]
    seen: set[tuple[str, frozenset[str]]] = set()
    while pending:
        place = pending.pop()
        if place in seen or place[0] not in installed:
            continue
        seen.add(place)
        for text in installed[place[0]].requires or ():
            try:
                wanted = Requirement(text)
            except InvalidRequirement:
                continue  # an old distribution's own notation: pip could not follow it either
            extras = place[1] or {""}
            if wanted.marker and not any(wanted.marker.evaluate({"extra": e}) for e in extras):
                continue
            pending.append((normalised(wanted.name), frozenset(wanted.extras)))
    return {name for name, _ in seen}


def _files_digest(item: metadata.Distribution) -> str:
    """A digest of what a distribution installed, the same on every machine; "" if not recorded.

    From its RECORD: paths and hashes of its files, without what the installer makes (scripts
    with the interpreter's path in them, bytecode, notes about the installation).
    """
    record = item.read_text("RECORD")
    if not record:
        return ""
    lines = [
        line.rpartition(",")[0]
        for line in record.splitlines()
        if not line.startswith(("../", "/")) and ".pyc," not in line and ".dist-info/" not in line
    ]
    hashed = [line for line in lines if "sha256=" in line]
    if not hashed:
        return ""  # an editable installation: its files lie elsewhere
    return hashlib.sha256("\n".join(sorted(hashed)).encode()).hexdigest()[:_DIGEST_LENGTH]
