"""The nouns that flow along the road, as frozen values.

Every record has ``id``, ``created_at`` (UTC, ISO 8601), ``inputs`` (record id -> digest of
what it was made from: lineage for free) and ``findings``. A record that judges has ``passed``
and ``raise_if_failed()``. ``to_json``/``from_json`` round-trip through plain data; ``digest``
is over that data, so that a later stage can tell whether a record is the one that was written.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import secrets
import time
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any, Literal, Self

from nbprod.errors import StoreError, VerdictError

Severity = Literal["error", "warning", "info"]
Json = dict[str, Any]
REDACTED = "[redacted]"  # stands for a value that log, reports and releases must not hold
# What a long verb tells while it works: a message, and the fraction done in [0, 1] where known.
Progress = Callable[[str, float | None], None]


def new_id() -> str:
    """A new id, 24 characters; ids sort by the time they were made (milliseconds)."""
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(6)}"


def new_ids(count: int) -> list[str]:
    """So many new ids of one moment."""
    moment, tails = f"{time.time_ns() // 1_000_000:012x}", secrets.token_hex(6 * count)
    return [moment + tails[start : start + 12] for start in range(0, 12 * count, 12)]


def id_time(record_id: str) -> datetime:
    """When an id was made, UTC, from its first 12 hexadecimal characters."""
    try:
        return datetime.fromtimestamp(int(record_id[:12], 16) / 1000, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise StoreError(
            f"{record_id!r} is not an nbprod id",
            hint="an id is 24 hexadecimal characters, as printed by the command that made it",
        ) from error


def utc_now() -> str:
    """The present moment, UTC, ISO 8601 with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def canonical_json(value: Any) -> str:
    """One text for one value: sorted keys, no spaces; NaN and infinities become strings."""
    return json.dumps(_finite(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def sha256(content: bytes | str) -> str:
    """The hexadecimal SHA-256 of bytes, or of a text in UTF-8."""
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


class _Plain:
    """A frozen dataclass that goes to plain data and comes back the same."""

    def to_json(self) -> Json:
        """The value as plain data: dicts, lists, strings, numbers, booleans, None."""
        return {
            item.name: _to_plain(getattr(self, item.name))
            for item in dataclasses.fields(self)  # type: ignore[arg-type]
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The value again from plain data; unknown or missing fields raise StoreError."""
        hints = _hints(cls)  # type: ignore[arg-type]
        if unknown := set(data) - set(hints):
            raise StoreError(
                f"{cls.__name__} has no field {', '.join(sorted(map(repr, unknown)))}",
                hint="the record was written by another version of nbprod, or edited by hand",
            )
        try:
            return cls(**{name: _from_plain(hints[name], item) for name, item in data.items()})
        except (TypeError, ValueError, AttributeError) as error:
            raise StoreError(
                f"not a {cls.__name__}: {error}",
                hint="the record was written by another version of nbprod, or edited by hand",
            ) from error


@cache
def _hints(cls: type) -> dict[str, Any]:
    hints = typing.get_type_hints(cls)
    return {item.name: hints[item.name] for item in dataclasses.fields(cls)}


def _to_plain(value: Any) -> Any:
    if isinstance(value, _Plain):
        return value.to_json()
    if isinstance(value, Mapping):
        return {str(key): _to_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_to_plain(item) for item in value]
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if hasattr(value, "item"):  # a NumPy scalar
        return value.item()
    raise TypeError(f"{type(value).__name__} does not belong in a record")


def _from_plain(hint: Any, value: Any) -> Any:
    origin = typing.get_origin(hint)
    if origin in (types.UnionType, typing.Union):
        if value is None:
            return None
        options = [option for option in typing.get_args(hint) if option is not type(None)]
        return _from_plain(options[0], value) if len(options) == 1 else value
    if origin is tuple:
        inner = typing.get_args(hint)[0]
        return tuple(_from_plain(inner, item) for item in value)
    if origin is dict:
        inner = typing.get_args(hint)[1]
        return {key: _from_plain(inner, item) for key, item in value.items()}
    if isinstance(hint, type) and issubclass(hint, _Plain):
        return hint.from_json(value)
    if hint is float and isinstance(value, str):  # canonical JSON's "nan", "inf", "-inf"
        return float(value)
    return value


@dataclass(frozen=True, kw_only=True)
class Finding(_Plain):
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
class Record(_Plain):
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


# ---------------------------------------------------------------- notebook -> module


@dataclass(frozen=True, kw_only=True)
class CellSummary(_Plain):
    """One cell as `inspect` shows it."""

    cell_id: str
    index: int  # 0-based position in the notebook
    kind: str  # code | markdown | raw
    role: str  # the tag without its prefix; "" when the cell stays in the notebook
    defines: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    first_line: str = ""


@dataclass(frozen=True, kw_only=True)
class Inspection(Record):
    """What a notebook holds: cells, roles, the data flow between cells, findings."""

    notebook: str
    cells: tuple[CellSummary, ...] = ()
    # consumer cell id -> {name it reads: id of the cell that defines it}
    flow: dict[str, dict[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Extraction(Record):
    """The act of writing the module; ``version`` is the digest of the code that runs."""

    notebook: str
    package: str
    version: str
    files: dict[str, str] = field(default_factory=dict)  # path in the package -> SHA-256
    cells: tuple[str, ...] = ()  # ids of the cells that were carried over
    entry_points: tuple[str, ...] = ()  # "features.transform", ...
    changed: tuple[str, ...] = ()  # files written this time
    diff: str = ""  # of --check, or of a hand-edited module


@dataclass(frozen=True, kw_only=True)
class ComparedValue(_Plain):
    """One value that the tagged cells leave, beside the module's."""

    name: str  # in the notebook
    role: str  # parameter, constant, frame, train, holdout, state, features, model, predictions, …
    verdict: str  # same | different | not compared | not in the module
    cell_id: str
    line: int = 0  # 1-based, in the cell, of the statement that writes it
    place: str = ""  # in the module: "mean_gain in features.fit()"
    kind: str = ""  # what the value is: a frame and its shape, a class
    parts: int = 0  # how many parts of it were laid side by side
    distance: float = 0.0  # the largest
    tolerance: str = "exact"
    reason: str = ""  # the first difference, or what was not compared and why


@dataclass(frozen=True, kw_only=True)
class Proof(Judgement):
    """The module run beside the tagged cells: every value compared, and the inline tests."""

    notebook: str
    package: str
    version: str
    values: tuple[ComparedValue, ...] = ()
    tests: dict[str, int] = field(default_factory=dict)  # passed, failed, … of the inline tests
    durations_s: dict[str, float] = field(default_factory=dict)

    def count(self, verdict: str) -> int:
        """How many values have this verdict."""
        return sum(value.verdict == verdict for value in self.values)


@dataclass(frozen=True, kw_only=True)
class Sync(Judgement):
    """Hand edits of the module brought back into the notebook; all of them or, not passed, none."""

    notebook: str
    package: str
    version: str = ""  # of the module as it is then; "" where nothing was synced
    edited: tuple[str, ...] = ()  # files of the module that were edited by hand
    cells: dict[str, str] = field(default_factory=dict)  # cell id -> the diff of its source
    changed: tuple[str, ...] = ()  # files of the module whose bytes changed: headers, the manifest
    written: bool = False


# ---------------------------------------------------------------- a notebook while it is edited


@dataclass(frozen=True, kw_only=True)
class RoleChange(_Plain):
    """A role that a cell should get."""

    cell_id: str
    role: str
    tag: str  # as it stands in the notebook's metadata
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class QuickFix(_Plain):
    """One way to mend a finding, which its code, cell and line name."""

    title: str
    code: str
    cell_id: str | None
    line: int | None
    changes: tuple[RoleChange, ...]


@dataclass(frozen=True, kw_only=True)
class LineRun(_Plain):
    """Lines of a file that stand in a cell, too: so many from these two places on, 1-based."""

    line: int
    cell_id: str
    cell_line: int
    count: int


@dataclass(frozen=True, kw_only=True)
class PreviewFile(_Plain):
    """One file of the module as extraction would write it."""

    path: str  # in the package
    text: str
    lines: tuple[LineRun, ...] = ()
    changed: bool = False  # it differs from the one on disk, or there is none
    edited: bool = False  # the one on disk was edited by hand


@dataclass(frozen=True, kw_only=True)
class Preview(_Plain):
    """The module that was not written; no files where the cells cannot become one."""

    package: str
    version: str = ""
    files: tuple[PreviewFile, ...] = ()
    removed: tuple[str, ...] = ()  # files on disk that the module no longer has
    entry_points: tuple[str, ...] = ()
    diff: str = ""  # unified, from the disk to the notebook
    findings: tuple[Finding, ...] = ()


# ---------------------------------------------------------------- parity and contract


@dataclass(frozen=True, kw_only=True)
class ColumnDistance(_Plain):
    """How far two paths were apart in one column, and how far they may be."""

    column: str
    tolerance: str  # exact | abs:x | rel:x | ulp:n
    max_distance: float
    rows: int


@dataclass(frozen=True, kw_only=True)
class RelationResult(_Plain):
    """One relation tried between the paths; ``checked`` is false when it could not be tried."""

    name: str  # batch, order, repeat, mutation, wire, columns, environment, edge, state, leakage
    passed: bool
    checked: bool = True
    rows: int = 0
    duration_s: float = 0.0
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class ParityReport(Judgement):
    """Proof, or disproof, that training and serving compute the same features."""

    scope: Literal["module", "candidate", "deployed"]
    subject: str  # module version, candidate digest or release version
    rows: int
    relations: tuple[RelationResult, ...] = ()
    distances: tuple[ColumnDistance, ...] = ()
    asked: str = ""  # digest of what was asked: settings, libraries; the same is not asked twice


@dataclass(frozen=True, kw_only=True)
class ColumnRule(_Plain):
    """What one column may hold."""

    name: str
    dtype: Literal["int", "float", "str", "bool", "datetime"]
    nullable: bool = False
    required: bool = True
    minimum: float | None = None  # inclusive; for numbers
    maximum: float | None = None
    earliest: str | None = None  # inclusive, ISO 8601; for datetimes
    latest: str | None = None
    categories: tuple[str, ...] | None = None
    pattern: str | None = None
    unit: str = ""
    freshness: str = ""  # how old a moment may be when it is served, "1h"; "" = any age
    description: str = ""
    compiled: bool = True  # false: a custom check that only pandera can run


@dataclass(frozen=True, kw_only=True)
class DataContract(Record):
    """Schemas of raw input, features and output: one source for every way of serving."""

    package: str
    source_digest: str  # SHA-256 of schemas.py
    input: tuple[ColumnRule, ...] = ()
    features: tuple[ColumnRule, ...] = ()
    output: tuple[ColumnRule, ...] = ()
    key: tuple[str, ...] = ()
    strict: bool = True  # an extra input column is refused
    unique: tuple[tuple[str, ...], ...] = ()  # input columns that together name one row
    whole: tuple[str, ...] = ()  # parts with checks of whole rows that only pandera can run


@dataclass(frozen=True, kw_only=True)
class Violation(_Plain):
    """One value that breaks the contract."""

    row: int
    column: str
    # type | null | range | category | pattern | freshness | unit | unique | missing | extra | check
    rule: str
    message: str
    value: Any = None

    def told(self) -> str:
        """It in one line: the row, the column unless the whole row is meant, and what is wrong."""
        column = f", {self.column}" if self.column else ""
        return f"row {self.row}{column}: {self.message}"


@dataclass(frozen=True, kw_only=True)
class ContractReport(Judgement):
    """A frame judged against the contract, every failure counted, some shown."""

    contract: str  # id of the contract
    part: Literal["input", "features", "output"]
    rows: int
    failures: dict[str, int] = field(default_factory=dict)  # "column: rule" -> rows
    samples: tuple[Violation, ...] = ()


# ---------------------------------------------------------------- run, candidate, gate


@dataclass(frozen=True, kw_only=True)
class Snapshot(_Plain):
    """An immutable reference to the data a run read."""

    uri: str
    digest: str  # over every value of every row and column
    rows: int
    columns: tuple[str, ...]
    dtypes: dict[str, str] = field(default_factory=dict)  # column -> what it holds
    time_column: str = ""
    time_start: str = ""
    time_end: str = ""
    query: str = ""  # of a database
    sources: dict[str, str] = field(default_factory=dict)  # file the run names -> SHA-256


@dataclass(frozen=True, kw_only=True)
class Machine(_Plain):
    """What a run ran on."""

    python: str = ""
    system: str = ""
    processor: str = ""
    cores: int = 0
    memory_bytes: int = 0
    accelerators: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Candidate(_Plain):
    """What a run made; ``digest`` covers every file of its bundle."""

    name: str  # [model] name
    number: int  # MLflow model version N
    digest: str
    module_version: str
    contract_digest: str


Sameness = Literal["bit-equal", "within tolerance", "different", "not compared"]


@dataclass(frozen=True, kw_only=True)
class ReproducedStep(_Plain):
    """One thing that a run made, beside what the same run made again."""

    name: str  # data | holdout | features | state | model | predictions | metrics
    verdict: Sameness
    distance: float = 0.0  # the largest, in the measure of the tolerance
    reason: str = ""  # the first difference, or why it was not compared


@dataclass(frozen=True, kw_only=True)
class TrainingRun(Record):
    """One reproducible training in a fresh process."""

    mlflow_run_id: str
    candidate: Candidate
    snapshot: Snapshot
    parameters: Json = field(default_factory=dict)
    seed: int = 0
    metrics: dict[str, float] = field(default_factory=dict)
    train_rows: int = 0
    holdout_rows: int = 0
    git_commit: str = ""
    git_dirty: bool = False
    lock_digest: str = ""
    artifacts: dict[str, str] = field(default_factory=dict)  # path under the run -> SHA-256
    durations_s: dict[str, float] = field(default_factory=dict)
    settings: Json = field(default_factory=dict)  # section -> what nbprod.toml said of the training
    machine: Machine = field(default_factory=Machine)
    trained_by: str = ""
    notebook: tuple[ReproducedStep, ...] = ()  # its values beside the module's: train --notebook


@dataclass(frozen=True, kw_only=True)
class Reproduction(Judgement):
    """A release's run done again, compared value by value; passed unless it is different."""

    release: int
    candidate_digest: str
    verdict: Sameness
    # rebuilt from the lock in a fresh place | the present one, identical to the lock | different
    environment: Literal["rebuilt", "identical", "different"]
    libraries: int = 0  # of the lock that the run can reach
    differences: tuple[str, ...] = ()  # of the environment: libraries, Python, machine
    cause: str = ""  # what differs first: library | hardware | training; "" when nothing does
    tolerance: str = ""
    steps: tuple[ReproducedStep, ...] = ()
    metrics: dict[str, float] = field(default_factory=dict)  # as they came out this time
    machine: Machine = field(default_factory=Machine)
    durations_s: dict[str, float] = field(default_factory=dict)


Verdict = Literal["passed", "failed", "inconclusive"]


@dataclass(frozen=True, kw_only=True)
class GateCheck(_Plain):
    """One check of a gate notebook, with the sabotage that must fail it."""

    name: str
    value: float
    threshold: str  # ">= 0.70"
    verdict: Verdict
    slice: dict[str, str] = field(default_factory=dict)
    rows: int = 0
    low: float | None = None  # confidence interval of the value
    high: float | None = None
    rows_needed: int = 0  # more rows that an inconclusive check needs
    notebook: str = ""
    sabotage: str = ""  # the damage that must fail this check
    sabotage_caught: bool | None = None  # None: not tried
    tests: int = 1  # slices judged together; the interval is corrected for their number


@dataclass(frozen=True, kw_only=True)
class GateResult(Judgement):
    """Validation notebooks, thresholds and parity judged together, for one exact digest."""

    candidate_digest: str
    verdict: Verdict
    gate_digest: str  # over the notebooks, thresholds and data that judged
    data_digest: str
    baseline_digest: str = ""
    checks: tuple[GateCheck, ...] = ()
    parity: ParityReport | None = None
    notebooks: dict[str, str] = field(default_factory=dict)  # notebook -> executed copy
    snapshot_digest: str = ""  # of the data the candidate was trained from
    files: dict[str, str] = field(default_factory=dict)  # evidence in its folder -> SHA-256
    previous: str = ""  # "id digest" of the verdict before this one: no verdict can be taken away
    durations_s: dict[str, float] = field(default_factory=dict)  # notebooks, sabotage


# ---------------------------------------------------------------- release, deployment


@dataclass(frozen=True, kw_only=True)
class Approval(Record):
    """A person's yes or no to one exact candidate, with the reason."""

    candidate_digest: str
    approved: bool
    by: str
    reason: str
    review_digest: str = ""  # SHA-256 of the page of predictions that was there to look at


@dataclass(frozen=True, kw_only=True)
class Release(Record):
    """A candidate frozen with its evidence; ``files`` hashes every file of the bundle."""

    name: str
    version: int  # the model version N of its candidate
    candidate: Candidate
    files: dict[str, str] = field(default_factory=dict)
    run_id: str = ""
    gate_id: str = ""
    parity_id: str = ""
    contract_id: str = ""
    extraction_id: str = ""
    approval_ids: tuple[str, ...] = ()
    golden_requests: int = 0
    previous: dict[str, str] = field(default_factory=dict)  # version made before -> its digest


@dataclass(frozen=True, kw_only=True)
class Verification(Judgement):
    """Every hash of a release looked at again."""

    release: int
    files: int
    records: int = 0  # of the road to the release that the store has and that were looked at
    signed_with: str = ""  # the public key, in base64


Role = Literal["champion", "canary", "shadow", "previous"]


@dataclass(frozen=True, kw_only=True)
class TrafficState(_Plain):
    """Which release has which role, and which share of requests the canary gets."""

    revision: int = 0
    roles: dict[str, int] = field(default_factory=dict)  # role -> release version
    canary_fraction: float = 0.0  # [0, 1]
    shadows: tuple[int, ...] = ()  # releases that see the traffic and answer nobody
    experiment: Json = field(default_factory=dict)  # an A/B test's plan, fixed before it began
    paused: bool = False  # a person said so: no step forward; the guards stay armed


@dataclass(frozen=True, kw_only=True)
class RolloutStep(_Plain):
    """One step of a deployment's history."""

    at: str
    action: str  # deploy | canary | promote | rollback | undeploy
    by: str
    traffic: TrafficState
    reason: str = ""
    duration_ms: float = 0.0  # from the call to its acknowledgement
    evidence: Json = field(default_factory=dict)  # what was observed, and each guard's verdict


@dataclass(frozen=True, kw_only=True)
class Deployment(Record):
    """A release answering on Ray Serve; in a rollout several at once, each with a role."""

    name: str
    url: str
    engine_id: str
    address: str  # of the Ray cluster
    status: Literal["running", "ended"] = "running"
    replicas: int = 0  # that hold the champion, when last looked at
    traffic: TrafficState = field(default_factory=TrafficState)
    history: tuple[RolloutStep, ...] = ()
    waiting_for: str = ""  # what the rollout's last look said, while a trial goes on


@dataclass(frozen=True, kw_only=True)
class RolloutDecision(Record):
    """What the rollout policy says now, on which evidence, and whether it was carried out."""

    deployment: str
    action: Literal["hold", "advance", "promote", "abort"]
    reason: str
    applied: bool = False
    traffic: TrafficState = field(default_factory=TrafficState)  # that it was decided on
    observed: dict[str, Json] = field(default_factory=dict)  # role -> counts in short
    checks: tuple[Json, ...] = ()  # each guard: its verdict, value, limit and reason
    experiment: Json = field(default_factory=dict)  # what an A/B test says now


@dataclass(frozen=True, kw_only=True)
class FieldDifference(_Plain):
    """One field of the output over all pairs; differences are shadow minus champion."""

    name: str
    agreement: float  # fraction of pairs, in [0, 1]
    mean_difference: float | None = None  # where the field is a number
    mean_distance: float | None = None
    max_distance: float | None = None


@dataclass(frozen=True, kw_only=True)
class SliceDifference(_Plain):
    """The pairs with one value of one input column."""

    column: str
    value: str
    rows: int
    agreement: float


@dataclass(frozen=True, kw_only=True)
class ShadowExample(_Plain):
    """One row on which shadow and champion differ."""

    champion_id: str
    shadow_id: str
    inputs: Json
    champion: Any
    shadow: Any
    distance: float | None = None


@dataclass(frozen=True, kw_only=True)
class ShadowReport(Record):
    """Agreement of a shadow with the champion on the same live rows."""

    release: str
    pairs: int  # rows that both answered
    unpaired: int  # live rows without an answer of the shadow: dropped, or it failed
    agreement: float | None  # fraction of pairs; None without any
    fields: tuple[FieldDifference, ...] = ()
    slices: tuple[SliceDifference, ...] = ()  # that agree least
    examples: tuple[ShadowExample, ...] = ()  # that differ most
    predictions: dict[str, dict[str, int]] = field(default_factory=dict)  # role -> bin -> count
    latency_ms: dict[str, dict[str, float]] = field(default_factory=dict)  # role -> quantiles


# ---------------------------------------------------------------- log, health


@dataclass(frozen=True, kw_only=True)
class Prediction(_Plain):
    """One record of the prediction log."""

    id: str
    at: str
    deployment: str
    release: str  # release version as text; "unreleased" from `nbprod serve`
    role: str
    request_id: str
    inputs: Json
    features: Json
    output: Any
    latency_ms: float
    degraded: bool = False
    module_version: str = ""
    key: Json = field(default_factory=dict)
    shadow_of: str = ""  # a shadow's: the id of the live prediction it was made beside
    routing_key: str = ""  # what placed it in a rollout, where that is not its own key


@dataclass(frozen=True, kw_only=True)
class Outcome(_Plain):
    """The ground truth of one prediction, by its id or by the contract's key."""

    outcome: Any
    name: str
    prediction_id: str = ""
    key: Json = field(default_factory=dict)
    observed_at: str = ""
    received_at: str = field(default_factory=utc_now)


@dataclass(frozen=True, kw_only=True)
class OutcomeReceipt(_Plain):
    """What became of the outcomes that were posted."""

    accepted: int
    duplicates: int = 0
    unknown: tuple[str, ...] = ()  # prediction ids that are not in the log


@dataclass(frozen=True, kw_only=True)
class Explanation(Record):
    """One prediction reconstructed completely: `nbprod why`."""

    prediction: Prediction
    outcome: Outcome | None = None
    release: Release | None = None
    run: TrainingRun | None = None
    gate: GateResult | None = None
    extraction: Extraction | None = None
    approvals: tuple[Approval, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ColumnDrift(_Plain):
    """How far one column moved from the reference profile."""

    column: str
    part: Literal["input", "features", "output"]
    distance: float  # population stability index
    threshold: float
    drifted: bool
    reference_rows: int
    rows: int
    # bin or category -> share, in [0, 1]; reference and window over the same bins
    reference: dict[str, float] = field(default_factory=dict)
    window: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class DriftReport(Judgement):
    """Columns compared with the reference profile over one window, [start, end) in UTC."""

    deployment: str
    release: str
    start: str
    end: str
    rows: int
    columns: tuple[ColumnDrift, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Alert(_Plain):
    """A finding sent to the named owner."""

    code: str
    message: str
    owner: str
    at: str = field(default_factory=utc_now)
    sent_to: tuple[str, ...] = ()
    id: str = ""  # by which it is acknowledged; "" in records of before


@dataclass(frozen=True, kw_only=True)
class Acknowledgement(Record):
    """Somebody has seen an alert: `nbprod ack`."""

    alert_id: str
    code: str  # of the alert
    by: str
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Health(Judgement):
    """The three layers over one window: service, data, and quality where labels came."""

    deployment: str
    start: str
    end: str
    requests: int
    errors: int
    latency_p50_ms: float | None = None
    latency_p99_ms: float | None = None
    degraded: int = 0
    damaged_records: int = 0
    predictions_by_release: dict[str, int] = field(default_factory=dict)
    labelled: int = 0
    quality: dict[str, float] = field(default_factory=dict)
    drift: tuple[DriftReport, ...] = ()
    alerts: tuple[Alert, ...] = ()


# ---------------------------------------------------------------- the project itself


@dataclass(frozen=True, kw_only=True)
class Diagnosis(Judgement):
    """What is installed, reachable and missing, each with the fix: `nbprod doctor`."""

    items: tuple[dict[str, str], ...] = ()  # name, state (ok | missing | wrong), detail, fix


@dataclass(frozen=True, kw_only=True)
class Configuration(Record):
    """Every value of the settings and where it came from: `nbprod config show`."""

    values: tuple[Json, ...] = ()  # key, value, origin


@dataclass(frozen=True, kw_only=True)
class Scaffold(Record):
    """What `nbprod init` wrote, and the role it proposes for each cell."""

    path: str
    files: tuple[str, ...] = ()
    proposals: tuple[dict[str, str], ...] = ()  # cell_id, role, reason


@dataclass(frozen=True, kw_only=True)
class DemoStep(_Plain):
    """One line of the demo's timeline; times in seconds since its start."""

    name: str
    start_s: float
    duration_s: float
    result: str  # one line: what came of it
    record_id: str = ""


@dataclass(frozen=True, kw_only=True)
class Demonstration(Judgement):
    """The whole road walked once: `nbprod demo`."""

    folder: str
    report: str  # path of the HTML report
    steps: tuple[DemoStep, ...] = ()
    requests: int = 0
    failed_requests: int = 0  # over the whole demo, but for those within the kill's recovery
    failed_at_kill: int = (
        0  # requests that were inside the killed replica, and until it was noticed
    )
    acknowledged: int = 0  # predictions whose id a caller was given
    missing_from_log: int = 0
    refused_rows: int = 0  # broken rows that got a 422 naming the field
    rollback_ms: float = 0.0  # from the call to the acknowledgement
    late_answers: int = 0  # answers of the bad release sent after the acknowledgement
