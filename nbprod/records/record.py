"""What every record has: an id, a moment, lineage, findings; and a verdict where it judges."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Self

from nbprod.errors import VerdictError
from nbprod.records.plain import Json, Plain, canonical_json, new_id, sha256, utc_now

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True, kw_only=True)
class Finding(Plain):
    """One thing a rule found: stable code, severity, where, and what to do next."""

    code: str
    severity: Severity
    message: str
    hint: str = ""
    notebook: str | None = None
    cell_id: str | None = None
    line: int | None = None  # 1-based, in the cell
    column: str | None = None  # of a frame, where a rule is about one
    details: Json = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Record(Plain):
    """What every noun of the road has."""

    id: str = field(default_factory=new_id)
    created_at: str = field(default_factory=utc_now)
    inputs: dict[str, str] = field(default_factory=dict)  # record id -> its digest
    findings: tuple[Finding, ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 over the record's canonical JSON."""
        return sha256(canonical_json(self.to_json()))


@dataclass(frozen=True, kw_only=True)
class Judgement(Record):
    """A record that judges."""

    passed: bool

    def raise_if_failed(self) -> Self:
        """The record itself when it passed; VerdictError naming the first finding otherwise."""
        if self.passed:
            return self
        first = next((f for f in self.findings if f.severity == "error"), None)
        raise VerdictError(
            f"{type(self).__name__} {self.id} did not pass"
            + (f": {first.code} {first.message}" if first else ""),
            hint=(first.hint if first and first.hint else "look at the record's findings"),
            record=self.to_json(),
        )
