"""A rollout in motion: look at what both releases did, ask the policy, carry its step out.

One look is `advance_rollout`: the controller beside the deployment takes one every few seconds,
cron or a person may take one at any time. Two that decide at once cannot interleave: a step names
the revision it was decided on, and the traffic keeper refuses it where the state has moved on.
"""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from nbprod.config import duration_s
from nbprod.errors import RefusedError, ServingError, StoreError
from nbprod.lifecycle import delivery, deployments
from nbprod.lifecycle.gathering import Gatherer, Gathering, Question
from nbprod.lifecycle.loop import log_folder
from nbprod.lifecycle.observing import in_short
from nbprod.records import (
    Alert,
    Deployment,
    Finding,
    Json,
    Prediction,
    RolloutDecision,
    RolloutStep,
    ShadowReport,
    TrafficState,
    new_id,
)
from nbprod.rollout import NextStep, Observed, Plan, Reading, next_step, read_experiment

if TYPE_CHECKING:
    from nbprod.lifecycle.project import Project

_SHADOWS = "shadow-reports"
CONTROLLER = "controller"  # who took a step that no person asked for
_MOST_PAIRS = 20_000
_ABORTED, _UNTOLD = "NBR001", "NBR002"


@deployments.joined_briefly()
def advance(project: Project, *, by: str = "", gatherer: Gatherer | None = None) -> RolloutDecision:
    """See `Project.advance_rollout`.

    gatherer: what earlier looks of the controller added up; without it the log is read from the
    step's beginning. The controller waits where there is no canary; whoever asks once is refused.
    """
    current = deployments.running(project)
    live = deployments.live(project, current)
    traffic = TrafficState.from_json(live["traffic"])
    history = [RolloutStep.from_json(step) for step in live["history"]]
    _heal(project, current, live)
    if gatherer is None and "canary" not in traffic.roles:
        raise RefusedError(
            "there is no canary to advance",
            hint="start one: `nbprod deploy RELEASE --canary`",
        )
    kept = gatherer or Gatherer()
    try:
        observed, reading = _look(project, traffic, history, live.get("tally", {}), kept)
    finally:
        if kept is not gatherer:
            kept.forget()
    step = _decide(project, traffic, history, observed, reading)
    decision = RolloutDecision(
        deployment=current.name,
        action=step.action,
        reason=step.reason,
        traffic=traffic,
        observed=in_short(observed),
        checks=tuple(check.to_json() for check in step.checks),
        experiment=reading.to_json() if reading else {},
    )
    if step.action == "hold":
        return decision
    project.progress(f"{step.action}: {step.reason}", None)
    _carry_out(project, current, step, decision, by or CONTROLLER)
    decision = dataclasses.replace(decision, applied=True)
    if step.action == "abort":
        decision = dataclasses.replace(decision, findings=_owner_told(project, decision))
    project.store.save(deployments.DECISIONS, decision)
    return decision


def _owner_told(project: Project, decision: RolloutDecision) -> tuple[Finding, ...]:
    """Alert the owner: no person was asked. What could not be told is a finding of the decision."""
    from nbprod.monitoring.alerts import ALERTS_FILE, tell

    settings, path = project.settings, log_folder(project) / ALERTS_FILE
    release = decision.traffic.roles["canary"]
    said = f"release {release} was taken off traffic by itself: {decision.reason}"
    found = [
        Finding(
            code=_ABORTED,
            severity="warning",
            message=said,
            hint="`nbprod status` shows the history; `nbprod predictions query` what it answered",
        )
    ]
    alert = Alert(
        code=_ABORTED, message=said, owner=settings.model.owner, sent_to=(path.name,), id=new_id()
    )
    try:
        _, failed = tell([alert], path, settings.monitor.alerts, deployment=decision.deployment)
    except StoreError as error:  # the traffic is back already
        found.append(
            Finding(code=_UNTOLD, severity="error", message=error.message, hint=error.hint)
        )
        return tuple(found)
    found += [
        Finding(
            code=_UNTOLD,
            severity="warning",
            message=f"the alert was not sent to {one.url}: {one.reason}",
            hint=f"{path.name} has it: mend [monitor] alerts or what it names",
        )
        for one in failed
    ]
    return tuple(found)


def _heal(project: Project, current: Deployment, live: Json) -> None:
    """Finish what a verb that was cut off left undone; nothing where all is in its place.

    A verb that is under way finishes by itself, and the guards must not wait for it.
    """
    champion = str(live["traffic"]["roles"].get("champion"))
    if any(replica["release"] != champion for replica in live["replicas"]):
        deployments.backend_of(project, current).settle(patient=False)


def _decide(
    project: Project,
    traffic: TrafficState,
    history: list[RolloutStep],
    observed: dict[str, Observed],
    reading: Reading | None,
) -> NextStep:
    """The canary's next step; during an A/B test its guards, and then the test's own verdict."""
    age_s = (datetime.now(UTC) - datetime.fromisoformat(history[-1].at)).total_seconds()
    step = next_step(traffic, observed, project.settings.rollout, step_age_s=age_s)
    if reading is None or step.action == "abort":
        return step
    if reading.decision == "worse" and not traffic.paused:
        return NextStep("abort", reading.said, checks=step.checks)
    by_itself = project.settings.rollout.canary["promotion"] == "automatic"
    if reading.decision == "better" and by_itself and not traffic.paused:
        return NextStep("promote", reading.said, checks=step.checks)
    return NextStep("hold", f"{reading.decision}: {reading.said}", checks=step.checks)


def _look(
    project: Project,
    traffic: TrafficState,
    history: list[RolloutStep],
    tally: Json,
    gatherer: Gatherer,
) -> tuple[dict[str, Observed], Reading | None]:
    if "canary" not in traffic.roles:
        gatherer.forget()
        return {}, None
    plan = Plan(**traffic.experiment) if traffic.experiment else None
    gathering = gatherer.to(_question(project, traffic, history, plan))
    counts = dict(tally)
    if traffic.canary_fraction >= 1:  # the champion answers nothing now: what it last did counts
        seen = [step.evidence.get("observed", {}) for step in history if step.evidence]
        counts["champion"] = seen[-1].get("champion", {}) if seen else {}
    if "mismatch_rate" in project.settings.rollout.guard:
        _recompute(project, traffic, gathering, counts)
    observed = gathering.observed(counts)
    if plan is None:
        return observed, None
    due = datetime.now(UTC) - timedelta(seconds=plan.label_delay_s)
    control, treatment = gathering.arms(due_before=due.isoformat(timespec="milliseconds"))
    return observed, read_experiment(plan, control, treatment)


def _recompute(project: Project, traffic: TrafficState, gathering: Gathering, counts: Json) -> None:
    """Features of both roles computed again, once in a step, when it has the requests it needs."""
    from nbprod.lifecycle.recomputing import recomputed

    enough = counts.get("canary", {}).get("requests", 0)
    if gathering.recomputed or enough < project.settings.rollout.canary["min_requests"]:
        return
    for role, since in gathering.question.since:
        found = recomputed(project, traffic.roles[role], role, since)
        gathering.recomputed[role] = found


def _question(
    project: Project, traffic: TrafficState, history: list[RolloutStep], plan: Plan | None
) -> Question:
    """What the log is asked: since the present step, or since the trial began."""
    settings = project.settings
    step = history[-1].at
    trial = next((one.at for one in reversed(history) if one.action == "canary"), step)
    return Question(
        folder=log_folder(project),
        since=(("champion", trial if traffic.canary_fraction >= 1 else step), ("canary", step)),
        task=settings.model.task,
        outcome=settings.model.outcome or settings.data.label,
        experiment=plan.outcome if plan else "",
        exposed_since=trial if plan else "",
        revision=traffic.revision,
    )


def _carry_out(
    project: Project, current: Deployment, step: NextStep, decision: RolloutDecision, by: str
) -> None:
    """One verb of the deployment, refused there when the traffic has changed meanwhile."""
    evidence = {"observed": decision.observed, "checks": list(decision.checks)}
    if decision.experiment:
        evidence["experiment"] = decision.experiment
    given: Json = {
        "by": by,
        "reason": step.reason,
        "revision": decision.traffic.revision,
        "evidence": evidence,
    }
    verb = {"advance": "traffic", "promote": "promote", "abort": "abort"}[step.action]
    if step.action == "advance":
        given["fraction"] = step.fraction
    delivery.change(project, current, verb, given)


# ---------------------------------------------------------------- a person's verbs


def pause(project: Project, *, resume: bool, by: str, reason: str) -> Deployment:
    """See `Project.pause`."""
    given = {"by": by, "reason": reason}
    return delivery.change(
        project, deployments.running(project), "resume" if resume else "pause", given
    )


def abort(project: Project, *, by: str, reason: str) -> Deployment:
    """See `Project.abort`: the canary ends; without one the shadows do."""
    current = deployments.running(project)
    traffic = TrafficState.from_json(deployments.live(project, current)["traffic"])
    given = {"by": by, "reason": reason}
    if "canary" in traffic.roles:
        return delivery.change(project, current, "abort", given)
    if not traffic.shadows:
        raise RefusedError(
            "there is neither a canary nor a shadow to abort",
            hint="`nbprod rollback` brings the previous champion back",
        )
    for version in traffic.shadows:
        record = delivery.change(project, current, "unshadow", {**given, "version": version})
    return record


def experiment_plan(project: Project) -> Json:
    """The plan of an A/B test as ``[rollout] ab`` has it now; it is fixed when the test begins."""
    settings = project.settings
    ab = settings.rollout.ab
    plan = Plan(
        outcome=ab["outcome"] or settings.model.outcome or settings.data.label,
        fraction=ab["percent"] / 100,
        higher_is_better=ab["higher_is_better"],
        alpha=ab["alpha"],
        max_rows=ab["max_rows"],
        label_delay_s=duration_s(settings.monitor.label_delay),
    )
    return dataclasses.asdict(plan)


def shadow_report(project: Project, release: str, *, since: str = "") -> ShadowReport:
    """See `Project.shadow_report`."""
    from nbprod.data.prediction_log import query
    from nbprod.reporting.shadow_page import shadow_page
    from nbprod.rollout import compare_shadow

    folder = log_folder(project)
    start = since or _shadow_since(project, release)
    shadows = query(folder, since=start, release=release, role="shadow", limit=_MOST_PAIRS)
    live: list[Prediction] = []
    for role in ("champion", "canary"):
        live += query(folder, since=start, role=role, limit=_MOST_PAIRS)
    if shadows:  # older live rows than the oldest shadow record kept were not looked for
        oldest = min(record.shadow_of for record in shadows)
        live = [record for record in live if record.id >= oldest]
    report = dataclasses.replace(compare_shadow(release, live, shadows), id=new_id())
    project.store.save(_SHADOWS, report)
    path = project.store.root / _SHADOWS / f"{report.id}.html"
    path.write_text(shadow_page(report), encoding="utf-8")
    project.progress(f"the page of it: {path}", None)
    return report


def _shadow_since(project: Project, release: str) -> str:
    """When the release became a shadow, from the deployment's history."""
    record = delivery.status(project)
    starts = [
        s.at for s in record.history if s.action == "shadow" and int(release) in s.traffic.shadows
    ]
    if not starts:
        raise ServingError(
            f"release {release} was never a shadow here",
            hint=f"start it: `nbprod deploy {release} --shadow`",
        )
    return starts[-1]
