"""The nouns that flow along the road, as frozen values.

Every record has ``id``, ``created_at`` (UTC, ISO 8601), ``inputs`` (record id -> digest of
what it was made from: lineage for free) and ``findings``. A record that judges has ``passed``
and ``raise_if_failed()``. ``to_json``/``from_json`` round-trip through plain data; ``digest``
is over that data, so that a later stage can tell whether a record is the one that was written.
"""

from __future__ import annotations

from nbprod.records.contract import ColumnRule, ContractReport, DataContract, Violation
from nbprod.records.deployment import Deployment, Role, RolloutDecision, RolloutStep, TrafficState
from nbprod.records.editing import LineRun, Preview, PreviewFile, QuickFix, RoleChange
from nbprod.records.extraction import (
    CellSummary,
    ComparedValue,
    Extraction,
    Inspection,
    Proof,
    Sync,
)
from nbprod.records.gates import GateCheck, GateResult, Verdict
from nbprod.records.health import Acknowledgement, Alert, ColumnDrift, DriftReport, Health
from nbprod.records.parity import ColumnDistance, ParityReport, RelationResult
from nbprod.records.plain import (
    REDACTED,
    Json,
    Progress,
    canonical_json,
    id_time,
    new_id,
    new_ids,
    sha256,
    utc_now,
)
from nbprod.records.predictions import Explanation, Outcome, OutcomeReceipt, Prediction
from nbprod.records.project import Configuration, Demonstration, DemoStep, Diagnosis, Scaffold
from nbprod.records.record import Finding, Judgement, Record, Severity
from nbprod.records.releases import Approval, Release, Verification
from nbprod.records.shadow import FieldDifference, ShadowExample, ShadowReport, SliceDifference
from nbprod.records.training import (
    Candidate,
    Machine,
    ReproducedStep,
    Reproduction,
    Sameness,
    Snapshot,
    TrainingRun,
)

__all__ = [
    "REDACTED",
    "Acknowledgement",
    "Alert",
    "Approval",
    "Candidate",
    "CellSummary",
    "ColumnDistance",
    "ColumnDrift",
    "ColumnRule",
    "ComparedValue",
    "Configuration",
    "ContractReport",
    "DataContract",
    "DemoStep",
    "Demonstration",
    "Deployment",
    "Diagnosis",
    "DriftReport",
    "Explanation",
    "Extraction",
    "FieldDifference",
    "Finding",
    "GateCheck",
    "GateResult",
    "Health",
    "Inspection",
    "Json",
    "Judgement",
    "LineRun",
    "Machine",
    "Outcome",
    "OutcomeReceipt",
    "ParityReport",
    "Prediction",
    "Preview",
    "PreviewFile",
    "Progress",
    "Proof",
    "QuickFix",
    "Record",
    "RelationResult",
    "Release",
    "ReproducedStep",
    "Reproduction",
    "Role",
    "RoleChange",
    "RolloutDecision",
    "RolloutStep",
    "Sameness",
    "Scaffold",
    "Severity",
    "ShadowExample",
    "ShadowReport",
    "SliceDifference",
    "Snapshot",
    "Sync",
    "TrafficState",
    "TrainingRun",
    "Verdict",
    "Verification",
    "Violation",
    "canonical_json",
    "id_time",
    "new_id",
    "new_ids",
    "sha256",
    "utc_now",
]
