"""What comes after serving: the prediction log, outcomes, `why`, and health over a window."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from nbprod.config import duration_s
from nbprod.errors import ConfigError, NbprodError, NotFoundError
from nbprod.lifecycle.lineage import FOLDERS, inputs_of
from nbprod.lifecycle.promotion import releases_path, verify
from nbprod.records import (
    Approval,
    Explanation,
    Extraction,
    Finding,
    GateResult,
    Health,
    Outcome,
    OutcomeReceipt,
    Prediction,
    Record,
    Release,
    TrainingRun,
    new_id,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pandas import DataFrame

    from nbprod.lifecycle.project import Project


def log_folder(project: Project) -> Path:
    """Where the deployment's prediction log lies, or what points to the database that holds it."""
    folder = project.store.root / "logs" / project.settings.model.name
    if url := project.settings.serving.log.get("url"):
        from nbprod.data.prediction_log import share, shared

        if (known := shared(folder)) is None or known.url != url:
            share(folder, url, project.settings.model.name)
    return folder


def profile_folder(project: Project) -> Path:
    """Where the deployment's profiles lie, a folder for each release."""
    return project.store.root / "profiles" / project.settings.model.name


def predictions(project: Project, **conditions: Any) -> list[Prediction]:
    """See `Project.predictions`."""
    from nbprod.data.prediction_log import query

    return query(log_folder(project), **conditions)


def prediction(project: Project, prediction_id: str) -> Prediction:
    """One record of the log; NotFoundError when there is none with this id."""
    from nbprod.data.prediction_log import find

    found = find(log_folder(project), prediction_id)
    if found is None:
        raise NotFoundError(
            f"prediction {prediction_id} is not in the log of {project.settings.model.name}",
            hint="`nbprod predictions query` lists what is there",
        )
    return found


def record_outcomes(project: Project, outcomes: Sequence[Mapping[str, Any]]) -> OutcomeReceipt:
    """See `Project.record_outcomes`."""
    from nbprod.data.prediction_log import post_outcomes

    name = project.settings.model.outcome or project.settings.data.label
    try:
        posted = [Outcome(**{"name": name, **outcome}) for outcome in outcomes]
    except TypeError as error:
        raise ConfigError(
            f"not an outcome: {error}",
            hint='{"prediction_id": "…" or "key": {…}, "outcome": …, "name": "…"}',
        ) from error
    _refuse_no_number(project, [outcome for outcome in posted if outcome.name == name])
    return post_outcomes(log_folder(project), posted)


def _refuse_no_number(project: Project, observed: Sequence[Outcome]) -> None:
    """A regression is judged by numbers: a text in their place would stand there unseen."""
    if project.settings.model.task != "regression":
        return
    for outcome in observed:
        if not outcome.countable:
            raise ConfigError(
                f"the outcome of {outcome.prediction_id or outcome.key} is {outcome.outcome!r}: "
                "no number, "
                'and [model] task is "regression"',
                hint="send the number that was observed; nothing was stored",
            )


def why(project: Project, prediction_id: str) -> Explanation:
    """See `Project.why`: prediction -> release -> run -> gate -> module, each as it was frozen."""
    from nbprod.data.prediction_log import outcomes

    record = prediction(project, prediction_id)
    known = outcomes(log_folder(project), [prediction_id]).get(prediction_id)
    if not record.release.isdigit():
        return Explanation(prediction=record, outcome=known, findings=(_unreleased(record),))
    try:
        evidence = _evidence(project, record.release)
    except NbprodError as error:
        broken = Finding(code="NBS901", severity="error", message=error.message, hint=error.hint)
        return Explanation(prediction=record, outcome=known, findings=(broken,))
    return Explanation(
        prediction=record,
        outcome=known,
        inputs=inputs_of(*evidence),
        release=_one(evidence, Release),
        run=_one(evidence, TrainingRun),
        gate=_one(evidence, GateResult),
        extraction=_one(evidence, Extraction),
        approvals=tuple(item for item in evidence if isinstance(item, Approval)),
    )


def window(project: Project, start: str, end: str) -> DataFrame:
    """See `Project.window`."""
    from nbprod.data.prediction_log import joined

    name = project.settings.model.outcome or project.settings.data.label
    return joined(log_folder(project), moment_of(start), moment_of(end), name=name)


def _unreleased(record: Prediction) -> Finding:
    return Finding(
        code="NBS900",
        severity="info",
        message=f"answered by an unreleased candidate, module {record.module_version[:12]}",
        hint="only a release carries its evidence: `nbprod release`",
    )


def _evidence(project: Project, release: str) -> list[Record]:
    """A release and the records frozen in it; every hash is looked at first."""
    from nbprod.releases import read_evidence, read_release

    verify(project, release).raise_if_failed()
    folder = releases_path(project) / release
    return [read_release(folder), *read_evidence(folder)]


def _one(records: Sequence[Record], kind: type[Any]) -> Any:
    return next((record for record in records if isinstance(record, kind)), None)


def assess_health(project: Project, *, start: str | None, end: str | None) -> Health:
    """See `Project.monitor`."""
    from nbprod.monitoring import assess_health as assess

    until = moment_of(end) if end else datetime.now(UTC)
    window = timedelta(seconds=duration_s(project.settings.monitor.window))
    since = moment_of(start) if start else until - window
    if since >= until:
        raise ConfigError("the window is empty", hint="--start must lie before --end")
    folder = releases_path(project)
    references = {
        path.name: path / "profile.bin" for path in folder.glob("*") if path.name.isdigit()
    }
    record = assess(
        deployment=project.settings.model.name,
        log_folder=log_folder(project),
        profile_folder=profile_folder(project),
        references=references,
        settings=project.settings,
        start=since.isoformat(),
        end=until.isoformat(),
    )
    record = dataclasses.replace(record, id=new_id())
    project.store.save(FOLDERS[Health], record)
    return record


def moment_of(text: str) -> datetime:
    """A moment in UTC from its text; ConfigError for what is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(
            f"{text!r} is not a time", hint="ISO 8601, such as 2013-11-02T15:00:00Z"
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
