"""Jobs that put production's answers beside what a released module gives, in a child process."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.config import Settings
from nbprod.data.row_validation import RowValidator
from nbprod.parity.answers import Answered, Comparing
from nbprod.parity.saying import through_json
from nbprod.predictor.plain_frames import records_of
from nbprod.predictor.predict import Predictor
from nbprod.records import REDACTED, ColumnRule, Json, ParityReport, Prediction, Progress

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd


def replay(
    *,
    settings: Mapping[str, Any],
    bundle: str,
    release: str,
    predictions: Sequence[Mapping[str, Any]],
    progress: Progress,
) -> ParityReport:
    """Logged rows through the released module again: the same features, the same predictions.

    A redacted value is not known any more: what depends on it is told by trying two values.
    """
    project = Settings.from_json(settings)
    predictor = Predictor.load(Path(bundle))
    logged = [Prediction.from_json(item) for item in predictions]
    progress(f"recomputing {len(logged)} predictions of release {release}", None)
    rows = [dict(item.inputs) for item in logged]
    first, second = (filled(predictor, rows, choice) for choice in (0, 1))
    features = predictor.features(first)
    apart = dependent(features, predictor.features(second), project)
    for name in apart:  # the model is asked about what was logged
        if all(item.features.get(name) != REDACTED for item in logged):
            values = [item.features.get(name) for item in logged]
            features[name] = _like(values, features[name])
    then = Answered(
        [item.id for item in logged],
        [_shown(row, project) for row in rows],
        [dict(item.features) for item in logged],
        [_output(item.output, predictor) for item in logged],
    )
    now = Answered(
        then.ids, then.rows, records_of(features), records_of(predictor.predict_features(features))
    )
    work = Comparing(project.parity.tolerance, apart)
    work.features(then, now, "in the log and recomputed")
    hidden = [name for name in apart if any(r.features.get(name) == REDACTED for r in logged)]
    if hidden:
        work.outcome("prediction", len(rows)).not_needed(
            f"{', '.join(hidden)} are redacted in the log"
        )
    else:
        work.outputs(then, now, "in the log and recomputed")
    return work.report("deployed", release)


def answered_parity(
    *,
    settings: Mapping[str, Any],
    bundle: str,
    release: str,
    data: str,
    answers: Sequence[Mapping[str, Any]],
    positions: Sequence[int],
    progress: Progress,
) -> ParityReport:
    """What the endpoint answered to training's rows, beside what the model was fed for them."""
    import pandas as pd

    project = Settings.from_json(settings)
    predictor = Predictor.load(Path(bundle))
    progress(f"comparing {len(answers)} answers of release {release}", None)
    fed = pd.read_parquet(Path(data, "sample_features.parquet")).iloc[list(positions)]
    got = [Prediction.from_json(item) for item in answers]
    trained = Answered(
        [item.id for item in got],
        [_shown(dict(item.inputs), project) for item in got],
        records_of(fed),
        records_of(predictor.predict_features(fed)),
    )
    served = Answered(
        trained.ids,
        trained.rows,
        [dict(item.features) for item in got],
        [_output(item.output, predictor) for item in got],
    )
    names = {name for item in got for name, v in item.features.items() if v == REDACTED}
    apart = dict.fromkeys(sorted(names), "redacted in the log")
    work = Comparing(project.parity.tolerance, apart)
    work.features(trained, served, "as the model was trained on it and through the endpoint")
    work.outputs(trained, served, "for training's features and through the endpoint")
    return work.report("deployed", release)


def request_rows(*, bundle: str, data: str, rows: int, progress: Progress) -> Json:
    """Raw rows of training as a caller sends them, and their positions in the run's sample."""
    import pandas as pd

    predictor = Predictor.load(Path(bundle))
    progress("reading rows of the training run", None)
    sample = pd.read_parquet(Path(data, "sample.parquet"))
    names = [rule.name for rule in predictor.contract.input if rule.name in sample.columns]
    step = max(1, -(-len(sample) // max(rows, 1)))
    places = list(range(0, len(sample), step))
    records = through_json(sample.iloc[places][names])
    good, _ = RowValidator(predictor.contract.input, predictor.contract.strict).check(records)
    kept = [number for number, row in enumerate(good) if row is not None]
    return {"rows": [records[k] for k in kept], "positions": [places[k] for k in kept]}


def with_predictions(
    predictor: Predictor,
    sample: pd.DataFrame,
    fed: pd.DataFrame,
    report: ParityReport,
    *,
    limits: Mapping[str, str],
) -> ParityReport:
    """A report on features with one relation more: the served predictions, too, are those that
    the model gives for the features it was trained on."""
    work = Comparing(limits)
    if any(finding.severity == "error" for finding in report.findings):
        work.outcome("prediction", 0).impossible("see the findings: the features differ already")
    else:
        names = [rule.name for rule in predictor.contract.input if rule.name in sample.columns]
        records = through_json(sample[names])
        answer = predictor.answer(records, partial=True)
        rows = [records[place] for place in answer.good]
        numbers = [f"row {place}" for place in answer.good]
        outputs = [_output(output, predictor) for output in answer.outputs]
        trained = records_of(predictor.predict_features(fed.iloc[answer.good]))
        work.outputs(
            Answered(numbers, rows, [], trained),
            Answered(numbers, rows, [], outputs),
            "for training's features and as it is served",
        )
    relations = tuple(outcome.result() for outcome in work.outcomes)
    findings = tuple(finding for outcome in work.outcomes for finding in outcome.findings)
    return dataclasses.replace(
        report,
        relations=(*report.relations, *relations),
        findings=(*report.findings, *findings),
        distances=(*report.distances, *work.distances),
        passed=report.passed and all(relation.passed for relation in relations),
    )


# ---------------------------------------------------------------- values that are not known


def filled(predictor: Predictor, rows: list[Json], choice: int) -> list[Json]:
    """The rows with one of two allowed values wherever one is redacted."""
    stand_in = {rule.name: _allowed(rule, rows)[choice] for rule in predictor.contract.input}
    return [
        {name: stand_in[name] if value == REDACTED else value for name, value in row.items()}
        for row in rows
    ]


def _allowed(rule: ColumnRule, rows: list[Json]) -> tuple[Any, Any]:
    """Two values of a column that the contract allows; the same one twice where it allows one."""
    if not any(row.get(rule.name) == REDACTED for row in rows):
        return None, None
    low = 0.0 if rule.minimum is None else rule.minimum
    high = low + 1 if rule.maximum is None else rule.maximum
    values: dict[str, list[Any]] = {
        "int": [int(low), int(high)],
        "float": [float(low), float(high)],
        "bool": [True, False],
        "datetime": [rule.earliest or "2000-01-01T00:00:00", rule.latest or "2030-01-01T00:00:00"],
        "str": list(rule.categories or ["a", "b", "N1", "N2"]),
    }
    found = [
        value
        for value in [*values[rule.dtype], *([None] if rule.nullable else [])]
        if not RowValidator((rule,), strict=True).check([{rule.name: value}])[1]
    ]
    return (found[0], found[-1]) if found else (None, None)


def dependent(one: pd.DataFrame, other: pd.DataFrame, project: Settings) -> dict[str, str]:
    """Features that change with what the log redacts, and why they cannot be compared."""
    from nbprod.data.comparison import compare

    columns = sorted(compare(one, other).columns)
    names = ", ".join(sorted(project.redacted))
    return dict.fromkeys(columns, f"made from {names}, which the log redacts")


def _like(values: list[Any], column: pd.Series[Any]) -> Any:
    import pandas as pd

    return pd.Series(values, index=column.index).astype(column.dtype)


def _shown(row: Json, project: Settings) -> Json:
    return {name: REDACTED if name in project.redacted else value for name, value in row.items()}


def _output(output: Any, predictor: Predictor) -> Json:
    if isinstance(output, dict):
        return output
    names = [rule.name for rule in predictor.contract.output] or ["prediction"]
    return {names[0]: output}
