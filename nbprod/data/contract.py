"""The data contract: one source of what input, features and output may hold.

`contract_inference` reads it off frames, `contract_source` and `contract_reading` carry it to
and from the pandera code that its user owns (`check_compilation`: what of that code becomes a
rule). `row_validation` judges single rows and `frame_check` whole frames, by the same rules;
`custom_checks` runs with pandera what no rule states. The other rooms import all of it from here.
"""

from __future__ import annotations

import json
from pathlib import Path

from nbprod.data.contract_inference import infer_contract
from nbprod.data.contract_reading import load_contract
from nbprod.data.contract_source import render_schemas
from nbprod.data.custom_checks import CustomChecks, needs_pandera
from nbprod.data.frame_check import check_frame
from nbprod.data.frames import write_text
from nbprod.data.row_frames import frame_of
from nbprod.data.row_validation import RowValidator
from nbprod.errors import DataError
from nbprod.records import DataContract

__all__ = [
    "CustomChecks",
    "RowValidator",
    "check_frame",
    "frame_of",
    "infer_contract",
    "load_contract",
    "needs_pandera",
    "read_contract",
    "render_schemas",
    "save_contract",
]


def save_contract(contract: DataContract, path: str | Path) -> Path:
    """The contract as JSON at a path; the path comes back."""
    return write_text(path, json.dumps(contract.to_json(), indent=1) + "\n")


def read_contract(path: str | Path) -> DataContract:
    """The contract that `save_contract` wrote; DataError when it is not there or damaged."""
    try:
        return DataContract.from_json(json.loads(Path(path).read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise DataError(
            f"the contract {path} cannot be read: {error}",
            hint="infer it with `nbprod contract infer`, or take the bundle from its store again",
        ) from error
