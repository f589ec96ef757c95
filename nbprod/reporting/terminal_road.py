"""The road to a release in the terminal: notebook, module, parity, contract, run, gate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbprod.records import (
    Approval,
    ComparedValue,
    ContractReport,
    DataContract,
    Extraction,
    GateResult,
    Inspection,
    ParityReport,
    Proof,
    Release,
    Reproduction,
    Sync,
    TrainingRun,
    Verification,
)
from nbprod.reporting.junit import check_title
from nbprod.reporting.page import number, seconds, short
from nbprod.reporting.terminal_parts import (
    MOST_ROWS,
    View,
    few,
    fields,
    head,
    rows_table,
    shorten,
    text,
    verdict_text,
    word,
)

if TYPE_CHECKING:
    from rich.console import RenderableType

# ---------------------------------------------------------------- notebook -> module


def _inspection(record: Inspection) -> list[RenderableType]:
    place = {cell.cell_id: cell.index + 1 for cell in record.cells}
    code = [cell for cell in record.cells if cell.kind == "code"]
    tagged = sum(1 for cell in code if cell.role)
    rows = []
    for cell in code:
        sources: dict[str, list[str]] = {}
        for name, source in record.flow.get(cell.cell_id, {}).items():
            sources.setdefault(str(place.get(source, "?")), []).append(name)
        reads = "; ".join(f"{source}: {', '.join(names)}" for source, names in sources.items())
        style = "" if cell.role else "dim"
        row = [
            str(cell.index + 1),
            cell.role or "–",
            shorten(cell.first_line, 24),
            shorten(", ".join(cell.defines), 26),
            shorten(reads, 34),
        ]
        rows.append([text(value, style) for value in row])
    columns = ["cell", "role", "first line", "defines", "reads, from cell"]
    return [
        head(record.notebook, detail=f"{len(code)} code cells, {tagged} with a role"),
        *rows_table(columns, rows, numeric=(0,)),
    ]


def _extraction(record: Extraction) -> list[RenderableType]:
    nothing = "nothing" if record.diff else "nothing: the module is up to date"
    written = ", ".join(record.changed) or nothing
    parts = [
        head(f"{record.notebook} → {record.package}/", detail=f"version {short(record.version)}"),
        *fields([("changed", written), ("entry points", ", ".join(record.entry_points))]),
    ]
    if record.diff:
        lines = record.diff.splitlines()
        parts.append(text("\n".join(lines[:MOST_ROWS])))
        if len(lines) > MOST_ROWS:
            parts.append(text(f"… and {len(lines) - MOST_ROWS} more lines", "dim"))
    return parts


def _sync(record: Sync) -> list[RenderableType]:
    """What was brought back, cell by cell, with the difference of each."""
    title = f"{record.package}/ → {record.notebook}"
    if not record.edited:
        return [head(title, detail="nothing to sync: nobody edited the module")]
    files = ", ".join(f"{record.package}/{path}" for path in record.edited)
    cells = ", ".join(record.cells)
    nothing = "none: the notebook says it already" if record.passed else "none"
    done = "cells changed" if record.written or not record.passed else "cells it would change"
    parts = [
        head(title, word(record.passed), "" if record.written else "nothing was written"),
        *fields([("edited by hand", files), (done, cells or nothing)]),
    ]
    lines = [line for diff in record.cells.values() for line in diff.splitlines()]
    if lines:
        parts.append(text("\n".join(lines[:MOST_ROWS])))
    if len(lines) > MOST_ROWS:
        parts.append(text(f"… and {len(lines) - MOST_ROWS} more lines", "dim"))
    return parts


def _proof(record: Proof) -> list[RenderableType]:
    """Values in the order of the road; first those that are not the same."""
    counts = [f"{record.count('same'):,} values the same"]
    counts += [
        f"{record.count(verdict):,} {verdict}"
        for verdict in ("different", "not compared", "not in the module")
        if record.count(verdict)
    ]
    told = [item for item in record.values if item.verdict != "not in the module"]
    given = [item for item in told if item.role in _GIVEN and item.verdict == "same"]
    rows = [
        [text(item.verdict, _PROOF_STYLES.get(item.verdict, "")), item.name, *_value_cells(item)]
        for item in sorted(told, key=lambda item: item.verdict != "different")
        if item not in given
    ]
    tests = [f"{count} {outcome}" for outcome, count in record.tests.items()]
    counted = [
        f"{count} {role}{'s' if count > 1 else ''}"
        for role in _GIVEN
        if (count := sum(item.role == role for item in given))
    ]
    return [
        head("Proof", word(record.passed), ", ".join(counts)),
        *rows_table(["", "value", "role", "cell", "what"], rows),
        *fields([("the same, too", ", ".join(counted))] if given else []),
        *fields([("inline tests", ", ".join(tests))] if tests else []),
    ]


_GIVEN = ("parameter", "constant")
_PROOF_STYLES = {"same": "green", "different": "bold red", "not compared": "yellow"}


def _value_cells(item: ComparedValue) -> list[str]:
    what = item.kind if item.verdict == "same" and not item.reason else item.reason
    return [item.role, item.cell_id, what]


def _parity(record: ParityReport) -> list[RenderableType]:
    rows = [
        [
            item.name,
            verdict_text(word(item.passed)) if item.checked else text("not checked", "yellow"),
            number(item.rows),
            seconds(item.duration_s),
            item.reason,
        ]
        for item in record.relations
    ]
    far = [item for item in record.distances if item.max_distance > 0]
    worst = sorted(far, key=lambda item: -item.max_distance)
    distances = [[d.column, number(d.max_distance, 3), d.tolerance, number(d.rows)] for d in worst]
    same = len(record.distances) - len(far)
    parts = [
        head(
            f"Parity of {record.scope} {short(record.subject)}",
            word(record.passed),
            f"{number(record.rows)} rows",
        ),
        *rows_table(["relation", "verdict", "rows", "time", ""], rows, numeric=(2, 3)),
    ]
    if record.distances:
        parts.append(text(f"{same} of {len(record.distances)} columns are exactly equal", "dim"))
    if distances:
        parts += rows_table(
            ["column", "largest distance", "tolerance", "rows"], distances, numeric=(1, 3)
        )
    return parts


def _contract(record: DataContract) -> list[RenderableType]:
    rows = []
    for part in ("input", "features", "output"):
        for rule in getattr(record, part):
            bounds = [rule.minimum, rule.maximum]
            allowed = ""
            if any(bound is not None for bound in bounds):
                allowed = " … ".join(number(bound) for bound in bounds)
            elif rule.categories is not None:
                allowed = few(rule.categories)
            rows.append(
                [part, rule.name, rule.dtype, "null" if rule.nullable else "", allowed, rule.unit]
            )
    return [
        head(f"Contract of {record.package}", detail=short(record.source_digest)),
        *rows_table(["part", "column", "type", "null", "allowed", "unit"], rows),
    ]


def _contract_report(record: ContractReport) -> list[RenderableType]:
    rows = sorted(record.failures.items(), key=lambda item: -item[1])
    samples = [[v.row, v.column, v.rule, v.value, v.message] for v in record.samples]
    parts = [head(f"Contract, {record.part}", word(record.passed), f"{number(record.rows)} rows")]
    if rows:
        parts += rows_table(
            ["rule broken", "rows"], [[n, number(c)] for n, c in rows], numeric=(1,)
        )
    if samples:
        parts += rows_table(["row", "column", "rule", "value", "message"], samples, numeric=(0,))
    return parts


# ---------------------------------------------------------------- run -> release


def _run(record: TrainingRun) -> list[RenderableType]:
    candidate = record.candidate
    return [
        head(f"{candidate.name} {candidate.number}", detail=f"candidate {short(candidate.digest)}"),
        *fields(
            [
                (
                    "rows",
                    f"{number(record.train_rows)} trained, {number(record.holdout_rows)} held out",
                ),
                ("parameters", ", ".join(f"{k}={v}" for k, v in record.parameters.items())),
                ("metrics", ", ".join(f"{k} {number(v)}" for k, v in record.metrics.items())),
                ("data", f"{record.snapshot.uri} ({short(record.snapshot.digest)})"),
                ("module", short(candidate.module_version)),
                ("git", record.git_commit[:12] + (" + changes" if record.git_dirty else "")),
                ("times", ", ".join(f"{k} {seconds(v)}" for k, v in record.durations_s.items())),
                ("run", record.id),
            ]
        ),
    ]


def _gate(record: GateResult) -> list[RenderableType]:
    controls = {
        True: text("fails", "dim"),
        False: text("VOID", "bold red"),
        None: text("not tried", "yellow"),
    }
    order = {"failed": 0, "inconclusive": 1, "passed": 2}
    rows = [
        [
            verdict_text(check.verdict, sign_only=True),
            check_title(check),
            number(check.value),
            "" if check.low is None else f"{number(check.low)} – {number(check.high)}",
            check.threshold,
            number(check.rows) if check.rows else "",
            controls[check.sabotage_caught],
        ]
        for check in sorted(record.checks, key=lambda check: order[check.verdict])
    ]
    parity = "parity " + (word(record.parity.passed) if record.parity else "missing")
    return [
        head(
            f"Gate for candidate {short(record.candidate_digest)}",
            record.verdict,
            f"{len(record.checks)} checks, {parity}",
        ),
        *rows_table(
            ["", "check", "value", "interval", "required", "rows", "sabotaged"],
            rows,
            numeric=(2, 3, 4, 5),
        ),
    ]


def _approval(record: Approval) -> list[RenderableType]:
    decision = "approved" if record.approved else "rejected"
    return [
        head(f"Candidate {short(record.candidate_digest)} {decision}", detail=f"by {record.by}"),
        text(f"“{record.reason}”"),
    ]


def _release(record: Release) -> list[RenderableType]:
    return [
        head(f"{record.name} {record.version}", detail="released"),
        *fields(
            [
                ("candidate", short(record.candidate.digest)),
                ("files", f"{len(record.files)} hashed"),
                ("golden requests", record.golden_requests),
                ("gate", record.gate_id),
                ("approvals", ", ".join(record.approval_ids)),
            ]
        ),
    ]


def _verification(record: Verification) -> list[RenderableType]:
    return [
        head(
            f"Release {record.release}",
            word(record.passed),
            f"{record.files} files and {record.records} records looked at",
        ),
        *fields([("signed with", record.signed_with)]),
    ]


def _reproduction(record: Reproduction) -> list[RenderableType]:
    environment = f"{record.environment}, {record.libraries} libraries of the lock"
    rows = [
        [verdict_text(_SAMENESS[step.verdict]), step.name, step.verdict, step.reason]
        for step in record.steps
    ]
    return [
        head(f"Release {record.release} again", word(record.passed), record.verdict),
        *rows_table(["", "step", "now and then", "what"], rows),
        *fields(
            [
                ("environment", environment),
                ("metrics", ", ".join(f"{k} {number(v)}" for k, v in record.metrics.items())),
                ("differs first", record.cause),
                ("other than then", "; ".join(record.differences[:5])),
                ("times", ", ".join(f"{k} {seconds(v)}" for k, v in record.durations_s.items())),
            ]
        ),
    ]


# A step's verdict as one of the marks that every other table has.
_SAMENESS = {
    "bit-equal": "passed",
    "within tolerance": "passed",
    "different": "failed",
    "not compared": "not checked",
}

ROAD_VIEWS: dict[type, View] = {
    Inspection: _inspection,
    Extraction: _extraction,
    Sync: _sync,
    Proof: _proof,
    ParityReport: _parity,
    DataContract: _contract,
    ContractReport: _contract_report,
    TrainingRun: _run,
    GateResult: _gate,
    Approval: _approval,
    Release: _release,
    Reproduction: _reproduction,
    Verification: _verification,
}
