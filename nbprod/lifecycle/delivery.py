"""Releases onto a backend: deploy, canary, promote, roll back, undeploy; each step in the history.

The deployment's own record is the only one that changes: it is saved under the model's name.
Traffic is changed over HTTP where that is possible, so that a rollback neither waits for the
engine's client to start nor needs the tracking server, the store or the new release's process.
"""

from __future__ import annotations

import dataclasses
import shutil
from typing import TYPE_CHECKING, Any

from nbprod.errors import NbprodError, ReleaseError, ServingError, TamperedReleaseError
from nbprod.lifecycle.lineage import checked_artifacts, person, resolve_run
from nbprod.lifecycle.loop import log_folder, profile_folder
from nbprod.lifecycle.promotion import release_path, verify
from nbprod.records import (
    Deployment,
    Json,
    Release,
    RolloutStep,
    TrafficState,
    TrainingRun,
    utc_now,
)
from nbprod.traffic import reached

if TYPE_CHECKING:
    from pathlib import Path

    from nbprod.engine import Engine
    from nbprod.lifecycle.project import Project
    from nbprod.serving.ray_backend import RayBackend

_FOLDER = "deployments"
_MOVES = ("promote", "abort", "unshadow")  # verbs after which processes start or end
LOCK = "deployment"
DECISIONS, LATEST = "rollouts", "latest"  # the rollout's decisions, and its last look


# ---------------------------------------------------------------- verbs


def serve(project: Project, candidate: TrainingRun | str | None) -> None:
    """See `Project.serve`."""
    from nbprod.serving import serve_local

    run = resolve_run(project, candidate)
    bundle = checked_artifacts(project, run) / "bundle"
    number = run.candidate.number
    serve_local(
        bundle,
        project.settings,
        log_folder=log_folder(project),
        profile_folder=profile_folder(project),
        on_ready=lambda url: project.progress(
            f"candidate {number}, unreleased, answers on {url}/predict; Ctrl-C ends it", None
        ),
    )


def deploy(project: Project, which: Release | int | str | None) -> Deployment:
    """See `Project.deploy`."""
    with project.store.locked(LOCK):
        current = living(project)
        if current is None and (interrupted := _interrupted(project, which)) is not None:
            return _restore(project, interrupted)
        path = release_path(project, which)
        release = sound(project, path)
        if current is not None:
            return _already(project, current, release)
        return _first(project, release, path)


def promote(project: Project, *, by: str, reason: str) -> Deployment:
    """See `Project.promote`."""
    current = running(project)
    if "canary" not in live(project, current)["traffic"]["roles"]:
        # Perhaps an earlier promotion was cut off after its traffic: finish what it left.
        with project.store.locked(LOCK):
            backend_of(project, current).settle()
    project.progress("moving the canary to all the traffic", None)
    given = {"by": by or person(), "reason": reason}
    return change(project, current, "promote", given)


def change(project: Project, current: Deployment, verb: str, given: Json) -> Deployment:
    """A verb of the deployment: the traffic first, then its processes, record and aliases.

    given: what the verb needs; ``revision`` refuses it where the traffic has changed since.
    """
    with project.store.locked(LOCK):
        done = _admin(project, current, verb, {**given, "by": given.get("by") or person()})
        reached("traffic changed")
        record = refreshed(project, current)
        if verb in _MOVES:
            backend_of(project, current).settle()
            record = refreshed(project, record)
        if verb == "promote":
            _mirror_aliases(project, record, previous=done["traffic"]["roles"].get("previous"))
        return record


def rollback(project: Project, *, by: str, reason: str) -> Deployment:
    """See `Project.rollback`: the traffic first, everything else after it."""
    current = running(project)
    backend = backend_of(project, current)
    done = backend.rollback(by=by or person(), reason=reason, settle=False)
    project.progress(
        f"traffic is back on release {done['traffic']['roles']['champion']} "
        f"after {done['duration_ms']:.0f} ms",
        None,
    )
    with project.store.locked(LOCK):
        record = refreshed(project, current, duration_ms=float(done["duration_ms"]))
        _mirror_aliases(project, record, previous=None)
        backend.settle()
    return record


def status(project: Project) -> Deployment:
    """See `Project.status`: what the deployment itself says, and what the record remembers."""
    current = _load(project)
    if current is None:
        raise ServingError(
            f"{project.settings.model.name} is not deployed",
            hint="`nbprod deploy` serves the newest release",
        )
    return refreshed(project, current) if current.status == "running" else current


def undeploy(project: Project) -> Deployment:
    """See `Project.undeploy`; on an existing cluster only the deployment ends."""
    from nbprod.engine import end_engine

    current = running(project)
    with project.store.locked(LOCK):
        engine = _engine(project, current)
        if engine.local:
            end_engine(engine)
            shutil.rmtree(_state_folder(project), ignore_errors=True)
        else:
            backend_of(project, current).undeploy()
        return _save(project, current, "undeploy", status="ended", traffic=TrafficState())


def replica_pids(project: Project) -> list[int]:
    """Process ids of the replicas that hold the champion."""
    return [int(one["pid"]) for one in live(project, running(project))["replicas"]]


# ---------------------------------------------------------------- steps of deploy


def sound(project: Project, path: Path) -> Release:
    """The release, every hash of it looked at again: nothing else is deployed."""
    from nbprod.releases import read_release

    found = verify(project, path.name)
    if not found.passed:
        raise TamperedReleaseError(
            f"release {path.name} is not what was frozen: {found.findings[0].message}",
            hint=found.findings[0].hint or "restore it from a copy, or release again",
        )
    return read_release(path)


def _first(project: Project, release: Release, path: Path) -> Deployment:
    """Start an engine if none was named, and serve; on failure nothing is left behind."""
    from nbprod.engine import end_engine, existing_engine
    from nbprod.serving.ray_backend import check_port

    serving = project.settings.serving
    check_port(serving.host, serving.port)
    project.progress("starting the engine", 0.1)
    if serving.address == "local":
        engine = _local_engine(project)
    else:
        engine = existing_engine(serving.address)
    try:
        backend = _new_backend(project, engine)
        project.progress(f"starting release {release.version}", 0.4)
        traffic = backend.deploy(release.version, path, by=person())
        record = Deployment(
            name=release.name,
            url=backend.url,
            engine_id=engine.id,
            address=engine.address,
            inputs={release.id: release.digest},
        )
        record = _save(project, record, "deploy", traffic=traffic)
        _mirror_aliases(project, record, previous=None)
    except BaseException:
        if engine.local:
            end_engine(engine)
            shutil.rmtree(_state_folder(project), ignore_errors=True)
        _path(project).unlink(missing_ok=True)
        raise
    return record


def _already(project: Project, current: Deployment, release: Release) -> Deployment:
    if current.traffic.roles.get("champion") == release.version:
        return refreshed(project, current)
    raise ReleaseError(
        f"release {current.traffic.roles.get('champion')} is being served on {current.url}",
        hint=f"`nbprod deploy {release.version} --canary`, then `nbprod promote`",
    )


def _interrupted(project: Project, which: Release | int | str | None) -> Deployment | None:
    """The deployment whose engine died under it, when its own state is what is asked for."""
    from nbprod.serving.keeper import TRAFFIC_FILE

    current = _load(project)
    if current is None or current.status != "running":
        return None
    if not (_state_folder(project) / TRAFFIC_FILE).is_file():
        return None
    champion = current.traffic.roles.get("champion")
    asked = which.version if isinstance(which, Release) else which
    return current if asked is None or str(asked) == str(champion) else None


def _restore(project: Project, current: Deployment) -> Deployment:
    """Every role again as it was when the engine died: champion, canary, shadows, previous."""
    from nbprod.engine import end_engine
    from nbprod.serving.ray_backend import check_port

    port = int(current.url.rpartition(":")[2])
    check_port(project.settings.serving.host, port)
    project.progress("the engine had ended: starting everything as it was", 0.1)
    engine = _local_engine(project)
    try:
        backend = _new_backend(project, engine, url=current.url)
        backend.restore()
    except BaseException:
        end_engine(engine)
        raise
    current = dataclasses.replace(current, engine_id=engine.id, address=engine.address)
    return refreshed(project, current)


# ---------------------------------------------------------------- the record


def _path(project: Project) -> Path:
    return project.store.root / _FOLDER / f"{project.settings.model.name}.json"


def _load(project: Project) -> Deployment | None:
    name = project.settings.model.name
    if name not in project.store.ids(_FOLDER):
        return None
    return project.store.load(Deployment, _FOLDER, name)


def living(project: Project) -> Deployment | None:
    """The deployment when its engine lives; one whose engine died counts as ended."""
    from nbprod.engine import engine_processes

    current = _load(project)
    if current is None or current.status != "running":
        return None
    if current.engine_id and not engine_processes(current.engine_id):
        return None
    return current


def running(project: Project) -> Deployment:
    """The deployment; ServingError where there is none, or it was ended."""
    current = _load(project)
    if current is None or current.status != "running":
        raise ServingError(
            f"{project.settings.model.name} is not deployed",
            hint="`nbprod deploy` serves the newest release",
        )
    return current


def live(project: Project, current: Deployment) -> Json:
    """What the deployment says of itself: traffic, history, replicas, tally."""
    return _admin(project, current, "traffic", None)


def _admin(project: Project, current: Deployment, verb: str, given: Json | None) -> Json:
    from nbprod.serving.admin import call_admin
    from nbprod.serving.auth import admin_token

    token = admin_token(_state_folder(project) / "admin-token")
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
    from nbprod.records import RolloutDecision

    if LATEST not in project.store.ids(DECISIONS):
        return ""
    latest = project.store.load(RolloutDecision, DECISIONS, LATEST)
    same = latest.traffic.revision == traffic["revision"] and "canary" in traffic["roles"]
    return latest.reason if same else ""


def _save(project: Project, record: Deployment, action: str, **changes: Any) -> Deployment:
    record = dataclasses.replace(record, **changes)
    last = max((step.traffic.revision for step in record.history), default=0)
    traffic = dataclasses.replace(record.traffic, revision=max(record.traffic.revision, last + 1))
    step = RolloutStep(at=utc_now(), action=action, by=person(), traffic=traffic)
    record = dataclasses.replace(record, traffic=traffic, history=(*record.history, step))
    project.store.save(_FOLDER, record, name=record.name)
    return record


def _mirror_aliases(project: Project, record: Deployment, *, previous: int | None) -> None:
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


def _local_engine(project: Project) -> Engine:
    """A local engine, started now."""
    from nbprod.engine import start_engine
    from nbprod.serving.ray_backend import proxy_environment

    settings = project.settings
    return start_engine(
        _engine_folder(project),
        name=settings.model.name,
        environment=proxy_environment(settings.serving.timeout_ms),
    )


def _engine_folder(project: Project) -> Path:
    return project.store.root / "engine"


def _state_folder(project: Project) -> Path:
    return project.store.root / "serving" / project.settings.model.name


def _engine(project: Project, current: Deployment) -> Engine:
    from nbprod.engine import existing_engine, read_engine

    if not current.engine_id:
        return existing_engine(current.address)
    engine = read_engine(_engine_folder(project))
    if engine is None or engine.id != current.engine_id:
        raise ServingError(
            f"the engine {current.engine_id} of this deployment is not described any more",
            hint="`nbprod undeploy` and `nbprod deploy` start afresh",
        )
    return engine


def backend_of(project: Project, current: Deployment) -> RayBackend:
    """The backend that the deployment runs on."""
    return _new_backend(project, _engine(project, current), url=current.url)


def _new_backend(project: Project, engine: Engine, *, url: str = "") -> RayBackend:
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
        state_folder=_state_folder(project),
        log_folder=log_folder(project),
        profile_folder=profile_folder(project),
    )
