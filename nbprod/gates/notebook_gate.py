"""Run validation notebooks, plain and under each sabotage their checks name."""

from __future__ import annotations

import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.config import duration_s
from nbprod.errors import ExecutionError, NbprodError
from nbprod.gates import sabotage as damage
from nbprod.gates.builtin import (
    PREFIX,
    notebook_path,
    parameters_of,
    project_parameters,
    source_cells,
)
from nbprod.gates.damage import ROW_KINDS, write_damaged_rows
from nbprod.gates.executed_copy import put_failure_on_top, telling_cells
from nbprod.gates.memory import Room, Watch
from nbprod.gates.recording import NOTEBOOK_VARIABLE, RECORD_VARIABLE, read_measurements
from nbprod.gates.rules import finding
from nbprod.gates.slices import RULES_VARIABLE
from nbprod.notebook.execution import execute_notebook
from nbprod.notebook.runnable import parameter_names
from nbprod.predictor.bundle import model_format
from nbprod.records import Finding, Progress, sha256

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbprod.config import Settings
    from nbprod.gates.thresholds import GateRules, Measurement

# Two kernels at once: a third only waits for a core on the machines where gates run.
PARALLEL = 2
_IMPORTS = ("pandas", "pyarrow.parquet", "nbprod.gates", "nbprod.predictor.predict")


@dataclass(frozen=True)
class NotebookRun:
    """What one execution of one notebook gave."""

    notebook: str  # relative to the project
    sabotage: str  # "" in the real run
    output: Path  # the executed copy
    measured: tuple[Measurement, ...] = ()
    error: NbprodError | None = None
    raised: bool = False  # a cell raised, as opposed to a kernel that died or hung
    secrets: tuple[str, ...] = ()  # ids of cells that showed one; masked in the copy


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
    training: Path | None = None  # rows the candidate learnt from, a sample
    parallel: int = PARALLEL
    _room: Room | None = field(default=None, init=False)
    _imports: tuple[str, ...] = field(default=(), init=False)
    _shares: dict[tuple[str, str], float] = field(default_factory=dict, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def run(self, jobs: Sequence[tuple[str, str]]) -> list[NotebookRun]:
        """Run (notebook, sabotage) pairs, as many at once as cores and memory allow.

        Results come in the order given.
        """
        self._shares = dict.fromkeys(jobs, 0.0)
        self._imports = self._imports or _imports(self.candidate)
        self._room = self._room or Room.for_notebooks(self.snapshot, self.settings.gate.memory_mb)
        with ThreadPoolExecutor(max_workers=self.parallel) as pool:
            return list(pool.map(self._one, jobs))

    def _one(self, job: tuple[str, str]) -> NotebookRun:
        notebook, sabotage = job
        folder = self.out / (f"sabotage/{sabotage}" if sabotage else "notebooks")
        output = folder / f"{_flat(notebook)}.ipynb"
        record = folder / f"{_flat(notebook)}.checks.jsonl"
        record.parent.mkdir(parents=True, exist_ok=True)
        record.unlink(missing_ok=True)  # never judge what an earlier run recorded
        assert self._room is not None
        error: NbprodError | None = None
        measured: tuple[Measurement, ...] = ()
        with self._room.place(notebook) as watch:
            self._tell(job, 0.0)
            try:
                self._execute(job, output, record, self._snapshot(sabotage), watch)
            except NbprodError as caught:
                error = _too_much(caught, watch) if watch.ended else caught
        secrets = telling_cells(output)
        if error is not None:
            put_failure_on_top(output, error)
        try:
            measured = tuple(read_measurements(record, notebook))
        except NbprodError as caught:
            error = error or caught
        self._tell(job, 1.0)
        raised = isinstance(error, ExecutionError) and error.details.get("reason") == "raised"
        return NotebookRun(notebook, sabotage, output, measured, error, raised, secrets)

    def _execute(
        self, job: tuple[str, str], output: Path, record: Path, snapshot: Path, watch: Watch
    ) -> None:
        notebook, sabotage = job
        path = notebook_path(self.settings, notebook)
        # A notebook names the parameters it needs: one about latency needs no baseline.
        known = parameter_names(path)
        given = {**project_parameters(self.settings), **self._own_parameters(snapshot)}
        given = {name: value for name, value in given.items() if name in known}
        execute_notebook(
            path,
            output,
            # What nbprod.toml asks of this very notebook is checked, not filtered.
            parameters={**given, **parameters_of(self.settings, notebook)},
            cwd=self.settings.project_path,
            environ={
                "OMP_NUM_THREADS": _threads(),
                RECORD_VARIABLE: str(record),
                NOTEBOOK_VARIABLE: notebook,
                RULES_VARIABLE: json.dumps(asdict(self.rules)),
                damage.SABOTAGE_VARIABLE: sabotage,
                damage.SNAPSHOT_VARIABLE: str(snapshot),
                damage.CANDIDATE_VARIABLE: str(self.candidate),
                damage.DELAY_VARIABLE: str(max(200.0, 4 * self.settings.envelope.p99_ms)),
            },
            timeout_s=duration_s(self.settings.gate.timeout),
            progress=lambda message, share: self._tell(job, share or 0.0, message),
            on_kernel=watch.begin,
            imports=self._imports,
        )

    def _own_parameters(self, snapshot: Path) -> dict[str, Any]:
        return {
            "candidate": str(self.candidate),
            "baseline": str(self.baseline or ""),
            "snapshot": str(snapshot),
            "training": str(self.training or ""),
            "thresholds": dict(self.rules.thresholds),
        }

    def _snapshot(self, sabotage: str) -> Path:
        if sabotage not in ROW_KINDS:
            return self.snapshot
        target = self._damaged(sabotage)
        with self._lock:
            if not target.exists():
                write_damaged_rows(sabotage, self.snapshot, self.settings, target)
        return target

    def _damaged(self, sabotage: str) -> Path:
        return self.out / "sabotage" / f"{sabotage}.parquet"

    def clean_up(self) -> None:
        """Remove the rows that were swapped in; reports keep no copy of the data."""
        for kind in ROW_KINDS:
            self._damaged(kind).unlink(missing_ok=True)

    def _tell(self, job: tuple[str, str], share: float, message: str = "") -> None:
        """Progress over all notebooks; a cell's own message names its notebook already."""
        notebook, sabotage = job
        with self._lock:
            self._shares[job] = max(self._shares.get(job, 0.0), share)
            if self.progress and share < 1.0:
                done = sum(self._shares.values()) / max(1, len(self._shares))
                under = f" under {sabotage}" if sabotage else ""
                cell = message.partition(": ")[2]
                said = f"{Path(notebook).name}{under}" + (f": {cell}" if cell else "")
                self.progress(said, min(1.0, done))


def _imports(candidate: Path) -> tuple[str, ...]:
    """What every kernel of a gate imports sooner or later, given its candidate's model."""
    if model_format(candidate) == "skops":
        return (*_IMPORTS, "nbprod.predictor.sklearn_format:import_skops")
    return _IMPORTS


def _too_much(error: NbprodError, watch: Watch) -> ExecutionError:
    """The kernel did not die by itself: it was ended because of its memory."""
    used, limit = watch.peak / 1024**2, watch.limit / 1024**2
    return ExecutionError(
        f"{error.message}: it used {used:,.0f} MB, more than its limit of {limit:,.0f} MB",
        hint="judge a sample of the rows, or raise [gate] memory_mb",
        notebook=getattr(error, "notebook", None),
        cell_id=getattr(error, "cell_id", None),
        reason="memory",
    )


def find_notebooks(settings: Settings) -> tuple[list[str], list[Finding]]:
    """The gate notebooks, relative to the project and sorted; each empty pattern is a finding."""
    root = Path(settings.project_path)
    found: set[str] = set()
    findings = []
    for pattern in settings.notebooks.gates:
        if pattern.startswith(PREFIX):
            notebook_path(settings, pattern)  # refuses a name that is none
            found.add(pattern)
            continue
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
    cells = source_cells(path)
    if cells is None:  # a text format; or unreadable, and running it says so
        return sha256(path.read_bytes())
    return sha256(json.dumps(cells, ensure_ascii=False))


def _threads() -> str:
    """Threads of one kernel's numeric libraries, so that kernels side by side do not contend.

    A replica has one, too: with more, two kernels on two cores answer a hundred times slower.
    """
    return os.environ.get("OMP_NUM_THREADS") or str(max(1, (os.cpu_count() or 1) // PARALLEL))


def _flat(notebook: str) -> str:
    """A file name for a notebook's path that no other notebook of the project has."""
    return Path(notebook.replace(":", "__")).with_suffix("").as_posix().replace("/", "__")
