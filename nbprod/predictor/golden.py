"""Golden requests: rows and their exact answers, replayed before a replica takes traffic."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, Protocol

from nbprod.errors import DataError, ExecutionError, TamperedReleaseError
from nbprod.predictor.accepting import select_inputs
from nbprod.predictor.plain_frames import records_of
from nbprod.records import REDACTED, ColumnRule, Finding, Json

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    import pandas as pd

    from nbprod.predictor.answers import Answer
    from nbprod.predictor.predict import Predictor

# What stands for a text: the first that the contract's pattern allows.
_TEXTS = (REDACTED, "0", "2000-01-01", "2000-01-01T00:00:00Z")


def golden_requests(
    predictor: Predictor, frame: pd.DataFrame, *, count: int = 20, redact: Collection[str] = ()
) -> list[Json]:
    """Requests as a caller would send them and the answers they got, one row each.

    frame: raw rows with at least the input columns, such as the holdout; rows are taken evenly
    over it, and a row the contract refuses, or whose answer it refuses, is passed over.
    redact: columns whose values are kept nowhere; each row is sent with a stand-in instead.
    Raises DataError when no row is left.
    """
    hidden = {r.name: _stand_in(r) for r in predictor.contract.input if r.name in redact}
    inputs = select_inputs(frame, predictor.contract.input)
    requests: list[Json] = []
    refused = ""
    for place in _spread(len(inputs), count):
        row = {**records_of(inputs.iloc[place : place + 1])[0], **hidden}
        try:
            answer = predictor.answer([row], partial=True)
        except ExecutionError as error:
            if not hidden:
                raise
            raise ExecutionError(
                f"a golden request, in which {', '.join(hidden)} hold a stand-in for redacted "
                f"values, cannot be answered: {error.message}",
                hint="the contract allows such a row, so a caller may send it: handle it in the "
                "transform, or narrow the contract",
            ) from error
        if answer.good:
            requests.append({"instances": [row], "predictions": answer.outputs})
        elif not refused:
            first = (*answer.violations, *answer.failed)[0]
            refused = f"{first.column} {first.message}"
    if not requests:
        raise DataError(
            f"not one held-out row can be answered under the contract: {refused or 'no rows'}",
            hint="compare the data with the contract: `nbprod contract check`",
        )
    return requests


def _stand_in(rule: ColumnRule) -> Any:
    """A value that the contract allows and that tells nothing of anybody's row."""
    if rule.nullable:
        return None
    if rule.categories:
        return rule.categories[0]
    if rule.dtype == "bool":
        return False
    if rule.dtype == "datetime":
        return rule.earliest or rule.latest or "2000-01-01T00:00:00+00:00"
    if rule.dtype == "str":
        allowed = [text for text in _TEXTS if re.match(rule.pattern or "", text)]
        if not allowed:
            raise DataError(
                f"no stand-in for the redacted column {rule.name!r} matches {rule.pattern!r}",
                hint="let the contract allow it to be null, or take it out of [serving] log.redact",
            )
        return allowed[0]
    low = -math.inf if rule.minimum is None else rule.minimum
    high = math.inf if rule.maximum is None else rule.maximum
    number = min(max(0.0, low), high)
    return math.ceil(number) if rule.dtype == "int" else number


def save_golden(requests: list[Json], path: Path) -> None:
    """Writes golden requests as JSON."""
    path.write_text(json.dumps(requests, indent=1) + "\n", encoding="utf-8")


def load_golden(path: Path) -> list[Json]:
    """The golden requests in a file; TamperedReleaseError where they cannot be read."""
    try:
        requests: list[Json] = json.loads(path.read_text(encoding="utf-8"))
        if all({"instances", "predictions"} <= set(request) for request in requests):
            return requests
        reason = "a request lacks its instances or predictions"
    except (OSError, ValueError, TypeError) as error:
        reason = str(error)
    raise TamperedReleaseError(
        f"the golden requests in {path} cannot be read: {reason}",
        hint="restore the release from a copy you trust, or release again",
    )


class Answering(Protocol):
    """What golden requests are replayed with: a predictor, or what stands before one."""

    @property
    def tolerance(self) -> float:
        """See `Predictor.tolerance`."""

    def answer(self, rows: Sequence[Json], *, partial: bool) -> Answer:
        """See `Predictor.answer`."""


def replay_golden(predictor: Answering, path: Path) -> list[Finding]:
    """Answers every golden request again; one finding for each answer that is another now.

    Numbers agree within the predictor's tolerance (a relative 1e-9 on the CPU), everything else
    exactly. Empty when the predictor answers as it did when it was trained.
    """
    findings = []
    for number, request in enumerate(load_golden(path)):
        answer = predictor.answer(request["instances"], partial=True)
        if refused := (*answer.violations, *answer.failed):
            first = refused[0]
            now = f"is refused: {first.column} {first.message}"
        elif _same(answer.outputs, request["predictions"], predictor.tolerance):
            continue
        else:
            now = f"is answered {answer.outputs} instead of {request['predictions']}"
        findings.append(
            Finding(
                code="NBS014",
                severity="error",
                message=f"golden request {number} {now}",
                hint="another library version or machine answers otherwise: compare lock.txt",
                details={"request": number},
            )
        )
    return findings


def _spread(rows: int, count: int) -> list[int]:
    step = max(1, rows // count) if count else 1
    return list(range(0, rows, step))[:count]


def _same(now: Any, then: Any, tolerance: float) -> bool:
    if isinstance(now, bool) or isinstance(then, bool):
        return now is then
    if isinstance(now, int | float) and isinstance(then, int | float):
        return math.isclose(now, then, rel_tol=tolerance, abs_tol=tolerance / 1000)
    if isinstance(now, list) and isinstance(then, list):
        pairs = zip(now, then, strict=False)
        return len(now) == len(then) and all(_same(*pair, tolerance) for pair in pairs)
    if isinstance(now, dict) and isinstance(then, dict):
        return now.keys() == then.keys() and all(_same(now[k], then[k], tolerance) for k in now)
    return bool(now == then)
