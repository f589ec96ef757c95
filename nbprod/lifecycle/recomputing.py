"""Features of logged predictions computed again, apart from who answered: is it what was logged?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.config import Settings
from nbprod.lifecycle.isolation import run_job
from nbprod.lifecycle.parity_jobs import dependent, filled
from nbprod.predictor.predict import Predictor
from nbprod.records import REDACTED, Json, Prediction, Progress

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nbprod.lifecycle.project import Project

ROWS = 200  # of one release: a child process takes seconds for its start, milliseconds for these


def recomputed(project: Project, release: int, role: str, since: str) -> tuple[int, int]:
    """(mismatches, compared) of the newest predictions of a release in a role.

    Runs the release's code in a child process; fallbacks, which have no features, are left out.
    """
    from nbprod.data.prediction_log import query
    from nbprod.lifecycle.loop import log_folder
    from nbprod.lifecycle.promotion import release_path

    found = query(
        log_folder(project), since=since or None, release=str(release), role=role, limit=ROWS
    )
    logged = [one.to_json() for one in found if not one.degraded]
    if not logged:
        return 0, 0
    told = run_job(
        "recompute",
        {
            "settings": project.settings.to_json(),
            "bundle": str(release_path(project, release)),
            "predictions": logged,
        },
        cwd=Path(project.settings.project_path),
        progress=project.progress,
    )
    return int(told["mismatches"]), int(told["compared"])


def recompute(
    *,
    settings: Mapping[str, Any],
    bundle: str,
    predictions: Sequence[Mapping[str, Any]],
    progress: Progress,
) -> Json:
    """How many of logged predictions have other features than the module computes now."""
    import pandas as pd

    from nbprod.data.comparison import compare

    project = Settings.from_json(settings)
    predictor = Predictor.load(Path(bundle))
    logged = [Prediction.from_json(item) for item in predictions]
    progress(f"recomputing the features of {len(logged)} predictions", None)
    rows = [dict(item.inputs) for item in logged]
    features, others = (predictor.features(filled(predictor, rows, n)) for n in (0, 1))
    apart = dependent(features, others, project)  # on a value that the log redacts
    names = [
        name
        for name in features.columns
        if name not in apart and all(item.features.get(name) != REDACTED for item in logged)
    ]
    then = pd.DataFrame([{name: item.features.get(name) for name in names} for item in logged])
    now = pd.DataFrame(features[names].to_dict("records"))
    found = compare(then, now, project.parity.tolerance)
    wrong = [one.rows if one.kind == "value" else len(logged) for one in found.differences]
    return {"compared": len(logged) if names else 0, "mismatches": max(wrong, default=0)}
