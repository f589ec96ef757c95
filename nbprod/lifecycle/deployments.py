"""The record of a deployment, and how its parts are reached: the endpoint, the engine, the backend.

The record is the only one that changes: it is saved under the model's name, and follows what the
deployment says of itself.
"""

from __future__ import annotations

import contextlib
import dataclasses
from typing import TYPE_CHECKING, Any

from nbprod.errors import NbprodError, ServingError
from nbprod.lifecycle.lineage import person
from nbprod.lifecycle.loop import log_folder, profile_folder
from nbprod.records import Deployment, Json, RolloutDecision, RolloutStep, TrafficState, utc_now
from nbprod.traffic import reached

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nbprod.engine import Engine
    from nbprod.lifecycle.project import Project
    from nbprod.serving.ray_backend import RayBackend

_FOLDER = "deployments"
LOCK = "deployment"
DECISIONS, LATEST = "rollouts", "latest"  # the rollout's decisions, and its last look


def record_path(project: Project) -> Path:
    """The file of the record."""
    return project.store.root / _FOLDER / f"{project.settings.model.name}.json"


def load(project: Project) -> Deployment | None:
    """The record as it was last saved; None where there was never one."""
    name = project.settings.model.name
    if name not in project.store.ids(_FOLDER):
        return None
    return project.store.load(Deployment, _FOLDER, name)


def living(project: Project) -> Deployment | None:
    """The deployment when its engine lives; one whose engine died counts as ended."""
    from nbprod.engine import engine_processes

    current = load(project)
    if current is None or current.status != "running":
        return None
    if current.engine_id and not engine_processes(current.engine_id):
        return None
    return current


def running(project: Project) -> Deployment:
    """The deployment; ServingError where there is none, or it was ended."""
    current = load(project)
    if current is None or current.status != "running":
        raise ServingError(
            f"{project.settings.model.name} is not deployed",
            hint="`nbprod deploy` serves the newest release",
        )
    return current


def live(project: Project, current: Deployment) -> Json:
    """What the deployment says of itself: traffic, history, replicas, tally."""
    return admin(project, current, "traffic", None)


def admin(project: Project, current: Deployment, verb: str, given: Json | None) -> Json:
    """A rollout verb at the endpoint; what it says of itself where nothing is given."""
    from nbprod.serving.admin import call_admin
    from nbprod.serving.auth import admin_token

    token = admin_token(state_folder(project) / "admin-token")
    return call_admin(current.url, token, verb, given)


def refreshed(
    project: Project, current: Deployment, *, duration_ms: float | None = None
) -> Deployment:
    """The record with the traffic and the steps that the deployment has seen since."""
    said = live(project, current)
    known = {step.traffic.revision: step for step in current.history}
    for data in said["history"]:
        step = RolloutStep.from_json(data)
        known.setdefault(step.traffic.revision, step)
    history = [known[revision] for revision in sorted(known)]
    if duration_ms is not None:
        history[-1] = dataclasses.replace(history[-1], duration_ms=duration_ms)
    record = dataclasses.replace(
        current,
        traffic=TrafficState.from_json(said["traffic"]),
        history=tuple(history),
        replicas=len(said["replicas"]),
        waiting_for=_waiting_for(project, said["traffic"]),
    )
    if record != current:
        project.store.save(_FOLDER, record, name=record.name)
        reached("record saved")
    return record


def _waiting_for(project: Project, traffic: Json) -> str:
    """The reason of the controller's last look, where it was at this very state."""
    if LATEST not in project.store.ids(DECISIONS):
        return ""
    latest = project.store.load(RolloutDecision, DECISIONS, LATEST)
    same = latest.traffic.revision == traffic["revision"] and "canary" in traffic["roles"]
    return latest.reason if same else ""


def save(project: Project, record: Deployment, action: str, **changes: Any) -> Deployment:
    """The changed record, saved with the action as the newest step of its history."""
    record = dataclasses.replace(record, **changes)
    last = max((step.traffic.revision for step in record.history), default=0)
    traffic = dataclasses.replace(record.traffic, revision=max(record.traffic.revision, last + 1))
    step = RolloutStep(at=utc_now(), action=action, by=person(), traffic=traffic)
    record = dataclasses.replace(record, traffic=traffic, history=(*record.history, step))
    project.store.save(_FOLDER, record, name=record.name)
    return record


def mirror_aliases(project: Project, record: Deployment, *, previous: int | None) -> None:
    """Tell the registry; the store is the truth, so that a dead registry stops no rollout."""
    from nbprod import tracking

    uri, name = project.settings.tracking_uri, project.settings.model.name
    champion = record.traffic.roles.get("champion")
    try:
        if champion is not None:
            tracking.set_alias(uri, name, "champion", champion)
        if previous is not None:
            tracking.set_alias(uri, name, "previous", previous)
        elif "previous" in tracking.aliases(uri, name):
            tracking.delete_alias(uri, name, "previous")
    except NbprodError as error:
        project.progress(f"the registry's aliases were not changed: {error.message}", None)
    reached("aliases mirrored")


# ---------------------------------------------------------------- engine and backend


def local_engine(project: Project) -> Engine:
    """A local engine, started now."""
    from nbprod.engine import start_engine
    from nbprod.serving.ray_backend import proxy_environment

    settings = project.settings
    return start_engine(
        engine_folder(project),
        name=settings.model.name,
        environment=proxy_environment(settings.serving.timeout_ms),
    )


def engine_folder(project: Project) -> Path:
    """Where a local engine is described."""
    return project.store.root / "engine"


def state_folder(project: Project) -> Path:
    """Where the traffic state, the places of the bundles and the admin token lie."""
    return project.store.root / "serving" / project.settings.model.name


def engine_of(project: Project, current: Deployment) -> Engine:
    """The engine that the deployment runs on; ServingError when nothing describes it."""
    from nbprod.engine import existing_engine, read_engine

    if not current.engine_id:
        return existing_engine(current.address)
    engine = read_engine(engine_folder(project))
    if engine is None or engine.id != current.engine_id:
        raise ServingError(
            f"the engine {current.engine_id} of this deployment is not described any more",
            hint="`nbprod undeploy` and `nbprod deploy` start afresh",
        )
    return engine


@contextlib.contextmanager
def joined_briefly() -> Iterator[None]:
    """For a verb: this process is no client of the engine any more when it ends; see `leaving`."""
    from nbprod.engine import leaving

    with leaving():
        yield


def backend_of(project: Project, current: Deployment) -> RayBackend:
    """The backend that the deployment runs on."""
    return new_backend(project, engine_of(project, current), url=current.url)


def new_backend(project: Project, engine: Engine, *, url: str = "") -> RayBackend:
    """A backend on an engine; url: where the deployment answers already."""
    from nbprod.serving.ray_backend import RayBackend

    settings = project.settings
    if url:  # the port may have been an argument of `deploy`
        port = int(url.rpartition(":")[2])
        settings = dataclasses.replace(
            settings, serving=dataclasses.replace(settings.serving, port=port)
        )
    return RayBackend(
        engine,
        settings,
        deployment=settings.model.name,
        state_folder=state_folder(project),
        log_folder=log_folder(project),
        profile_folder=profile_folder(project),
    )
