"""The project itself: its place, its settings, its scaffold, its demonstration."""

from __future__ import annotations

from dataclasses import dataclass

from nbprod.records.plain import Json, Plain
from nbprod.records.record import Judgement, Record


@dataclass(frozen=True, kw_only=True)
class Diagnosis(Judgement):
    """What is installed, reachable and missing, each with the fix: `nbprod doctor`."""

    items: tuple[dict[str, str], ...] = ()  # name, state (ok | missing | wrong), detail, fix


@dataclass(frozen=True, kw_only=True)
class Configuration(Record):
    """Every value of the settings and where it came from: `nbprod config show`."""

    values: tuple[Json, ...] = ()  # key, value, origin


@dataclass(frozen=True, kw_only=True)
class Scaffold(Record):
    """What `nbprod init` wrote, and the role it proposes for each cell."""

    path: str
    files: tuple[str, ...] = ()
    proposals: tuple[dict[str, str], ...] = ()  # cell (its number), cell_id, role, reason


@dataclass(frozen=True, kw_only=True)
class DemoStep(Plain):
    """One line of the demo's timeline; times in seconds since its start."""

    name: str
    start_s: float
    duration_s: float
    result: str  # one line: what came of it
    record_id: str = ""


@dataclass(frozen=True, kw_only=True)
class Demonstration(Judgement):
    """The whole road walked once: `nbprod demo`."""

    folder: str
    report: str  # path of the HTML report
    steps: tuple[DemoStep, ...] = ()
    requests: int = 0
    failed_requests: int = 0  # over the whole demo, but for those within the kill's recovery
    failed_at_kill: int = (
        0  # requests that were inside the killed replica, and until it was noticed
    )
    acknowledged: int = 0  # predictions whose id a caller was given
    missing_from_log: int = 0
    refused_rows: int = 0  # broken rows that got a 422 naming the field
    rollback_ms: float = 0.0  # from the call to the acknowledgement
    late_answers: int = 0  # answers of the bad release sent after the acknowledgement
