"""Releases onto a backend: deploy, canary, promote, roll back, undeploy; each step in the history.

The deployment's own record is the only one that changes: it is saved under the model's name.
Traffic is changed over HTTP where that is possible, so that a rollback neither waits for the
engine's client to start nor needs the tracking server, the store or the new release's process.
"""

from __future__ import annotations

import dataclasses
import shutil
from typing import TYPE_CHECKING

from nbprod.errors import ReleaseError, ServingError, TamperedReleaseError
from nbprod.lifecycle import deployments
from nbprod.lifecycle.lineage import checked_artifacts, person, resolve_run
from nbprod.lifecycle.loop import log_folder, profile_folder
from nbprod.lifecycle.promotion import release_path, verify
from nbprod.records import (
    Deployment,
    Json,
    Release,
    TrafficState,
    TrainingRun,
)
from nbprod.traffic import reached

if TYPE_CHECKING:
    from pathlib import Path

    from nbprod.lifecycle.project import Project

_MOVES = ("abort", "unshadow")  # verbs after which processes start or end


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


@deployments.joined_briefly()
def deploy(project: Project, which: Release | int | str | None) -> Deployment:
    """See `Project.deploy`."""
    with project.store.locked(deployments.LOCK):
        current = deployments.living(project)
        if current is None and (interrupted := _interrupted(project, which)) is not None:
            return _restore(project, interrupted)
        path = release_path(project, which)
        release = sound(project, path)
        if current is not None:
            return _already(project, current, release)
        return _first(project, release, path)


@deployments.joined_briefly()
def promote(project: Project, *, by: str, reason: str) -> Deployment:
    """See `Project.promote`."""
    current = deployments.running(project)
    if "canary" not in deployments.live(project, current)["traffic"]["roles"]:
        # Perhaps an earlier promotion was cut off after its traffic: finish what it left.
        project.progress("no canary: finishing what a promotion cut off may have left", None)
        deployments.backend_of(project, current).settle()
    else:
        project.progress("moving the canary to all the traffic", None)
    return change(project, current, "promote", {"by": by, "reason": reason})


@deployments.joined_briefly()
def change(project: Project, current: Deployment, verb: str, given: Json) -> Deployment:
    """A verb of the deployment: the traffic first, then its processes, record and aliases.

    A promotion's processes come before its traffic.

    given: what the verb needs; ``revision`` refuses it where the traffic has changed since.
    No lock is held: the keeper makes one change at a time, and the backend moves processes for
    one command at a time, so that a rollback never waits for a promotion that settles.
    """
    given = {**given, "by": given.get("by") or person()}
    if verb == "promote":
        return _promoted(project, current, given)
    deployments.admin(project, current, verb, given)
    reached("traffic changed")
    record = deployments.refreshed(project, current)
    if verb in _MOVES:
        deployments.backend_of(project, current).settle()
        record = deployments.refreshed(project, record)
    return record


def _promoted(project: Project, current: Deployment, given: Json) -> Deployment:
    """The one verb that prepares its processes first: nobody is in a hurry for it."""
    traffic = deployments.backend_of(project, current).promote(**given)
    record = deployments.refreshed(project, current)
    deployments.mirror_aliases(project, record, previous=traffic.roles.get("previous"))
    return record


@deployments.joined_briefly()
def rollback(project: Project, *, by: str, reason: str) -> Deployment:
    """See `Project.rollback`: the traffic first, everything else after it."""
    current = deployments.running(project)
    backend = deployments.backend_of(project, current)
    done = backend.rollback(by=by or person(), reason=reason, settle=False)
    duration_ms = float(done["duration_ms"])
    champion = done["traffic"]["roles"]["champion"]
    project.progress(f"traffic is back on release {champion} after {duration_ms:.0f} ms", None)
    record = deployments.refreshed(project, current, duration_ms=duration_ms)
    deployments.mirror_aliases(project, record, previous=None)
    backend.settle()
    return record


def status(project: Project) -> Deployment:
    """See `Project.status`: what the deployment itself says, and what the record remembers."""
    current = deployments.load(project)
    if current is None:
        raise ServingError(
            f"{project.settings.model.name} is not deployed",
            hint="`nbprod deploy` serves the newest release",
        )
    return deployments.refreshed(project, current) if current.status == "running" else current


@deployments.joined_briefly()
def undeploy(project: Project) -> Deployment:
    """See `Project.undeploy`; on an existing cluster only the deployment ends."""
    from nbprod.engine import end_engine

    current = deployments.running(project)
    with project.store.locked(deployments.LOCK):
        engine = deployments.engine_of(project, current)
        if engine.local:
            end_engine(engine)
            shutil.rmtree(deployments.state_folder(project), ignore_errors=True)
        else:
            deployments.backend_of(project, current).undeploy()
        return deployments.save(
            project, current, "undeploy", status="ended", traffic=TrafficState()
        )


def replica_pids(project: Project) -> list[int]:
    """Process ids of the replicas that hold the champion."""
    return [
        int(one["pid"])
        for one in deployments.live(project, deployments.running(project))["replicas"]
    ]


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
        engine = deployments.local_engine(project)
    else:
        engine = existing_engine(serving.address)
    try:
        backend = deployments.new_backend(project, engine)
        project.progress(f"starting release {release.version}", 0.4)
        traffic = backend.deploy(release.version, path, by=person())
        record = Deployment(
            name=release.name,
            url=backend.url,
            engine_id=engine.id,
            address=engine.address,
            inputs={release.id: release.digest},
        )
        record = deployments.save(project, record, "deploy", traffic=traffic)
        deployments.mirror_aliases(project, record, previous=None)
        project.progress(f"answers on {record.url}/predict; what it takes: {record.url}/schema", 1)
    except BaseException:
        if engine.local:
            end_engine(engine)
            shutil.rmtree(deployments.state_folder(project), ignore_errors=True)
        deployments.record_path(project).unlink(missing_ok=True)
        raise
    return record


def _already(project: Project, current: Deployment, release: Release) -> Deployment:
    if current.traffic.roles.get("champion") == release.version:
        return deployments.refreshed(project, current)
    raise ReleaseError(
        f"release {current.traffic.roles.get('champion')} is being served on {current.url}",
        hint=f"`nbprod deploy {release.version} --canary`, then `nbprod promote`",
    )


def _interrupted(project: Project, which: Release | int | str | None) -> Deployment | None:
    """The deployment whose engine died under it, when its own state is what is asked for."""
    from nbprod.serving.keeper import TRAFFIC_FILE

    current = deployments.load(project)
    if current is None or current.status != "running":
        return None
    if not (deployments.state_folder(project) / TRAFFIC_FILE).is_file():
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
    engine = deployments.local_engine(project)
    try:
        backend = deployments.new_backend(project, engine, url=current.url)
        backend.restore()
    except BaseException:
        end_engine(engine)
        raise
    current = dataclasses.replace(current, engine_id=engine.id, address=engine.address)
    return deployments.refreshed(project, current)
