"""Run validation notebooks, plain and under each sabotage their checks name."""

from __future__ import annotations

import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.errors import ExecutionError, NbprodError
from nbprod.gates import sabotage as damage
from nbprod.gates.recording import NOTEBOOK_VARIABLE, RECORD_VARIABLE, read_measurements
from nbprod.gates.rules import finding
from nbprod.gates.slices import RULES_VARIABLE
from nbprod.notebook.execution import execute_notebook, parameter_names
from nbprod.records import Finding, Progress, sha256

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbprod.config import Settings
    from nbprod.gates.thresholds import GateRules, Measurement

# Two kernels at once: a third only waits for a core on the machines where gates run.
_PARALLEL = 2
# Plenty for a gate; a notebook that needs longer should judge a sample.
_TIMEOUT_S = 1800.0


@dataclass(frozen=True)
class NotebookRun:
    """What one execution of one notebook gave."""

    notebook: str  # relative to the project
    sabotage: str  # "" in the real run
    output: Path  # the executed copy
    measured: tuple[Measurement, ...] = ()
    error: NbprodError | None = None
    raised: bool = False  # a cell raised, as opposed to a kernel that died or hung


@dataclass
class NotebookGate:
    """The notebooks of one gate and what each execution of them needs."""

    settings: Settings
    rules: GateRules
    candidate: Path
    baseline: Path | None
    snapshot: Path
    out: Path
    progress: Progress | None = None
    _done: int = field(default=0, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def run(self, jobs: Sequence[tuple[str, str]]) -> list[NotebookRun]:
        """Run (notebook, sabotage) pairs, two at a time; results in the order given."""
        self._done = 0
        with ThreadPoolExecutor(max_workers=_PARALLEL) as pool:
            return list(pool.map(lambda job: self._one(job[0], job[1], len(jobs)), jobs))

    def _one(self, notebook: str, sabotage: str, total: int) -> NotebookRun:
        folder = self.out / (f"sabotage/{sabotage}" if sabotage else "notebooks")
        output = folder / f"{_flat(notebook)}.ipynb"
        record = folder / f"{_flat(notebook)}.checks.jsonl"
        record.parent.mkdir(parents=True, exist_ok=True)
        record.unlink(missing_ok=True)  # never judge what an earlier run recorded
        self._tell(notebook, sabotage, total, 0)
        error: NbprodError | None = None
        measured: tuple[Measurement, ...] = ()
        try:
            snapshot = self._snapshot(sabotage)
            self._execute(notebook, sabotage, output, record, snapshot)
        except NbprodError as caught:
            error = caught
        try:
            measured = tuple(read_measurements(record, notebook))
        except NbprodError as caught:
            error = error or caught
        self._tell(notebook, sabotage, total, 1)
        raised = isinstance(error, ExecutionError) and error.details.get("reason") == "raised"
        return NotebookRun(notebook, sabotage, output, measured, error, raised)

    def _execute(
        self, notebook: str, sabotage: str, output: Path, record: Path, snapshot: Path
    ) -> None:
        path = self.settings.path(notebook)
        given = {
            "candidate": str(self.candidate),
            "baseline": str(self.baseline or ""),
            "snapshot": str(snapshot),
            "thresholds": dict(self.rules.thresholds),
        }
        # A notebook names the parameters it needs: one about latency needs no baseline.
        known = parameter_names(path)
        execute_notebook(
            path,
            output,
            parameters={name: value for name, value in given.items() if name in known},
            cwd=self.settings.project_path,
            environ={
                "OMP_NUM_THREADS": _threads(),
                RECORD_VARIABLE: str(record),
                NOTEBOOK_VARIABLE: notebook,
                RULES_VARIABLE: json.dumps(asdict(self.rules)),
                damage.SABOTAGE_VARIABLE: sabotage,
                damage.SNAPSHOT_VARIABLE: str(snapshot),
                damage.DELAY_VARIABLE: str(max(200.0, 4 * self.settings.envelope.p99_ms)),
            },
            timeout_s=_TIMEOUT_S,
        )

    def _snapshot(self, sabotage: str) -> Path:
        if sabotage != damage.SHUFFLED_LABELS:
            return self.snapshot
        target = self.out / "sabotage" / "shuffled_labels.parquet"
        with self._lock:
            if not target.exists():
                damage.write_shuffled_labels(self.snapshot, self.settings.data.label, target)
        return target

    def clean_up(self) -> None:
        """Remove the rows that were swapped in; reports keep no copy of the data."""
        (self.out / "sabotage" / "shuffled_labels.parquet").unlink(missing_ok=True)

    def _tell(self, notebook: str, sabotage: str, total: int, done: int) -> None:
        with self._lock:
            self._done += done
            if self.progress and not done:
                under = f" under {sabotage}" if sabotage else ""
                self.progress(f"{Path(notebook).name}{under}", min(1.0, self._done / total))


def find_notebooks(settings: Settings) -> tuple[list[str], list[Finding]]:
    """The gate notebooks, relative to the project and sorted; each empty pattern is a finding."""
    root = Path(settings.project_path)
    found: set[str] = set()
    findings = []
    for pattern in settings.notebooks.gates:
        matches = {
            path.relative_to(root).as_posix()
            for path in root.glob(pattern)
            if path.is_file() and ".ipynb_checkpoints" not in path.parts
        }
        found |= matches
        if not matches:
            findings.append(
                finding(
                    "NBG001",
                    f"no notebook matches {pattern!r}",
                    hint="correct [notebooks] gates: a gate that lost a notebook proves nothing",
                )
            )
    if not settings.notebooks.gates:
        findings.append(finding("NBG001", "the project has no gate notebook"))
    return sorted(found), findings


def source_digest(path: Path) -> str:
    """SHA-256 over what a notebook computes: sources, kinds and tags of its cells, no outputs."""
    if path.suffix != ".ipynb":
        return sha256(path.read_bytes())
    try:
        cells: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["cells"]
    except (ValueError, KeyError, TypeError):
        return sha256(path.read_bytes())  # unreadable: running it says so
    kept = [
        [cell.get("cell_type"), "".join(cell.get("source", "")), cell["metadata"].get("tags", [])]
        for cell in cells
    ]
    return sha256(json.dumps(kept, ensure_ascii=False))


def _threads() -> str:
    """Threads of one kernel's numeric libraries, so that kernels side by side do not contend.

    A replica has one, too: with more, two kernels on two cores answer a hundred times slower.
    """
    return os.environ.get("OMP_NUM_THREADS") or str(max(1, (os.cpu_count() or 1) // _PARALLEL))


def _flat(notebook: str) -> str:
    """A file name for a notebook's path that no other notebook of the project has."""
    return Path(notebook).with_suffix("").as_posix().replace("/", "__")
