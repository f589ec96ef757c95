"""What an engine is, and where later commands find the one that runs."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from nbprod.errors import ServingError

MARKER = "NBPROD_ENGINE"
FILE = "engine.json"


@dataclass(frozen=True, kw_only=True)
class Engine:
    """A Ray cluster; ``id`` is empty for one that nbprod did not start and never ends."""

    id: str
    address: str  # host:port of its control service
    folder: str = ""  # holds engine.json, the token and the log
    temp_path: str = ""  # this user's alone; short: a Unix socket's path ends at 107 characters
    token_path: str = ""
    pid: int = 0  # of the process that holds the others
    started_at: str = ""
    environment: dict[str, str] = dataclasses.field(default_factory=dict)  # of its processes

    @property
    def local(self) -> bool:
        """Whether nbprod started it, and therefore may end it."""
        return bool(self.id)

    @property
    def ray_path(self) -> str:
        """Where Ray keeps its sessions: it opens its folder to everyone, so that is not ours."""
        return str(Path(self.temp_path, "r"))


def existing_engine(address: str) -> Engine:
    """An existing Ray cluster, which nbprod uses and leaves alone."""
    return Engine(id="", address=address)


def read_engine(folder: str | Path) -> Engine | None:
    """The engine that a folder describes, running or not; None where it describes none."""
    try:
        data = json.loads(Path(folder, FILE).read_text(encoding="utf-8"))
        return Engine(**data)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise ServingError(
            f"{Path(folder, FILE)} cannot be read: {error}",
            hint="remove the file after checking that no engine of this project runs",
        ) from error
