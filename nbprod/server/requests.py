"""One request as the operations see it, and what they work with; nothing heavy is imported here."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Any

from nbprod.server import paths
from nbprod.server.problems import RefusedError

if TYPE_CHECKING:
    from pathlib import Path

    from nbprod.server.jobs import Jobs
    from nbprod.server.worker import Worker

BASE = "nbprod/api"


@dataclass(frozen=True)
class Services:
    """What the extension holds for every request."""

    root: Path
    jobs: Jobs
    desk: Worker  # records, predictions, deployments
    editor: Worker  # notebooks while they are edited: never behind a slow question

    def warm_up(self) -> None:
        """Let the desks import what they need, once: who asks for the status has a page already."""
        for worker, after_s in ((self.editor, 0.3), (self.desk, 0.6)):
            worker.warm_up(after_s)


@dataclass(frozen=True)
class Call:
    """One request that was let in."""

    services: Services
    path: dict[str, str]  # what the route's {names} stood for
    query: dict[str, str]
    body: Any  # of the route's schema, checked
    user: str

    def folder(self) -> Path:
        """The folder of the project that ?project= names; the root's by default."""
        return paths.project_folder(self.services.root, self.query.get("project", ""))

    async def ask(self, question: str, **arguments: Any) -> Any:
        """A question about the project, at the desk."""
        return await self.services.desk.ask(question, str(self.folder()), **arguments)

    def number(self, name: str, default: int, most: int) -> int:
        """A whole number of the query, from 0 to the most that is given."""
        text = self.query.get(name, str(default))
        if not text.isdecimal():
            raise RefusedError(422, f"{name} is {text!r}", hint="a whole number, not below 0")
        return min(int(text), most)


def plain(value: Any) -> Any:
    """A value as plain data: records as they go to disk, other shapes field by field."""
    if hasattr(value, "to_json"):
        return value.to_json()
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, dict):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value
