"""Every route in one table: its path under /nbprod/api/, what is asked, what is answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from nbprod.lifecycle.catalogue import SHELVES
from nbprod.records import Acknowledgement, Explanation
from nbprod.server import operations as do
from nbprod.server import schemas as of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from nbprod.server.requests import Call

Method = Literal["GET", "POST", "DELETE"]


@dataclass(frozen=True)
class Query:
    """One parameter of a query."""

    name: str
    about: str
    number: bool = False


@dataclass(frozen=True)
class Route:
    """One method of one path; ``answer`` is None for an HTML page."""

    method: Method
    path: str
    name: str  # operationId: the name of the client's method
    operation: Callable[[Call], Awaitable[Any]]
    answer: Any
    body: type | None = None
    query: tuple[Query, ...] = ()
    status: int = 200
    about: str = ""

    @property
    def summary(self) -> str:
        """What it does, in one line."""
        return self.about or (self.operation.__doc__ or "").splitlines()[0]


PROJECT = Query("project", "The project's folder, or a path in it, relative to the server's root.")
_LIMIT = Query("limit", "At most so many.", number=True)


def _job(path: str, verb: str, body: type | None, *, method: Method = "POST") -> Route:
    """A verb as a job: 202, and the job at the Location."""
    words = verb.split("-")
    name = "start" + "".join(word.capitalize() for word in words)
    return Route(method, path, name, do.start(verb), of.Job, body, (PROJECT,), 202)


def _read(path: str, name: str, operation: Any, answer: Any, *query: Query) -> Route:
    return Route("GET", path, name, operation, answer, None, query)


def _shelves() -> list[Route]:
    """Lists, records and reports of every collection."""
    made = []
    for collection, shelf in SHELVES.items():
        name, kind = _camel(collection), shelf.kind.__name__
        made.append(
            _read(
                collection, f"list{name}", do.records_of(collection), of.RecordList, PROJECT, _LIMIT
            )
        )
        item = f"{collection}/{{id}}"
        if collection != "deployments":
            made.append(_read(item, f"get{kind}", do.record_of(collection), shelf.kind, PROJECT))
        if shelf.pages:
            report = do.report_of(collection)
            made.append(_read(f"{item}/report", f"get{kind}Report", report, None, PROJECT))
    return made


def _camel(collection: str) -> str:
    return "".join(word.capitalize() for word in collection.split("-"))


ROUTES: tuple[Route, ...] = (
    _read("status", "getStatus", do.status, of.ServerStatus),
    _read("openapi.json", "getDocument", do.document, dict[str, Any]),
    # the project
    _read(
        "project",
        "getProject",
        do.project,
        of.ProjectView,
        Query("path", "A notebook or folder, relative to the server's root."),
    ),
    Route(
        "POST", "project", "createProject", do.create_project, of.CreatedProject, of.NewProject,
        status=201,
    ),
    _read("settings", "getSettings", do.settings, of.SettingList, PROJECT),
    # a notebook being edited
    Route(
        "POST", "inspections", "inspect", do.inspect, of.LiveInspection, of.NotebookContent,
        (Query("label", "The label column; the project's, or the notebook's own, by default."),),
    ),
    Route("POST", "proposals", "propose", do.propose, of.Proposals, of.NotebookContent),
    Route("POST", "previews", "preview", do.preview, of.Preview, of.NotebookContent),
    # verbs of the road, each a job
    _job("extractions", "extract", of.Extract),
    _job("syncs", "sync", of.Sync),
    _job("parity-reports", "parity", of.Parity),
    _job("contracts", "contract", of.InferContract),
    _job("contract-reports", "check-contract", of.CheckContract),
    _job("runs", "train", of.Train),
    _job("gate-results", "gate", of.OfCandidate),
    _job("approvals", "decide", of.Decide),
    _job("releases", "release", of.OfCandidate),
    _job("verifications", "verify", of.OfRelease),
    _job("reproductions", "reproduce", of.Reproduce),
    _job("servings", "serve", of.Serve),
    _job("deployments", "deploy", of.Deploy),
    _job("deployments/{name}/rollout", "rollout", of.RolloutAction),
    _job("deployments/{name}", "undeploy", None, method="DELETE"),
    _job("shadow-reports", "shadow", of.CompareShadow),
    _job("health", "monitor", of.Monitor),
    # jobs
    _read(
        "jobs", "listJobs", do.list_jobs, of.JobList,
        Query("since", "A revision: answer when there is a newer one.", number=True),
        Query("wait_s", "Answer after so many seconds in any case.", number=True),
    ),
    _read("jobs/{id}", "getJob", do.one_job, of.Job),
    _read(
        "jobs/{id}/log", "getJobLog", do.job_log, of.JobLog,
        Query("offset", "From this byte on.", number=True),
    ),
    Route("DELETE", "jobs/{id}", "cancelJob", do.cancel_job, of.Job),
    # records, reports
    *_shelves(),
    _read("deployments/{name}", "getDeployment", do.deployment, of.DeploymentView, PROJECT),
    _read("runs/{id}/review", "getReview", do.review, None, PROJECT),
    # health and the log
    _read("board", "getBoard", do.board, of.Board, PROJECT),
    Route(
        "POST", "alerts/{id}/acknowledgement", "acknowledgeAlert", do.acknowledge,
        Acknowledgement, of.Acknowledge, (PROJECT,), 201,
    ),
    _read(
        "predictions", "listPredictions", do.predictions, of.PredictionList,
        PROJECT, _LIMIT,
        Query("since", "From this UTC time on, ISO 8601."),
        Query("until", "Before this UTC time."),
        Query("release", "Only this release."),
        Query("where", "A condition, such as inputs.carrier = 'UA'."),
    ),
    _read("predictions/{id}/why", "getWhy", do.why, Explanation, PROJECT),
    Route(
        "POST", "window-notebooks", "openWindow", do.window_notebook, of.CreatedFile,
        of.WindowNotebook, (PROJECT,), 201,
    ),
)  # fmt: skip


def by_path() -> dict[str, dict[str, Route]]:
    """path -> method -> its route."""
    table: dict[str, dict[str, Route]] = {}
    for route in ROUTES:
        table.setdefault(route.path, {})[route.method] = route
    return table
