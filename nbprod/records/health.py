"""Service, data and quality over a window, and who was told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from nbprod.records.plain import Plain, utc_now
from nbprod.records.record import Judgement, Record

_TOO_FEW = "NBM008"  # the finding of a release whose rows were too few to judge drift


@dataclass(frozen=True, kw_only=True)
class ColumnDrift(Plain):
    """How far one column moved from the reference profile."""

    column: str
    part: Literal["input", "features", "output"]
    distance: float  # population stability index
    threshold: float
    drifted: bool
    reference_rows: int
    rows: int
    # bin or category -> share, in [0, 1]; reference and window over the same bins
    reference: dict[str, float] = field(default_factory=dict)
    window: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class DriftReport(Judgement):
    """Columns compared with the reference profile over one window, [start, end) in UTC."""

    deployment: str
    release: str
    start: str
    end: str
    rows: int
    columns: tuple[ColumnDrift, ...] = ()

    @property
    def unjudged(self) -> str:
        """Why nothing was judged, such as "too few rows: 12 of 100 needed"; else ""."""
        few = next((found.details for found in self.findings if found.code == _TOO_FEW), None)
        if few is None:
            return ""
        counted = f": {few['rows']:,} of {few['needed']:,} needed" if "needed" in few else ""
        return f"too few rows{counted}"


@dataclass(frozen=True, kw_only=True)
class Alert(Plain):
    """A finding sent to the named owner."""

    code: str
    message: str
    owner: str
    at: str = field(default_factory=utc_now)
    sent_to: tuple[str, ...] = ()
    id: str = ""  # by which it is acknowledged; "" in records of before


@dataclass(frozen=True, kw_only=True)
class Acknowledgement(Record):
    """Somebody has seen an alert: `nbprod ack`."""

    alert_id: str
    code: str  # of the alert
    by: str
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Health(Judgement):
    """The three layers over one window: service, data, and quality where labels came."""

    deployment: str
    start: str
    end: str
    requests: int
    errors: int
    latency_p50_ms: float | None = None
    latency_p99_ms: float | None = None
    degraded: int = 0
    damaged_records: int = 0
    predictions_by_release: dict[str, int] = field(default_factory=dict)
    labelled: int = 0
    quality: dict[str, float] = field(default_factory=dict)
    drift: tuple[DriftReport, ...] = ()
    alerts: tuple[Alert, ...] = ()

    @property
    def unjudged(self) -> str:
        """Why a window that passed was not judged by its data; "" where it was, or failed."""
        if not self.passed or any(not report.unjudged for report in self.drift):
            return ""
        if not self.requests:
            return "no request in the window"
        most = max(self.drift, key=lambda report: report.rows, default=None)
        return most.unjudged if most else "no reference profile"
