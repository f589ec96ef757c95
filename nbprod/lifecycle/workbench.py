"""Notebook -> module -> parity -> contract: what a data scientist does before the first run."""

from __future__ import annotations

import dataclasses
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.errors import (
    ConfigError,
    DataError,
    ExecutionError,
    ExtractionError,
    MissingDependencyError,
)
from nbprod.lifecycle.isolation import run_isolated, run_job
from nbprod.lifecycle.lineage import FOLDERS, file_digest, inputs_of
from nbprod.records import (
    ComparedValue,
    ContractReport,
    DataContract,
    Extraction,
    Finding,
    Inspection,
    ParityReport,
    Proof,
    Sync,
)

if TYPE_CHECKING:
    from nbprod.lifecycle.project import Project


# ---------------------------------------------------------------- notebook -> module


def inspect_path(path: str | Path, *, label: str = "") -> Inspection:
    """Inspect a notebook that need not belong to a project."""
    from nbprod.extraction import inspect_notebook

    return inspect_notebook(Path(path), label=label)


def set_role(path: str | Path, cell: str, role: str) -> Inspection:
    """Write a cell's role into the notebook's own metadata; the notebook as it is then."""
    from nbprod.notebook.edits import set_role as write_role

    write_role(Path(path), cell, role)
    return inspect_path(path)


def inspect(project: Project, notebook: str | Path | None) -> Inspection:
    """See `Project.inspect`."""
    path = Path(notebook) if notebook else training_notebook(project)
    record = inspect_path(path, label=project.settings.data.label)
    folder = Path(project.settings.project_path)
    if path.is_relative_to(folder):
        record = dataclasses.replace(record, notebook=path.relative_to(folder).as_posix())
    return record


def extract(project: Project, *, check: bool, force: bool) -> Extraction:
    """See `Project.extract`."""
    from nbprod.extraction import extract as extract_stage

    settings = project.settings
    record = extract_stage(
        training_notebook(project),
        settings.package_path,
        label=settings.data.label,
        time=settings.data.time,
        check=check,
        force=force,
        project_path=Path(settings.project_path),
        cache_path=project.store.root / "cache" / "extraction",
    )
    if check:
        return record
    if any(finding.severity == "error" for finding in record.findings):
        return record
    project.store.save(FOLDERS[Extraction], record)
    return record


def sync(project: Project, *, check: bool) -> Sync:
    """See `Project.sync`."""
    from nbprod.extraction import sync as sync_stage

    settings = project.settings
    return sync_stage(
        training_notebook(project),
        settings.package_path,
        label=settings.data.label,
        check=check,
        project_path=Path(settings.project_path),
    )


def current_extraction(project: Project) -> Extraction:
    """The extraction that made the module as it lies on disk; refuses a module edited since."""
    from nbprod.extraction import module_state

    state = module_state(project.settings.package_path)
    if state["edited"]:
        raise ExtractionError(
            f"the module was edited by hand: {', '.join(state['edited'])}",
            hint="`nbprod sync` brings the edit into its cell; `nbprod extract --force` drops it",
        )
    extraction = project.store.latest(Extraction, FOLDERS[Extraction])
    if extraction is None or extraction.version != state["version"]:
        # A colleague's clone: the module is committed, the record lives on another machine.
        return extract(project, check=False, force=False)
    return extraction


def prove(project: Project) -> Proof:
    """See `Project.prove`: cells and module each in a fresh process, then the inline tests."""
    from nbprod.extraction.proof.planning import plan_of
    from nbprod.notebook.document import read_notebook

    extraction = current_extraction(project)
    document = read_notebook(training_notebook(project))
    plan = plan_of(document, project.settings.data.label).to_json()
    with tempfile.TemporaryDirectory(prefix="nbprod-proof-") as folder:
        told = {"settings": project.settings.to_json(), "plan": plan, "folder": folder}
        options: dict[str, Any] = {
            "cwd": Path(project.settings.project_path),
            "progress": project.progress,
            "environ": {"MPLBACKEND": "Agg"},  # a plot in a tagged cell opens no window
        }
        sources = [dataclasses.asdict(cell) for cell in document.cells]
        cells = _proof_job("proof_cells", {**told, "cells": sources}, options)
        module = _proof_job("proof_module", {**told, "version": extraction.version}, options)
        counts, findings = _inline_tests(project)
    findings = [*map(Finding.from_json, module["findings"]), *findings]
    record = Proof(
        notebook=extraction.notebook,
        package=extraction.package,
        version=extraction.version,
        values=tuple(map(ComparedValue.from_json, module["values"])),
        tests=counts,
        durations_s={"cells": cells["duration_s"], "module": module["duration_s"]},
        findings=tuple(findings),
        passed=not any(item.severity == "error" for item in findings),
        inputs={**inputs_of(extraction), **extraction.inputs},
    )
    project.store.save(FOLDERS[Proof], record)
    return record


def _proof_job(job: str, arguments: dict[str, Any], options: dict[str, Any]) -> Any:
    """What a job of a proof returns; where its process dies, what it last did is told."""
    last = ""

    def progress(message: str, fraction: float | None = None) -> None:
        nonlocal last
        last = message
        options["progress"](message, fraction)

    try:
        return run_job(job, arguments, **{**options, "progress": progress})
    except ExecutionError as error:
        if error.cell_id is not None or not last:
            raise
        raise ExecutionError(f"while {last}: {error.message}", hint=error.hint) from error


def _inline_tests(project: Project) -> tuple[dict[str, int], list[Finding]]:
    """What came of the package's own tests, each failure with the notebook's cell and line."""
    from nbprod.extraction import locate
    from nbprod.extraction.rules import finding

    package = project.settings.package_path
    if not any((package / "tests").glob("test_*.py")):
        return {}, []
    try:
        done = run_job(
            "inline_tests",
            {"settings": project.settings.to_json()},
            cwd=Path(project.settings.project_path),
            progress=project.progress,
        )
    except MissingDependencyError as error:
        return {}, [finding("NBX033", error.message, hint=error.hint)]
    found = []
    if done["status"] and not done["failures"]:
        found.append(
            finding(
                "NBX033",
                f"pytest ended with status {done['status']}: the notebook's tests were not all run",
                hint=f"see what it says: pytest {package.name}/tests",
                severity="error",
            )
        )
    for failure in done["failures"]:
        cell = locate(package, failure["file"], failure["line"]) or (None, None)
        place = f"{failure['file']}, line {failure['line']}"
        found.append(
            finding(
                "NBX032",
                f"{failure['test']}: {failure['message']}" + (f" ({place})" if cell[0] else ""),
                hint="correct the cell or its test, then extract again",
                cell_id=cell[0],
                line=cell[1],
            )
        )
    return done["counts"], found


def check_parity(project: Project, *, rows: int) -> ParityReport:
    """See `Project.check_parity`."""
    extraction = current_extraction(project)
    known = contract(project) if schemas_path(project).exists() else None
    report = run_isolated(
        "module_parity",
        {
            "settings": project.settings.to_json(),
            "version": extraction.version,
            "contract": known.to_json() if known else None,
            "rows": rows,
        },
        ParityReport,
        cwd=Path(project.settings.project_path),
        progress=project.progress,
    )
    report = dataclasses.replace(report, inputs=inputs_of(extraction, *([known] if known else [])))
    project.store.save(FOLDERS[ParityReport], report)
    return report


# ---------------------------------------------------------------- contract


def infer_contract(project: Project, *, force: bool) -> DataContract:
    """See `Project.infer_contract`."""
    extraction = current_extraction(project)
    schemas = schemas_path(project)
    previous = project.store.latest(DataContract, FOLDERS[DataContract])
    ours = previous is not None and previous.source_digest == file_digest(schemas)
    if schemas.exists() and not ours and not force:
        raise ConfigError(
            f"{schemas} was written or edited by a person; it is not overwritten",
            hint="keep it (`nbprod contract check` uses it), or replace it with --force",
        )
    record = run_isolated(
        "infer_contract",
        {"settings": project.settings.to_json(), "version": extraction.version},
        DataContract,
        cwd=Path(project.settings.project_path),
        progress=project.progress,
    )
    return _save_contract(project, record, extraction)


def contract(project: Project) -> DataContract:
    """See `Project.contract`; the record is written anew only when schemas.py changed."""
    schemas = schemas_path(project)
    if not schemas.exists():
        raise DataError(
            "this project has no data contract yet",
            hint="run `nbprod contract infer`, or tag a cell nbprod:schema",
        )
    known = project.store.latest(DataContract, FOLDERS[DataContract])
    if known is not None and known.source_digest == file_digest(schemas):
        return known
    record = run_isolated(
        "read_contract",
        {"settings": project.settings.to_json()},
        DataContract,
        cwd=Path(project.settings.project_path),
        progress=project.progress,
    )
    return _save_contract(project, record, current_extraction(project))


def check_contract(
    project: Project, data: str | None, *, part: str, as_of: str = ""
) -> ContractReport:
    """See `Project.check_contract`."""
    if part not in ("input", "features", "output"):
        raise ConfigError(f"the contract has no part {part!r}", hint="input, features or output")
    uri = data or project.settings.data.train
    if not uri:
        raise ConfigError(
            "no data to check: [data] train is not set, and no file was named",
            hint="name a file or URI with the columns that `nbprod contract show` lists",
        )
    rules = contract(project)
    return run_isolated(
        "check_contract",
        {
            "settings": project.settings.to_json(),
            "contract": rules.to_json(),
            "part": part,
            "uri": uri,
            "as_of": _moment(as_of),
        },
        ContractReport,
        cwd=Path(project.settings.project_path),
        progress=project.progress,
    )


def _moment(as_of: str) -> str:
    """A moment in UTC as text; ConfigError for what is none."""
    if not as_of:
        return ""
    try:
        moment = datetime.now(UTC) if as_of == "now" else datetime.fromisoformat(as_of)
    except ValueError as error:
        raise ConfigError(
            f"{as_of!r} is not a moment", hint="now, or ISO 8601: 2026-01-31T12:00:00Z"
        ) from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()


# ---------------------------------------------------------------- what the verbs share


def training_notebook(project: Project) -> Path:
    """The notebook that [notebooks] train names."""
    return project.settings.path(project.settings.notebooks.train)


def schemas_path(project: Project) -> Path:
    """Where the contract lies as code: in the module, yours to edit."""
    return project.settings.package_path / "schemas.py"


def _save_contract(project: Project, record: DataContract, extraction: Extraction) -> DataContract:
    record = dataclasses.replace(record, inputs=inputs_of(extraction))
    project.store.save(FOLDERS[DataContract], record)
    return record
