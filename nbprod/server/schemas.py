"""What goes over REST: bodies that are asked for, answers that are given. The OpenAPI document is
generated from these, and the front end's types from that.

Bodies refuse what they do not know; every answer holds every field. Records go as they are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from nbprod.lifecycle.board import Board
from nbprod.lifecycle.catalogue import RecordSummary
from nbprod.lifecycle.live import LiveInspection, Role
from nbprod.lifecycle.standing import Stage
from nbprod.records import Deployment, Finding, Json, Prediction, Preview, RoleChange

_FORBID = {"extra": "forbid"}


class Body:
    """What is asked for: unknown keys are refused."""

    __pydantic_config__ = _FORBID


# ---------------------------------------------------------------- the server and its errors


@dataclass(frozen=True, kw_only=True)
class ServerStatus:
    """The server extension itself."""

    version: str
    api: int  # the number of this interface; the front end refuses another one
    roles: tuple[Role, ...]
    max_running: int  # jobs of the notebook's road at once; more of them wait
    max_waiting: int


@dataclass(frozen=True, kw_only=True)
class Problem:
    """An error: RFC 9457 problem details, with the next step."""

    type: str  # "about:blank", or the error's class as urn:nbprod:ConfigError
    title: str
    status: int
    detail: str
    hint: str = ""
    notebook: str | None = None
    cell_id: str | None = None
    line: int | None = None
    errors: tuple[dict[str, Any], ...] = ()  # of a body: place and message of each
    job: str = ""  # the job that is in the way


# ---------------------------------------------------------------- project


@dataclass(frozen=True, kw_only=True)
class ProjectView:
    """The project that a notebook or folder lies in, and where it stands on the road."""

    path: str  # its folder, relative to the server's root; "" is the root itself
    name: str
    owner: str
    task: str
    risk: str
    decision: str
    notebook: str  # the training notebook, relative to the server's root
    package: str
    module_version: str
    stages: tuple[Stage, ...]
    next_stage: str
    traffic: dict[str, int]
    verbs: tuple[str, ...]  # of a rollout, that can be done now
    findings: tuple[Finding, ...]


@dataclass(frozen=True, kw_only=True)
class NewProject(Body):
    """A project to create around a notebook; the notebook itself is not touched."""

    notebook: str  # relative to the server's root
    folder: str | None = None  # the project's folder; the notebook's own by default
    name: str | None = None
    owner: str | None = None
    label: str | None = None


@dataclass(frozen=True, kw_only=True)
class CreatedProject:
    """What was written, and the role that each cell looks like: the editor applies them."""

    path: str
    files: tuple[str, ...]
    proposals: tuple[RoleChange, ...]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One value of the settings and where it came from."""

    key: str
    value: Any
    origin: str


@dataclass(frozen=True, kw_only=True)
class SettingList:
    """Every value of the settings."""

    settings: tuple[Setting, ...]


# ---------------------------------------------------------------- a notebook being edited


@dataclass(frozen=True, kw_only=True)
class CellContent(Body):
    """One cell as the editor holds it."""

    id: str
    cell_type: Literal["code", "markdown", "raw"] = "code"
    source: str = ""
    tags: tuple[str, ...] = ()
    execution_count: int | None = None


@dataclass(frozen=True, kw_only=True)
class NotebookContent(Body):
    """A notebook that need not be saved."""

    path: str  # relative to the server's root
    cells: tuple[CellContent, ...]


@dataclass(frozen=True, kw_only=True)
class Proposals:
    """The role that each cell without one looks like."""

    proposals: tuple[RoleChange, ...]


# ---------------------------------------------------------------- jobs


@dataclass(frozen=True, kw_only=True)
class JobProgress:
    """The last thing a job said."""

    message: str
    fraction: float | None = None  # done, in [0, 1]; None where it is not known


JobState = Literal["waiting", "running", "done", "failed", "cancelled"]


@dataclass(frozen=True, kw_only=True)
class Job:
    """A verb of the road in a process of its own."""

    id: str
    project: str  # its folder, relative to the server's root
    verb: str  # extract | parity | train | …
    command: tuple[str, ...]  # as a person would type it
    state: JobState
    passed: bool | None = None  # of a judgement that is done; None before, and where none was
    exit_code: int | None = None
    by: str = ""  # who started it
    created_at: str = ""
    started_at: str | None = None
    ended_at: str | None = None
    progress: JobProgress | None = None
    error: Problem | None = None
    record_kind: str = ""  # what the result is: ParityReport
    collection: str = ""  # where its record is kept; "" where it is not
    record_id: str = ""
    report: str = ""  # the path of its HTML report under /nbprod/api/; "" without one
    result: Any = None  # the record, or a list of records; only where one job is asked for


@dataclass(frozen=True, kw_only=True)
class JobList:
    """Every job that the server remembers, newest first."""

    jobs: tuple[Job, ...]
    revision: int  # changes with every job's every word; ask with ?since= to wait for the next


@dataclass(frozen=True, kw_only=True)
class JobLog:
    """What a job printed, from an offset on."""

    text: str
    next_offset: int
    complete: bool  # the job has ended, and this is the end of it


# ---------------------------------------------------------------- verbs, each a job


@dataclass(frozen=True, kw_only=True)
class Extract(Body):
    """`nbprod extract`"""

    check: bool = False
    force: bool = False
    prove: bool = False


@dataclass(frozen=True, kw_only=True)
class Sync(Body):
    """`nbprod sync`"""

    check: bool = False


@dataclass(frozen=True, kw_only=True)
class Parity(Body):
    """`nbprod parity`"""

    rows: int = 1000
    replay: int | None = None
    deployed: bool = False


@dataclass(frozen=True, kw_only=True)
class InferContract(Body):
    """`nbprod contract infer`, or with ``show`` what schemas.py says now."""

    force: bool = False
    show: bool = False


@dataclass(frozen=True, kw_only=True)
class CheckContract(Body):
    """`nbprod contract check`"""

    data: str | None = None
    part: Literal["input", "features", "output"] = "input"
    as_of: str = ""


@dataclass(frozen=True, kw_only=True)
class Train(Body):
    """`nbprod train`"""

    parameters: Json = field(default_factory=dict)
    seed: int = 0
    notebook: bool = False


@dataclass(frozen=True, kw_only=True)
class OfCandidate(Body):
    """`nbprod gate` and `nbprod release`: the latest candidate where none is named."""

    candidate: str | None = None


@dataclass(frozen=True, kw_only=True)
class Serve(Body):
    """`nbprod serve`: it answers until the job is cancelled."""

    candidate: str | None = None
    port: int | None = None


@dataclass(frozen=True, kw_only=True)
class Decide(Body):
    """`nbprod approve` and `nbprod reject`"""

    approved: bool
    reason: str
    candidate: str | None = None
    by: str = ""


@dataclass(frozen=True, kw_only=True)
class OfRelease(Body):
    """`nbprod verify`: the newest release where none is named."""

    release: str | None = None


@dataclass(frozen=True, kw_only=True)
class Reproduce(Body):
    """`nbprod reproduce`"""

    release: str | None = None
    here: bool = False
    tolerance: str = "rel:1e-6"


@dataclass(frozen=True, kw_only=True)
class Deploy(Body):
    """`nbprod deploy`"""

    release: str | None = None
    trial: Literal["canary", "ab", "shadow"] | None = None
    percent: float | None = None
    force: bool = False
    port: int | None = None


@dataclass(frozen=True, kw_only=True)
class RolloutAction(Body):
    """A step of a rollout; ``by`` and ``reason`` are kept in the deployment's history."""

    action: Literal["promote", "rollback", "pause", "resume", "abort", "advance"]
    by: str = ""
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class CompareShadow(Body):
    """`nbprod shadow`"""

    release: str
    since: str = ""


@dataclass(frozen=True, kw_only=True)
class Monitor(Body):
    """`nbprod monitor`"""

    start: str | None = None
    end: str | None = None


# ---------------------------------------------------------------- records, log, health


@dataclass(frozen=True, kw_only=True)
class RecordList:
    """The newest records of a collection, newest first."""

    records: tuple[RecordSummary, ...]


@dataclass(frozen=True, kw_only=True)
class DeploymentView:
    """The deployment as it is now, or as it was last seen where it does not answer."""

    deployment: Deployment | None
    reachable: bool
    trouble: str = ""  # why it does not answer


@dataclass(frozen=True, kw_only=True)
class PredictionList:
    """Records of the prediction log, newest first."""

    predictions: tuple[Prediction, ...]


@dataclass(frozen=True, kw_only=True)
class Acknowledge(Body):
    """Who has seen an alert."""

    by: str = ""
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class WindowNotebook(Body):
    """A window of the prediction log to open as a notebook: [start, end), ISO 8601."""

    start: str | None = None  # the last judged window's by default
    end: str | None = None


@dataclass(frozen=True, kw_only=True)
class CreatedFile:
    """A file that was written."""

    path: str  # relative to the server's root


__all__ = [
    "Acknowledge",
    "Board",
    "CellContent",
    "CheckContract",
    "CompareShadow",
    "CreatedFile",
    "CreatedProject",
    "Decide",
    "Deploy",
    "DeploymentView",
    "Extract",
    "InferContract",
    "Job",
    "JobList",
    "JobLog",
    "JobProgress",
    "LiveInspection",
    "Monitor",
    "NewProject",
    "NotebookContent",
    "OfCandidate",
    "OfRelease",
    "Parity",
    "PredictionList",
    "Preview",
    "Problem",
    "ProjectView",
    "Proposals",
    "RecordList",
    "Reproduce",
    "RolloutAction",
    "Serve",
    "ServerStatus",
    "SettingList",
    "Sync",
    "Train",
    "WindowNotebook",
]
