"""The jobs that run the user's code, each in a child process; see `isolation`.

Arguments are plain data (paths as strings, records and settings as JSON); what a job returns
is a record or plain data. Nothing here writes a record: the parent does.
"""

from __future__ import annotations

import dataclasses
import tempfile
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from nbprod.config import Settings, duration_s
from nbprod.data import contract as contracts
from nbprod.data import frames, sources
from nbprod.data.columns_read import columns_read
from nbprod.errors import ExecutionError
from nbprod.lifecycle.contract_jobs import of_training
from nbprod.lifecycle.isolation import run_job
from nbprod.lifecycle.parity_jobs import (
    answered_parity,
    replay,
    request_rows,
    with_predictions,
)
from nbprod.lifecycle.proof_jobs import inline_tests, proof_cells, proof_module
from nbprod.lifecycle.recomputing import recompute
from nbprod.predictor.accepting import checked_features
from nbprod.predictor.modules import load_package
from nbprod.predictor.predict import Predictor
from nbprod.predictor.state import load_state, save_state
from nbprod.records import (
    ContractReport,
    DataContract,
    GateResult,
    ParityReport,
    Progress,
    TrainingRun,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd

    from nbprod.training import Prepared

_INFERENCE_ROWS = 5000  # enough for ranges of outputs; ranges of inputs are read from all rows


def infer_contract(
    *, settings: Mapping[str, Any], version: str, progress: Progress
) -> DataContract:
    """Infer the contract from the project's data and write schemas.py beside the module."""
    from nbprod.training import prepare

    project = Settings.from_json(settings)
    package = load_package(project.package_path, version)
    prepared = prepare(package, project, {}, progress=progress)
    few = _spread(prepared.features, _INFERENCE_ROWS)
    progress("training on a sample to see what comes out", None)
    model = package.training.train(
        few, prepared.label.loc[few.index], package.parameters.Parameters()
    )
    output = package.inference.predict(model, few, prepared.state)
    inferred = _suggested(package, project, prepared, output, progress)
    path = project.package_path / "schemas.py"
    frames.write_text(path, contracts.render_schemas(inferred))
    loaded = contracts.load_contract(path, package=project.package, key=project.data.key)
    return dataclasses.replace(loaded, findings=(*inferred.findings, *loaded.findings))


def read_contract(*, settings: Mapping[str, Any], progress: Progress) -> DataContract:
    """The contract that schemas.py holds now; it is Python, so it is executed here."""
    project = Settings.from_json(settings)
    progress("reading schemas.py", None)
    return contracts.load_contract(
        project.package_path / "schemas.py", package=project.package, key=project.data.key
    )


def check_contract(
    *,
    settings: Mapping[str, Any],
    contract: Mapping[str, Any],
    part: Literal["input", "features", "output"],
    uri: str,
    as_of: str = "",
    progress: Progress,
) -> ContractReport:
    """Judge the rows behind a URI against one part of the contract."""
    project = Settings.from_json(settings)
    rules = DataContract.from_json(contract)
    progress(f"reading {uri}", None)
    query = project.data.query if uri == project.data.train else ""
    frame = sources.load_frame(uri, base=Path(project.project_path), query=query)
    if part == "input":
        frame = frame.drop(columns=of_training(project, rules, frame.columns, uri))
    schemas = project.package_path / "schemas.py"
    return contracts.check_frame(
        rules,
        part,
        frame,
        redact=project.redacted,
        schemas_path=schemas,
        as_of=datetime.fromisoformat(as_of) if as_of else None,
    )


def module_parity(
    *,
    settings: Mapping[str, Any],
    version: str,
    contract: Mapping[str, Any] | None,
    rows: int,
    progress: Progress,
) -> ParityReport:
    """Parity before training: state fitted on the spot, real rows of the project's data."""
    from nbprod.parity import check_parity
    from nbprod.training import prepare

    project = Settings.from_json(settings)
    package = load_package(project.package_path, version)
    rules: DataContract | None = None
    try:
        prepared = prepare(package, project, {}, progress=progress)
    except ExecutionError:
        # It may read what serving never has. Parity names that, if seeing all is what it needs.
        prepared = prepare(package, project, {}, blind=False, progress=progress)
        contract, blind = None, False
    else:
        blind = True
    if contract:
        rules = DataContract.from_json(contract)
    elif blind:  # serving will have one: judge by the contract that the data suggests
        nothing = prepared.features.iloc[:, :0]
        rules = _suggested(package, project, prepared, nothing, progress)
    # with the label and what is known only afterwards: leakage is looked for by leaving it out
    sample = _spread(prepared.train, rows)
    with tempfile.TemporaryDirectory(prefix="nbprod-parity-") as folder:
        save_state(prepared.state, Path(folder, "state"))
        return check_parity(
            package.features.transform,
            partial(checked_features, package, prepared.state, rules) if rules else None,
            rows=sample,
            state=prepared.state,
            contract=rules,
            tolerance=project.parity.tolerance,
            expected=prepared.features.loc[sample.index],
            fit=lambda _: package.features.fit(prepared.train, prepared.parameters),
            label=project.data.label,
            time=project.data.time,
            not_inputs=tuple(project.not_inputs),
            scope="module",
            subject=version,
            rerun=_rerun(project.package_path, version, Path(folder)),
            redact=project.redacted,
            checks=_checks(rules, project.package_path),
            limit_s=duration_s(project.parity.limit),
            progress=progress,
        )


def _checks(rules: DataContract | None, package_path: Path) -> contracts.CustomChecks | None:
    """What the contract of a package asks of raw rows beyond its rules."""
    if rules is None or not contracts.needs_pandera(rules, "input"):
        return None
    return contracts.CustomChecks.load(package_path / "schemas.py", "input")


def candidate_parity(
    *, settings: Mapping[str, Any], bundle: str, data: str, digest: str, progress: Progress
) -> ParityReport:
    """Parity of a candidate: the run's own state, and the very features its model was fed."""
    import pandas as pd

    from nbprod.parity import check_parity

    project = Settings.from_json(settings)
    predictor = Predictor.load(Path(bundle), digest=digest)
    sample = pd.read_parquet(Path(data, "sample.parquet"))
    fed = pd.read_parquet(Path(data, "sample_features.parquet"))
    with tempfile.TemporaryDirectory(prefix="nbprod-parity-") as folder:
        save_state(predictor.state, Path(folder, "state"))
        report = check_parity(
            predictor.module.features.transform,
            predictor.features,
            rows=sample,
            state=predictor.state,
            contract=predictor.contract,
            tolerance=project.parity.tolerance,
            expected=fed,
            label=project.data.label,
            time=project.data.time,
            not_inputs=tuple(project.not_inputs),
            scope="candidate",
            subject=digest,
            rerun=_rerun(
                Path(bundle, "module", predictor.contract.package),
                predictor.module_version,
                Path(folder),
            ),
            redact=project.redacted,
            checks=_checks(predictor.contract, Path(bundle, "module", predictor.contract.package)),
            limit_s=duration_s(project.parity.limit),
            progress=progress,
        )
    return with_predictions(predictor, sample, fed, report, limits=project.parity.tolerance)


def train(
    *,
    settings: Mapping[str, Any],
    contract: Mapping[str, Any],
    out: str,
    parameters: dict[str, Any],
    seed: int,
    progress: Progress,
) -> TrainingRun:
    """One reproducible training; see `nbprod.training.train`."""
    from nbprod.training import train as train_stage

    return train_stage(
        Settings.from_json(settings),
        contract=DataContract.from_json(contract),
        out=Path(out),
        parameters=parameters,
        seed=seed,
        progress=progress,
    )


def reproduce(
    *,
    settings: Mapping[str, Any],
    run: Mapping[str, Any],
    release: str,
    kept: str,
    tolerance: str,
    progress: Progress,
) -> dict[str, Any]:
    """A release's run done again; see `nbprod.training.reproduce`."""
    from nbprod.training import reproduce as reproduce_stage

    done = reproduce_stage(
        Settings.from_json(settings),
        TrainingRun.from_json(run),
        release=Path(release),
        kept=Path(kept) if kept else None,
        tolerance=tolerance,
        progress=progress,
    )
    return done.to_json()


def gate(
    *,
    settings: Mapping[str, Any],
    run: Mapping[str, Any],
    bundle: str,
    holdout: str,
    training: str,
    baseline: str,
    parity: Mapping[str, Any],
    out: str,
    cache: str,
    gate_id: str,
    progress: Progress,
) -> GateResult:
    """Run the validation notebooks; see `nbprod.gates.evaluate_gate`."""
    from nbprod.gates import evaluate_gate

    return evaluate_gate(
        Settings.from_json(settings),
        TrainingRun.from_json(run),
        bundle=Path(bundle),
        holdout=Path(holdout),
        baseline=Path(baseline) if baseline else None,
        parity=ParityReport.from_json(parity),
        out=Path(out),
        training=Path(training),
        progress=progress,
        cache=Path(cache),
        record_id=gate_id,
    )


def sample_predictions(
    *, bundle: str, holdout: str, label: str, redact: list[str], rows: int, progress: Progress
) -> dict[str, Any]:
    """Predictions for a person to look at, the most surprising ones first."""
    import pandas as pd

    from nbprod.gates.review import review_evidence

    predictor = Predictor.load(Path(bundle))
    progress("predicting the held-out rows", None)
    frame = pd.read_parquet(holdout)
    return review_evidence(predictor, frame, label=label, rows=rows, redact=redact)


def transform(
    *, package: str, version: str, state: str, frame: str, out: str, progress: Progress
) -> dict[str, Any]:
    """Run a module's transform in this fresh process; parity's environment relation."""
    import pandas as pd

    from nbprod.parity.clock import set_ahead

    progress("transforming in a fresh process", None)
    rows = pd.read_parquet(frame)
    with set_ahead():  # before the module is imported: it may take the time then
        module = load_package(Path(package), version)
        fitted = load_state(module.features.State, Path(state))
        features = module.features.transform(rows, fitted)
    frames.save_frame(features, Path(out))
    return {"rows": len(features)}


JOBS: dict[str, Callable[..., Any]] = {
    job.__name__: job
    for job in (
        infer_contract,
        read_contract,
        check_contract,
        module_parity,
        candidate_parity,
        train,
        reproduce,
        gate,
        sample_predictions,
        transform,
        replay,
        recompute,
        request_rows,
        answered_parity,
        proof_cells,
        proof_module,
        inline_tests,
    )
}


def _suggested(
    package: Any,
    project: Settings,
    prepared: Prepared,
    output: pd.DataFrame,
    progress: Progress,
) -> DataContract:
    """The contract that the prepared data suggest, asking for what the transform reads."""
    progress("looking which columns the transform reads", None)
    read = columns_read(
        lambda frame: package.features.transform(frame, prepared.state),
        prepared.inputs.head(200),
    )
    return contracts.infer_contract(
        prepared.inputs,
        prepared.features,
        output,
        package=project.package,
        key=project.data.key,
        time=project.data.time,
        not_inputs=project.not_inputs,
        used_columns=read,
        label=prepared.label,
        # the default promises nothing: only what somebody wrote is asked of rows
        freshness=project.envelope.freshness if "envelope.freshness" in project.origins else "",
    )


def _spread(frame: pd.DataFrame, rows: int) -> pd.DataFrame:
    """At most ``rows`` rows, evenly over the frame: a time-ordered one is sampled over its time."""
    step = max(1, -(-len(frame) // max(rows, 1)))
    return frame.iloc[::step]


def _rerun(
    package: Path, version: str, work: Path
) -> Callable[[pd.DataFrame, Mapping[str, str]], pd.DataFrame]:
    """Run the transform of rows in a fresh process under another environment."""

    def rerun(rows: pd.DataFrame, environ: Mapping[str, str]) -> pd.DataFrame:
        import pandas as pd

        call = Path(tempfile.mkdtemp(prefix="call-", dir=work))  # several run at once
        frames.save_frame(rows, call / "rows.parquet")
        arguments = {
            "package": str(package),
            "version": version,
            "state": str(work / "state"),
            "frame": str(call / "rows.parquet"),
            "out": str(call / "features.parquet"),
        }
        run_job("transform", arguments, cwd=Path.cwd(), environ=environ, timeout_s=120)
        return pd.read_parquet(call / "features.parquet")

    return rerun
