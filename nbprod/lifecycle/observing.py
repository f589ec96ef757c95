"""What each role did since the traffic state began: from the tally, the log and the outcomes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from nbprod.rollout import Arm, Latencies, Moments, Observed

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from nbprod.records import Json

_BINS = 10


def observe(
    rows: pd.DataFrame, tally: Mapping[str, Mapping[str, int]], *, task: str
) -> dict[str, Observed]:
    """By role, what the rollout policy judges.

    rows: live predictions since the state began, as ``prediction_log.joined`` gives them, each
    with its outcome where one is known. tally: requests and errors by role, as the traffic keeper
    counts them. Predictions are binned by the champion's own deciles, or by their value.
    """
    roles = ("champion", "canary")
    parts = {role: rows[rows["role"] == role] for role in roles}
    edges = _edges(parts["champion"])
    return {
        role: Observed(
            requests=int(tally.get(role, {}).get("requests", 0)),
            errors=int(tally.get(role, {}).get("errors", 0)),
            fallbacks=int(part["degraded"].astype(bool).sum()) if len(part) else 0,
            latencies=Latencies.of([float(value) for value in part["latency_ms"]]),
            outputs=_binned(part, edges),
            scores=_scores(part, task),
        )
        for role, part in parts.items()
    }


def arms(rows: pd.DataFrame, *, due_before: str) -> tuple[Arm, Arm]:
    """Control and treatment of an A/B test, counted by key: each key's first exposure only.

    rows: as for `observe`, with the test's outcome. due_before: ISO 8601; later exposures need
    have no outcome yet.
    """
    keys = [str(name) for name in rows.columns if str(name).startswith("key.")]
    first = rows.sort_values("at").drop_duplicates(keys or ["id"])
    return _arm(first, "champion", due_before), _arm(first, "canary", due_before)


def _arm(rows: pd.DataFrame, role: str, due_before: str) -> Arm:
    import pandas as pd

    mine = rows[rows["role"] == role]
    due = mine[mine["at"].astype(str) < due_before]
    known = due[due["labelled"].astype(bool)]
    values = pd.to_numeric(known["outcome"].map(_as_number), errors="coerce").dropna()
    return Arm(len(mine), len(due), _moments(values.tolist()))


def _answers(part: pd.DataFrame) -> pd.Series[Any]:
    """The column of answers: ``output``, or the first field of several."""
    named = [name for name in part.columns if name == "output" or str(name).startswith("output.")]
    return part[named[0]] if named else part["id"].iloc[:0]


def _edges(champion: pd.DataFrame) -> list[float] | None:
    """Deciles of numeric answers with many values; None where each value is its own bin."""
    import numpy as np

    answers = _answers(champion)
    numbers = [value for value in answers if _is_number(value)]
    if len(numbers) < len(answers) or len(set(numbers)) <= _BINS:
        return None
    inner = np.unique(np.quantile(numbers, np.linspace(0, 1, _BINS + 1)[1:-1]))
    return [float(edge) for edge in inner]


def _binned(part: pd.DataFrame, edges: list[float] | None) -> dict[str, int]:
    from bisect import bisect_right
    from collections import Counter

    answers = [value for value in _answers(part) if value is not None]
    if edges is None:
        return dict(Counter(str(value) for value in answers))
    placed = (str(bisect_right(edges, v)) if _is_number(v) else str(v) for v in answers)
    return dict(Counter(placed))


def _scores(part: pd.DataFrame, task: str) -> dict[str, Moments]:
    """Per-row scores of the predictions whose outcome is known; fallbacks are not the model's."""
    if not len(part) or "outcome" not in part:
        return {}
    known = part[part["labelled"].astype(bool) & ~part["degraded"].astype(bool)]
    pairs = list(zip(_answers(known), known["outcome"].map(_as_number), strict=True))
    scored: dict[str, list[float]] = {}
    for answer, truth in pairs:
        for name, value in _score(_as_number(answer), truth, task).items():
            scored.setdefault(name, []).append(value)
    return {name: _moments(values) for name, values in scored.items()}


def _score(answer: Any, truth: Any, task: str) -> dict[str, float]:
    """The per-row scores of one prediction; their means are the usual metrics."""
    numbers = _is_number(answer) and _is_number(truth)
    if task == "regression":
        if not numbers:
            return {}
        return {"mae": abs(answer - truth), "mse": (answer - truth) ** 2, "outcome": float(truth)}
    if numbers and truth in (0, 1) and 0 <= answer <= 1:
        likely = min(max(answer if truth else 1 - answer, 1e-15), 1.0)
        return {
            "accuracy": float((answer >= 0.5) == bool(truth)),
            "brier": float((answer - truth) ** 2),
            "log_loss": -math.log(likely),
            "outcome": float(truth),
        }
    return {"accuracy": float(str(answer) == str(truth))}


def _moments(values: list[float]) -> Moments:
    return Moments(len(values), math.fsum(values), math.fsum(value * value for value in values))


def _as_number(value: Any) -> Any:
    return int(value) if isinstance(value, bool) else value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value


def in_short(observed: Mapping[str, Observed]) -> dict[str, Json]:
    """The observations as evidence for the history."""
    return {role: one.to_json() for role, one in observed.items()}
