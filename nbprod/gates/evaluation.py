"""`evaluate_gate`: one candidate before its validation notebooks."""

from __future__ import annotations

import dataclasses
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nbprod.errors import NbprodError
from nbprod.gates.baseline import compare_with_champion, primary_name
from nbprod.gates.builtin import check_parameters, notebook_path, project_parameters
from nbprod.gates.executed_copy import pictures
from nbprod.gates.notebook_gate import NotebookGate, NotebookRun, find_notebooks, source_digest
from nbprod.gates.rules import finding
from nbprod.gates.slices import MISSING
from nbprod.gates.thresholds import GateRules
from nbprod.gates.verdict import (
    Key,
    caught_by,
    decide,
    judge_parity,
    judge_runs,
    missing_metrics,
    with_controls,
)
from nbprod.predictor.bundle import read_bundle
from nbprod.records import (
    Finding,
    GateCheck,
    GateResult,
    ParityReport,
    Progress,
    TrainingRun,
    canonical_json,
    sha256,
)
from nbprod.reporting.gate_page import gate_page
from nbprod.reporting.junit import junit
from nbprod.reporting.limitations import limitations
from nbprod.reporting.markdown import markdown

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from nbprod.config import Settings

# Settings that change neither what is asked nor what is answered.
_NOT_JUDGING = ("approvers", "timeout", "memory_mb")
# More distinct values than this are not slices but numbers.
_MOST_SLICES = 200


def evaluate_gate(
    settings: Settings,
    run: TrainingRun,
    *,
    bundle: Path,
    holdout: Path,
    baseline: Path | None,
    parity: ParityReport | None,
    out: Path,
    training: Path | None = None,
    progress: Progress | None = None,
    cache: Path | None = None,
    record_id: str = "",
) -> GateResult:
    """Judge one candidate by its validation notebooks, thresholds, champion and parity.

    bundle: the candidate's folder. holdout: parquet, rows the training never saw, with labels.
    baseline: the champion's folder, or None before the first release. parity: the report of
    candidate scope. training: parquet, a sample of the rows the candidate learnt from.
    out: gets notebooks/, sabotage/, checks.jsonl, junit.xml, report.md, report.html.
    cache: a folder for the outcome of the negative controls, which judge the checks and not the
    candidate: reused as long as notebooks, thresholds, settings and rows are the same.
    record_id: the id of the record, which the reports name.
    Runs the candidate's code in kernels, and for the comparison with the champion in this process.
    """
    out.mkdir(parents=True, exist_ok=True)
    work = _Evaluation(settings, run, bundle, holdout, baseline, training, out, progress)
    work.judge(parity, cache)
    result = work.result(parity)
    result = dataclasses.replace(result, id=record_id or result.id)
    _write_reports(result, work)
    hashes = {
        path.relative_to(out).as_posix(): sha256(path.read_bytes())
        for path in sorted(out.rglob("*"))
        if path.is_file()
    }
    return dataclasses.replace(result, files=hashes)


@dataclass
class _Evaluation:
    """One gate while it is being judged."""

    settings: Settings
    run: TrainingRun
    bundle: Path
    holdout: Path
    baseline: Path | None
    training: Path | None
    out: Path
    progress: Progress | None
    checks: list[GateCheck] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    runs: list[NotebookRun] = field(default_factory=list)
    gate_digest: str = ""
    data_digest: str = ""
    baseline_digest: str = ""
    durations_s: dict[str, float] = field(default_factory=dict)

    def judge(self, parity: ParityReport | None, cache: Path | None) -> None:
        """Run everything; what is wrong lands in checks and findings."""
        self.data_digest = sha256(self.holdout.read_bytes())
        self._check_bundle()
        self.findings += judge_parity(parity, self.run.candidate.digest)
        notebooks, findings = find_notebooks(self.settings)
        self.findings += findings
        check_parameters(self.settings, notebooks)
        self.gate_digest = gate_digest(self.settings, notebooks)
        rules = GateRules.of(self.settings)
        gate = NotebookGate(
            self.settings,
            rules,
            self.bundle.resolve(),
            self.baseline.resolve() if self.baseline else None,
            self.holdout.resolve(),
            self.out.resolve(),
            self._part(0.05, 0.45),
            self.training.resolve() if self.training else None,
        )
        start = time.monotonic()
        self.runs = gate.run([(notebook, "") for notebook in notebooks])
        self.durations_s["notebooks"] = time.monotonic() - start
        self.checks, findings = judge_runs(self.runs, rules)
        self.findings += findings
        self._try_sabotage(gate, cache)
        self._compare()
        self.findings += missing_metrics(self.checks, rules, self._slice_values())
        if sha256(self.holdout.read_bytes()) != self.data_digest:
            self.findings.append(finding("NBG012", "a notebook changed the rows it was judged on"))

    def result(self, parity: ParityReport | None) -> GateResult:
        """The record, with the verdict over all that was seen."""
        if not self.checks and not any(item.code == "NBG001" for item in self.findings):
            self.findings.append(finding("NBG001", "the gate made no check"))
        verdict = decide(self.checks, self.findings)
        order = {"error": 0, "warning": 1, "info": 2}
        return GateResult(
            passed=verdict == "passed",
            verdict=verdict,
            candidate_digest=self.run.candidate.digest,
            gate_digest=self.gate_digest,
            data_digest=self.data_digest,
            snapshot_digest=self.run.snapshot.digest,
            durations_s=dict(self.durations_s),
            baseline_digest=self.baseline_digest,
            checks=tuple(self.checks),
            parity=parity,
            notebooks={
                item.notebook: item.output.relative_to(self.out.resolve()).as_posix()
                for item in self.runs
                if item.output.exists()
            },
            findings=tuple(sorted(self.findings, key=lambda item: order[item.severity])),
            inputs={
                record.id: record.digest for record in (self.run, parity) if record is not None
            },
        )

    def _check_bundle(self) -> None:
        digest = read_bundle(self.bundle).digest
        if digest != self.run.candidate.digest:
            message = (
                f"the bundle is candidate {digest[:12]}, the run made "
                f"{self.run.candidate.digest[:12]}"
            )
            self.findings.append(finding("NBG012", message))

    def _try_sabotage(self, gate: NotebookGate, cache: Path | None) -> None:
        """Every notebook again under each sabotage that its checks name."""
        jobs = sorted({(c.notebook, c.sabotage) for c in self.checks if c.sabotage})
        file = cache / "sabotage.json" if cache else self.out / "sabotage.json"
        key = sha256(canonical_json([self.gate_digest, self.data_digest]))
        known = _read_cache(file, key) if cache else {}
        left = [job for job in jobs if not _settled(job, self.checks, known)]
        gate.progress = self._part(0.45, 0.9)
        start = time.monotonic()
        try:
            runs = gate.run(left)
        finally:
            gate.clean_up()
            self.durations_s["sabotage"] = time.monotonic() - start
        caught = {**known, **caught_by(runs, gate.rules)}
        self.checks, findings = with_controls(self.checks, runs, caught)
        self.findings += findings
        _write_cache(file, key, self.checks)

    def _compare(self) -> None:
        """The candidate against the champion, when [gate] baseline asks for it."""
        if not self.settings.gate.baseline:
            return
        if self.baseline is None:
            alias = self.settings.gate.baseline.get("alias", "champion")
            self.findings.append(finding("NBG015", f"there is no {alias} to compare with"))
            return
        if self.progress:
            self.progress(f"{primary_name(self.settings)} of candidate and champion", 0.9)
        try:
            self.baseline_digest = read_bundle(self.baseline).digest
            check, findings = compare_with_champion(
                self.settings, self.bundle, self.baseline, self.holdout
            )
        except NbprodError as error:
            self.findings.append(finding("NBG013", error.message, hint=error.hint))
            return
        if not check.sabotage_caught:
            message = f"{check.name} passes its own sabotage, {check.sabotage}: it is void"
            self.findings.append(finding("NBG006", message))
        self.checks.append(check)
        self.findings += findings

    def _slice_values(self) -> dict[str, frozenset[str]]:
        """The values of the columns that thresholds of nbprod.toml slice by."""
        import pandas as pd

        frame = pd.read_parquet(self.holdout)
        named = {c for check in self.checks if len(check.slice) == 1 for c in check.slice}
        values = {}
        for column in named & set(frame.columns):
            distinct = frame[column].unique()
            if len(distinct) <= _MOST_SLICES:
                values[column] = frozenset(
                    MISSING if pd.isna(value) else str(value) for value in distinct
                )
        return values

    def _part(self, start: float, end: float) -> Progress | None:
        """A progress callback for one part of the way."""
        tell = self.progress
        if tell is None:
            return None
        return lambda message, fraction: tell(message, start + (fraction or 0.0) * (end - start))


def gate_digest(settings: Settings, notebooks: Sequence[str]) -> str:
    """SHA-256 over what judges: the notebooks' sources, the thresholds and [gate]."""
    gate = dataclasses.asdict(settings.gate)
    for name in _NOT_JUDGING:
        del gate[name]
    judges = {
        "notebooks": {name: source_digest(notebook_path(settings, name)) for name in notebooks},
        "gate": gate,
        "project": project_parameters(settings),
    }
    return sha256(canonical_json(judges))


# ---------------------------------------------------------------- negative controls, kept


def _settled(
    job: tuple[str, str], checks: Sequence[GateCheck], known: dict[tuple[str, Key], bool | None]
) -> bool:
    """Whether every check of a notebook that names this sabotage was already tried under it."""
    return all(
        known.get((check.sabotage, _key(check))) is not None
        for check in checks
        if (check.notebook, check.sabotage) == job
    )


def _key(check: GateCheck) -> Key:
    return check.notebook, check.name, tuple(sorted(check.slice.items()))


def _read_cache(file: Path, key: str) -> dict[tuple[str, Key], bool | None]:
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        if kept["key"] != key:
            return {}
        return {
            (item["sabotage"], (item["notebook"], item["name"], _pairs(item["slice"]))): True
            for item in kept["caught"]
        }
    except (OSError, ValueError, KeyError, TypeError):
        return {}  # no cache, or not one of ours: everything is tried again


def _pairs(slice_: dict[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(slice_.items()))


def _write_cache(file: Path, key: str, checks: Sequence[GateCheck]) -> None:
    """Keep what was caught; a void check is tried again each time."""
    caught = [
        {"notebook": c.notebook, "name": c.name, "slice": c.slice, "sabotage": c.sabotage}
        for c in checks
        if c.sabotage_caught
    ]
    file.parent.mkdir(parents=True, exist_ok=True)
    aside = file.with_suffix(".part")
    aside.write_text(json.dumps({"key": key, "caught": caught}, indent=1), encoding="utf-8")
    aside.replace(file)


# ---------------------------------------------------------------- reports


def _write_reports(result: GateResult, work: _Evaluation) -> None:
    lines = [canonical_json(check.to_json()) for check in result.checks]
    drawn = {run.notebook: list(pictures(run.output)) for run in work.runs}
    texts: dict[str, Any] = {
        "checks.jsonl": "".join(f"{line}\n" for line in lines),
        "junit.xml": junit(result),
        "report.md": markdown(result),
        "report.html": gate_page(result, run=work.run, pictures=drawn),
        "limitations.md": limitations(result, work.run, read_bundle(work.bundle).contract),
    }
    for name, text in texts.items():
        (work.out / name).write_text(text, encoding="utf-8")
