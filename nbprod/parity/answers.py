"""What production answered, beside what the same rows give now: features, then predictions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from nbprod.data.comparison import UNMEASURABLE, compare
from nbprod.parity.outcome import Outcome
from nbprod.parity.rules import RULES, told
from nbprod.records import ColumnDistance, Finding, Json, ParityReport

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from nbprod.data.comparison import Difference


@dataclass(frozen=True)
class Answered:
    """Rows that were answered: ids, raw rows, features and outputs, in the same order.

    ``features`` and ``outputs`` as plain JSON values, one mapping for each row.
    """

    ids: Sequence[str]
    rows: Sequence[Json]
    features: Sequence[Json]
    outputs: Sequence[Json]


@dataclass
class Comparing:
    """Two sides of the same answers, and what becomes of it."""

    tolerance: Mapping[str, str]
    apart: Mapping[str, str] = field(default_factory=dict)  # feature -> why it is not compared
    outcomes: list[Outcome] = field(default_factory=list)
    distances: list[ColumnDistance] = field(default_factory=list)

    def features(self, expected: Answered, actual: Answered, where: str) -> None:
        """Every feature, but those that cannot be compared."""
        outcome = self.outcome("features", len(expected.ids))
        left, right = (
            [
                {name: v for name, v in row.items() if name not in self.apart}
                for row in side.features
            ]
            for side in (expected, actual)
        )
        self._compare(outcome, left, right, expected, where)
        if self.apart and expected.ids:
            first = next(iter(self.apart.values()))
            outcome.reason = f"{', '.join(self.apart)} not compared: {first}"

    def outputs(self, expected: Answered, actual: Answered, where: str) -> None:
        """Every prediction."""
        outcome = self.outcome("prediction", len(expected.ids))
        self._compare(outcome, expected.outputs, actual.outputs, expected, where)

    def outcome(self, name: str, rows: int) -> Outcome:
        """A relation that is about to be tried."""
        outcome = Outcome(name, rows=rows)
        self.outcomes.append(outcome)
        return outcome

    def _compare(
        self,
        outcome: Outcome,
        left: Sequence[Json],
        right: Sequence[Json],
        expected: Answered,
        where: str,
    ) -> None:
        if not left:
            outcome.impossible("there was no answer to compare")
            return
        found = compare(_frame(left), _frame(right), self.tolerance)
        self.distances += found.distances
        if found.differences:
            columns = sorted(found.columns)
            head = min(found.differences, key=lambda item: item.kind != "value")
            outcome.findings.append(_finding(head, columns, expected, where))

    def report(
        self,
        scope: Literal["module", "candidate", "deployed"],
        subject: str,
    ) -> ParityReport:
        """The report: passed when something was compared and nothing differs."""
        findings = [finding for outcome in self.outcomes for finding in outcome.findings]
        return ParityReport(
            scope=scope,
            subject=subject,
            rows=max((outcome.rows for outcome in self.outcomes), default=0),
            relations=tuple(outcome.result() for outcome in self.outcomes),
            distances=tuple(self.distances),
            findings=tuple(findings),
            passed=not any(f.severity == "error" for f in findings)
            and all(outcome.result().passed for outcome in self.outcomes),
        )


def _frame(rows: Sequence[Json]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame([*rows])


def _finding(head: Difference, columns: list[str], expected: Answered, where: str) -> Finding:
    code = "NBP001" if head.kind in ("value", "rows") else "NBP007"
    shown: dict[str, Any] = {}
    if head.row >= 0:
        shown = {"prediction_id": expected.ids[head.row], "rows": [dict(expected.rows[head.row])]}
    more = f" (and {len(columns) - 1} more columns)" if len(columns) > 1 else ""
    return Finding(
        code=code,
        severity="error",
        message=f"{RULES[code][0]}: {told(head)}{more} {where}".rstrip(),
        hint="`nbprod why` shows the prediction; compare the release's environment and files with "
        "what answers: `nbprod verify`, `nbprod status`",
        column=head.column or None,
        details={
            "kind": head.kind,
            "expected": head.expected,
            "actual": head.actual,
            "distance": None if head.distance >= UNMEASURABLE else head.distance,
            "tolerance": head.tolerance,
            "columns": columns[:20],
            **shown,
        },
    )
