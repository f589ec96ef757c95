"""Parity between training and serving, proved on real rows or disproved by a small example."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from nbprod.data.custom_checks import CustomChecks
from nbprod.errors import DataError
from nbprod.parity.calls import Subject
from nbprod.parity.examination import Question, owned
from nbprod.parity.horizon import hidden_columns, time_column
from nbprod.parity.serve_paths import Served
from nbprod.records import ColumnDistance, DataContract, Finding, ParityReport, Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    import pandas as pd

    from nbprod.parity.sending import Rerun

LIMIT_S = 120.0


def check_parity(
    transform: Callable[..., Any],
    serve_path: Callable[..., Any] | None = None,
    *,
    rows: pd.DataFrame,
    state: Any = None,
    contract: Any = None,
    tolerance: Mapping[str, str] | str | None = None,
    expected: pd.DataFrame | None = None,
    fit: Callable[[pd.DataFrame], Any] | None = None,
    label: str = "",
    time: str = "",
    not_inputs: Sequence[str] = (),
    scope: Literal["module", "candidate", "deployed"] = "module",
    subject: str = "",
    rerun: Rerun | None = None,
    redact: Collection[str] = (),
    checks: CustomChecks | None = None,
    limit_s: float = LIMIT_S,
    limit_bytes: int | None = None,
    progress: Progress | None = None,
) -> ParityReport:
    """Whether the features that serving computes are those that training computed.

    transform: ``transform(frame, state)`` -> features, one row for each row. serve_path: how
    serving computes them: ``serve(records)`` as JSON gives them, ``serve(frame)``, or one record
    at a time, ``serve(record) -> dict``; each may take the state as its second argument. rows:
    real raw rows. expected: the features the model was trained on, for the same rows in the same
    order. fit: fits the state again from ``rows``, or from what it holds itself; its state must be
    the one given. label, not_inputs: what is known only after the prediction (see `horizon` for
    what is taken where they are not named); time: the column that says when. tolerance: per
    column, ``*`` for the others; or one for all. rerun: transforms rows in a fresh process under
    further environment variables, and is called from several threads at once; without it the
    transform is sent to one by value. contract: what serving allows: a DataContract, with
    ``checks`` for what it asks beyond its rules, or a pandera model or schema of the raw rows.
    redact: raw columns whose values no finding shows. limit_s, limit_bytes: how long one relation
    may take (0: no limit), and how much more memory (None: four fifths of what is free).

    Findings have the codes NBP001 to NBP011, one for each cause. A relation that could not be
    tried is ``checked=False``, and passes only where the caller named nothing to try.
    """
    _require(rows)
    if contract is not None and not isinstance(contract, DataContract):
        contract, checks = CustomChecks.of(contract)
    limits = {"*": tolerance} if isinstance(tolerance, str) else dict(tolerance or {})
    examined = Subject(transform, owned(state), rows, limits, redact=frozenset(redact))
    question = Question(
        examined,
        Served(serve_path, examined) if serve_path is not None else None,
        contract,
        expected,
        fit,
        hidden_columns(rows, contract, (label, *not_inputs)),
        time_column(rows, time),
        rerun,
        (limit_s, limit_bytes),
        progress or (lambda _message, _fraction: None),
        checks,
    )
    return _reported(question, scope, subject)


def _require(rows: pd.DataFrame) -> None:
    if not len(rows):
        raise DataError(
            "parity was given no rows", hint="give it real rows: a few hundred show what one hides"
        )


def _reported(
    question: Question, scope: Literal["module", "candidate", "deployed"], subject: str
) -> ParityReport:
    outcomes = question.answer()
    findings = _once([finding for outcome in outcomes for finding in outcome.findings])
    results = tuple(outcome.result() for outcome in outcomes)
    errors = any(finding.severity == "error" for finding in findings)
    contract = question.contract
    return ParityReport(
        scope=scope,
        subject=subject,
        rows=len(question.subject.rows),
        relations=results,
        distances=_distances(question.subject),
        findings=tuple(findings),
        passed=not errors and all(result.passed for result in results),
        inputs={contract.id: contract.digest} if contract is not None else {},
    )


def _distances(subject: Subject) -> tuple[ColumnDistance, ...]:
    return tuple(
        ColumnDistance(column=name, tolerance=limit, max_distance=largest, rows=count)
        for name, (limit, largest, count) in subject.distances.items()
    )


def _once(findings: list[Finding]) -> list[Finding]:
    """Each error that was raised told once, by the first relation that met it."""
    seen: set[str] = set()
    kept = []
    for finding in findings:
        error = finding.details.get("error")
        if error is None or error not in seen:
            kept.append(finding)
        seen.add(error or "")
    return kept
