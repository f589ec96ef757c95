"""The data contract applied to a run: what trains must be what could be served."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from nbprod.data.contract import check_frame
from nbprod.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from nbprod.config import Settings
    from nbprod.records import DataContract, Finding
    from nbprod.training.preparation import Prepared

_SHOWN = 5


def check_inputs(contract: DataContract, prepared: Prepared, settings: Settings) -> None:
    """Refuses, with a DataError that counts each failure, training rows the contract forbids.

    Serving would refuse such rows, so a model must not learn from them. The checks that only
    pandera can run are run, too; how old the rows are is not asked: they are the past.
    """
    schemas = settings.package_path / "schemas.py"
    report = check_frame(
        contract,
        "input",
        prepared.inputs,
        redact=settings.redacted,
        schemas_path=schemas if schemas.is_file() else None,
    )
    if report.passed:
        return
    counted = [f"{what} ({rows:,} rows)" for what, rows in report.failures.items()]
    raise DataError(
        f"the training rows break the data contract: {'; '.join(counted[:_SHOWN])}"
        + (f"; and {len(counted) - _SHOWN} more" if len(counted) > _SHOWN else ""),
        hint="correct them in the data cell, or let the contract allow them: edit schemas.py, "
        "or `nbprod contract infer`",
        failures=report.failures,
    )


def contract_warnings(
    contract: DataContract, features: pd.DataFrame, outputs: pd.DataFrame, package: Path
) -> tuple[Finding, ...]:
    """Warnings for features and outputs of a run that are not as the contract says.

    package: the folder whose schemas.py, if there is one, has the checks that no rule states.
    """
    schemas = package / "schemas.py" if (package / "schemas.py").is_file() else None
    found: list[Finding] = []
    if contract.features:
        found += check_frame(contract, "features", features, schemas_path=schemas).findings
    if contract.output:
        found += check_frame(contract, "output", outputs, schemas_path=schemas).findings
    return tuple(dataclasses.replace(finding, severity="warning") for finding in found)
