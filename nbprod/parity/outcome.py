"""What came of one relation, before it becomes part of the report."""

from __future__ import annotations

from dataclasses import dataclass, field

from nbprod.records import Finding, RelationResult


@dataclass
class Outcome:
    """One relation tried: its findings, and whether it could be tried at all.

    ``failed`` says that it was not passed although it has no finding of its own: it could not
    be tried, or what it showed already has a finding of an earlier relation.
    """

    name: str
    findings: list[Finding] = field(default_factory=list)
    rows: int = 0
    checked: bool = True
    failed: bool = False
    reason: str = ""
    duration_s: float = 0.0

    def not_needed(self, reason: str) -> Outcome:
        """Nothing to try: the caller named no such thing. This does not fail the report."""
        self.checked, self.reason = False, reason
        return self

    def impossible(self, reason: str) -> Outcome:
        """It could not be tried: the report does not pass."""
        self.checked, self.failed, self.reason = False, True, reason
        return self

    def result(self) -> RelationResult:
        """The outcome as the report holds it."""
        errors = [finding for finding in self.findings if finding.severity == "error"]
        return RelationResult(
            name=self.name,
            passed=not errors and not self.failed,
            checked=self.checked,
            rows=self.rows,
            duration_s=round(self.duration_s, 3),
            reason=self.reason or (errors[0].code if errors else ""),
        )
