"""A release put on trial beside the champion: as canary, as A/B treatment, or as shadow."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Literal

from nbprod.errors import ReleaseError, ServingError
from nbprod.lifecycle import delivery, deployments
from nbprod.lifecycle.controller import Controller
from nbprod.lifecycle.lineage import person
from nbprod.lifecycle.promotion import release_path
from nbprod.lifecycle.rollouts import experiment_plan
from nbprod.records import DataContract, Deployment, Release, TrafficState

if TYPE_CHECKING:
    from pathlib import Path

    from nbprod.lifecycle.project import Project

Kind = Literal["canary", "ab", "shadow"]
_CALLED = {"canary": "the canary", "ab": "the treatment of an A/B test", "shadow": "a shadow"}
_SHOWN = 5


@deployments.joined_briefly()
def start_trial(
    project: Project,
    which: Release | int | str | None,
    kind: Kind,
    *,
    percent: float | None,
    force: bool,
) -> Deployment:
    """See `Project.deploy`: the release starts beside the champion, which does not notice."""
    path = release_path(project, which)
    release = delivery.sound(project, path)
    with project.store.locked(deployments.LOCK):
        current = deployments.living(project)
        if current is None:
            raise ServingError(
                f"there is no champion to put a {kind} beside",
                hint="deploy one first: `nbprod deploy`",
            )
        traffic = TrafficState.from_json(deployments.live(project, current)["traffic"])
        if _on_trial(traffic, kind, release.version, percent):
            project.progress(f"release {release.version} is {_CALLED[kind]} already", None)
        else:
            if not force:
                _check_callers(project, traffic.roles["champion"], release, path)
            project.progress(f"starting release {release.version} beside the champion", 0.3)
            _start(project, current, kind, release.version, path, percent)
        inputs = {**current.inputs, release.id: release.digest}
        record = deployments.refreshed(project, dataclasses.replace(current, inputs=inputs))
    backend = deployments.backend_of(project, record)
    backend.start_companion(Controller, str(project.settings.project_path))
    return record


def _on_trial(traffic: TrafficState, kind: Kind, version: int, percent: float | None) -> bool:
    """Whether this very trial goes on: asked for again it stays at the step where it is."""
    if kind == "shadow":
        return version in traffic.shadows
    same = traffic.roles.get("canary") == version and bool(traffic.experiment) == (kind == "ab")
    return same and (percent is None or percent / 100 == traffic.canary_fraction)


def _start(
    project: Project,
    current: Deployment,
    kind: Kind,
    version: int,
    path: Path,
    percent: float | None,
) -> None:
    backend = deployments.backend_of(project, current)
    if kind == "shadow":
        backend.start_shadow(version, path, by=person())
        return
    plan: dict[str, Any] = experiment_plan(project) if kind == "ab" else {}
    first = project.settings.rollout.canary["steps"][0] / 100
    fraction = percent / 100 if percent is not None else plan.get("fraction", first)
    if plan:
        plan["fraction"] = fraction
    backend.start_canary(version, path, fraction, by=person(), experiment=plan)


def _check_callers(project: Project, champion: int, release: Release, path: Path) -> None:
    """Refuse a release that would refuse what callers send today."""
    from nbprod.predictor import read_bundle
    from nbprod.rollout import broken_callers

    now: DataContract = read_bundle(release_path(project, champion)).contract
    broken = broken_callers(now, read_bundle(path).contract)
    if broken:
        more = f" (and {len(broken) - _SHOWN} more)" if len(broken) > _SHOWN else ""
        raise ReleaseError(
            f"release {release.version} refuses what release {champion} accepts: "
            f"{'; '.join(broken[:_SHOWN])}{more}",
            hint="widen its contract, or tell the callers first and then use --force",
        )
