"""The project's records by the names they have over REST: listed in short, read whole, as pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbprod.errors import NbprodError, NotFoundError
from nbprod.lifecycle.lineage import FOLDERS
from nbprod.records import (
    Approval,
    DataContract,
    Deployment,
    Extraction,
    GateResult,
    Health,
    Json,
    ParityReport,
    Proof,
    Record,
    Release,
    Reproduction,
    RolloutDecision,
    ShadowReport,
    TrainingRun,
)

if TYPE_CHECKING:
    from pathlib import Path

    from nbprod.lifecycle.project import Project


@dataclass(frozen=True)
class Shelf:
    """Where the records of one kind lie."""

    kind: type[Record]
    folder: str  # under .nbprod/
    pages: bool = False  # each has an HTML report


# name over REST -> its shelf
SHELVES: dict[str, Shelf] = {
    "extractions": Shelf(Extraction, FOLDERS[Extraction]),
    "proofs": Shelf(Proof, FOLDERS[Proof]),
    "parity-reports": Shelf(ParityReport, FOLDERS[ParityReport], pages=True),
    "contracts": Shelf(DataContract, FOLDERS[DataContract]),
    "runs": Shelf(TrainingRun, FOLDERS[TrainingRun], pages=True),
    "gate-results": Shelf(GateResult, FOLDERS[GateResult], pages=True),
    "approvals": Shelf(Approval, FOLDERS[Approval]),
    "releases": Shelf(Release, "release-records"),
    "reproductions": Shelf(Reproduction, FOLDERS[Reproduction]),
    "deployments": Shelf(Deployment, "deployments"),
    "rollout-decisions": Shelf(RolloutDecision, "rollouts"),
    "shadow-reports": Shelf(ShadowReport, "shadow-reports", pages=True),
    "health": Shelf(Health, FOLDERS[Health], pages=True),
}


@dataclass(frozen=True, kw_only=True)
class RecordSummary:
    """A record in one line of a list."""

    id: str  # under which it is asked for
    collection: str
    kind: str  # the record's type: ParityReport
    created_at: str = ""
    passed: bool | None = None  # None where the record does not judge
    summary: str = ""
    report: bool = False  # whether it has an HTML report
    damaged: str = ""  # why it cannot be read, "" when it can


def shelf_of(collection: str) -> Shelf:
    """The shelf of a collection; NotFoundError for an unknown name."""
    if collection not in SHELVES:
        raise NotFoundError(
            f"there is no collection {collection!r}", hint=f"known: {', '.join(SHELVES)}"
        )
    return SHELVES[collection]


def list_records(project: Project, collection: str, *, limit: int = 50) -> list[RecordSummary]:
    """The newest records of a collection in short, newest first; a damaged one says so."""
    ids = sorted(project.store.ids(shelf_of(collection).folder), key=_by_time, reverse=True)
    return [summary_of(project, collection, record_id) for record_id in ids[:limit]]


def latest(project: Project, collection: str) -> RecordSummary | None:
    """The newest record of a collection in short; None where there is none."""
    return next(iter(list_records(project, collection, limit=1)), None)


def _by_time(record_id: str) -> tuple[int, str]:
    """Release versions by their number, ids by their time."""
    return (int(record_id) if record_id.isdigit() and len(record_id) < 12 else 0, record_id)


def load_record(project: Project, collection: str, record_id: str) -> Record:
    """One record, its digest checked; NotFoundError where there is none."""
    shelf = shelf_of(collection)
    if record_id not in project.store.ids(shelf.folder):
        raise NotFoundError(
            f"there is no record {record_id!r} among the {collection}",
            hint="look at the list again: it may belong to another project",
        )
    return project.store.load(shelf.kind, shelf.folder, record_id)


def summary_of(project: Project, collection: str, record_id: str) -> RecordSummary:
    """One record in short."""
    shelf = shelf_of(collection)
    plain: Json = {"id": record_id, "collection": collection, "kind": shelf.kind.__name__}
    try:
        record = project.store.load(shelf.kind, shelf.folder, record_id)
    except NbprodError as error:
        return RecordSummary(**plain, damaged=error.message, summary="not what was written")
    passed = getattr(record, "passed", None)
    if isinstance(record, Approval):
        passed = record.approved
    return RecordSummary(
        **plain,
        created_at=record.created_at,
        passed=passed,
        summary=in_one_line(record),
        report=shelf.pages,
    )


def in_one_line(record: Any) -> str:
    """What came of a record's making, for a list."""
    if isinstance(record, TrainingRun):
        metrics = ", ".join(f"{name} {value:.3g}" for name, value in record.metrics.items())
        return f"candidate {record.candidate.number}" + (f": {metrics}" if metrics else "")
    if isinstance(record, Deployment):
        return f"{record.status}, {record.url}" if record.status == "running" else record.status
    lines = {
        "Extraction": lambda r: f"{len(r.files)} files, version {r.version[:12]}",
        "Proof": lambda r: f"{r.count('same')} of {len(r.values)} values the same",
        "ParityReport": lambda r: f"{r.scope}: {r.rows} rows, {_held(r)} relations hold",
        "DataContract": lambda r: f"{len(r.input)} input columns, {len(r.features)} features",
        "GateResult": lambda r: f"{r.verdict}: {len(r.checks)} checks",
        "Approval": lambda r: f"{'approved' if r.approved else 'rejected'} by {r.by}: {r.reason}",
        "Release": lambda r: f"version {r.version}, {len(r.files)} files hashed",
        "Reproduction": lambda r: f"release {r.release}: {r.verdict}",
        "RolloutDecision": lambda r: f"{r.action}: {r.reason}",
        "ShadowReport": lambda r: f"release {r.release}: {r.pairs} pairs",
        "Health": lambda r: (
            f"{r.requests} requests, {len(r.alerts)} alerts"
            + (f"; not judged: {r.unjudged}" if r.unjudged else "")
        ),
    }
    told = lines.get(type(record).__name__)
    return str(told(record)) if told else ""


def _held(report: ParityReport) -> str:
    checked = [relation for relation in report.relations if relation.checked]
    return f"{sum(relation.passed for relation in checked)} of {len(checked)}"


def report_page(project: Project, collection: str, record_id: str) -> str:
    """The HTML report of a record: one self-contained page without script."""
    from nbprod.reporting.record_page import page_of

    record = load_record(project, collection, record_id)
    kept = _kept_page(project, collection, record_id)
    if kept is not None and _lies_inside(project, kept):
        return kept.read_text(encoding="utf-8")
    return page_of(record)


def kept_review(project: Project, run_id: str) -> str:
    """The page of sample predictions that lies beside a candidate; NotFoundError without one."""
    load_record(project, "runs", run_id)
    page = project.store.root / "reviews" / run_id / "review.html"
    if not _lies_inside(project, page):
        raise NotFoundError(
            "there is no page of sample predictions for this candidate",
            hint="at high risk a passed gate writes one: `nbprod gate`",
        )
    return page.read_text(encoding="utf-8")


def _lies_inside(project: Project, page: Path) -> bool:
    """Whether a page is there and, links followed, in the project's own store."""
    return page.is_file() and page.resolve().is_relative_to(project.store.root.resolve())


def _kept_page(project: Project, collection: str, record_id: str) -> Path | None:
    """Where the page was written when the record was made; None where it is made when asked."""
    folder = project.store.root / shelf_of(collection).folder
    places = {
        "gate-results": folder / record_id / "report.html",
        "shadow-reports": folder / f"{record_id}.html",
    }
    return places.get(collection)
