"""Parity of what is deployed: logged rows recomputed, training's rows through the endpoint."""

from __future__ import annotations

import dataclasses
import http.client
import json
import os
import urllib.parse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.errors import DataError, ServingError
from nbprod.lifecycle import delivery, loop
from nbprod.lifecycle.isolation import run_isolated, run_job
from nbprod.lifecycle.lineage import FOLDERS
from nbprod.lifecycle.promotion import release_path, verify
from nbprod.records import Json, ParityReport, Prediction, TrainingRun

if TYPE_CHECKING:
    from nbprod.lifecycle.project import Project

_ENDPOINT_ROWS = 50  # each becomes a record of the log
_TIMEOUT_S = 30.0


def replay(project: Project, *, rows: int) -> ParityReport:
    """See `Project.check_parity`: the newest logged rows of one release, recomputed with it."""
    newest = loop.predictions(project, limit=1)
    if not newest:
        raise DataError(
            f"the log of {project.settings.model.name} is empty",
            hint="`nbprod deploy`, answer requests, then replay them",
        )
    released = next((p for p in _computed(project, rows) if p.release.isdigit()), None)
    if released is None:
        raise DataError(
            "the log holds no prediction that a release computed",
            hint="only a release can be replayed: `nbprod release`, `nbprod deploy`",
        )
    same = [p for p in _computed(project, rows) if p.release == released.release]
    folder = _sound(project, released.release)
    report = run_isolated(
        "replay",
        {
            "settings": project.settings.to_json(),
            "bundle": str(folder),
            "release": released.release,
            "predictions": [prediction.to_json() for prediction in same],
        },
        ParityReport,
        cwd=Path(project.settings.project_path),
        progress=project.progress,
    )
    return _kept(project, report)


def through_endpoint(project: Project, *, rows: int) -> ParityReport:
    """See `Project.check_parity`: the champion's training rows, sent to the real endpoint."""
    deployment = delivery.status(project)
    champion = deployment.traffic.roles.get("champion")
    if deployment.status != "running" or champion is None:
        raise ServingError("nothing is deployed", hint="run `nbprod deploy`")
    folder = _sound(project, str(champion))
    data = _training_data(project, folder)
    told = {"bundle": str(folder), "data": str(data)}
    options: Any = {"cwd": Path(project.settings.project_path), "progress": project.progress}
    wanted = min(rows, _ENDPOINT_ROWS)
    asked = run_job("request_rows", {**told, "rows": wanted}, **options)
    project.progress(f"asking {deployment.url} for {len(asked['rows'])} rows", None)
    answers = _asked(project, deployment.url, asked["rows"], str(champion))
    report = run_isolated(
        "answered_parity",
        {
            **told,
            "settings": project.settings.to_json(),
            "release": str(champion),
            "answers": [answer.to_json() for answer in answers],
            "positions": asked["positions"],
        },
        ParityReport,
        **options,
    )
    return _kept(project, report)


def _computed(project: Project, rows: int) -> list[Prediction]:
    return [p for p in loop.predictions(project, limit=rows) if not p.degraded]


def _sound(project: Project, release: str) -> Path:
    verify(project, release).raise_if_failed()
    return release_path(project, release)


def _training_data(project: Project, folder: Path) -> Path:
    """The sample of rows, and of the features made of them, that the release's run kept."""
    from nbprod.releases import read_release

    run_id = read_release(folder).run_id
    data = project.store.folder_of(FOLDERS[TrainingRun], run_id) / "data"
    if not (data / "sample_features.parquet").exists():
        raise DataError(
            f"run {run_id} of release {folder.name} lies in another store",
            hint="ask from the machine that trained it, or use `nbprod parity --replay N`",
        )
    return data


def _kept(project: Project, report: ParityReport) -> ParityReport:
    from nbprod.releases import read_release

    release = read_release(release_path(project, report.subject))
    report = dataclasses.replace(report, inputs={release.id: release.digest})
    project.store.save(FOLDERS[ParityReport], report)
    return report


# ---------------------------------------------------------------- asking the endpoint


def _asked(project: Project, url: str, rows: list[Json], champion: str) -> list[Prediction]:
    """What the endpoint answered and logged for each row; the champion's answers only."""
    if not rows:
        raise DataError(
            "no row of the training run can be sent", hint="see `nbprod contract check`"
        )
    body = {"instances": rows, "request_id": "nbprod-parity"}
    answer = _called(project, url, "POST", "/predict", body)
    if answer.get("release") != champion:
        raise ServingError(
            f"release {answer.get('release')} answered, not the champion {champion}",
            hint="wait for the rollout to end, then ask again",
        )
    return [
        Prediction.from_json(_called(project, url, "GET", f"/predictions/{identity}"))
        for identity in answer["prediction_ids"]
    ]


def _called(
    project: Project, url: str, method: str, path: str, body: Json | None = None
) -> dict[str, Any]:
    parts = urllib.parse.urlsplit(url)
    headers = {"Content-Type": "application/json"}
    tokens = os.environ.get(project.settings.serving.auth.get("tokens_env", ""), "")
    if tokens:
        headers["Authorization"] = f"Bearer {tokens.split(',')[0].strip()}"
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_TIMEOUT_S)
    try:
        connection.request(method, path, json.dumps(body) if body else None, headers)
        response = connection.getresponse()
        text = response.read()
    except (OSError, http.client.HTTPException) as error:
        raise ServingError(f"{url} does not answer: {error}", hint="`nbprod status`") from error
    finally:
        connection.close()
    try:
        answer = json.loads(text)
    except ValueError:
        answer = {"detail": text[:200].decode(errors="replace")}
    if response.status != http.HTTPStatus.OK or not isinstance(answer, dict):
        detail = answer.get("detail", response.reason) if isinstance(answer, dict) else answer
        raise ServingError(
            f"{url}{path} answered {response.status}: {detail}", hint="look at `nbprod status`"
        )
    return answer
