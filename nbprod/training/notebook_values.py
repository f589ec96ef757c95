"""What a run of the training notebook leaves, beside what the module's run of it left."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from nbprod.data.frames import save_frame
from nbprod.records import ReproducedStep
from nbprod.training.artifacts import PREDICTIONS
from nbprod.training.reproduce import TOLERANCE, compared_frames

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pandas as pd

_SAMPLE = "sample_features.parquet"
_KINDS = "kinds.json"


def seeding_cell(seed: int) -> str:
    """The source of a cell that seeds the notebook as a run is seeded."""
    return f"from nbprod.training.environment import set_seeds\nset_seeds({seed})"


def keeping_cell(folder: Path, names: Mapping[str, str]) -> str:
    """The source of a cell that keeps some of the notebook's values in a folder.

    names: role (features, predictions) -> the notebook's name for it.
    """
    values = ", ".join(f"{role}={name}" for role, name in names.items())
    return (
        "from pathlib import Path\nfrom nbprod.training.notebook_values import keep_values\n"
        f"keep_values(Path({str(folder)!r}), {values})"
    )


def keep_values(folder: Path, **values: Any) -> None:
    """Saves frames, series and arrays of the notebook's kernel; of others only what they are."""
    kinds = {}
    for role, value in values.items():
        frame, kinds[role] = _as_frame(value), type(value).__name__
        if frame is not None:
            frame.columns = list(map(str, frame.columns))
            save_frame(frame, folder / f"{role}.parquet")
    (folder / _KINDS).write_text(json.dumps(kinds), encoding="utf-8")


def compare_values(
    folder: Path, data: Path, names: Mapping[str, str]
) -> tuple[ReproducedStep, ...]:
    """The notebook's kept values against a run's ``data/``, one step for each role."""
    kinds = json.loads((folder / _KINDS).read_text(encoding="utf-8"))
    return tuple(
        _compared(role, name, kinds[role], folder / f"{role}.parquet", data)
        for role, name in names.items()
    )


def _compared(role: str, name: str, kind: str, file: Path, data: Path) -> ReproducedStep:
    import pandas as pd

    step = f"{role} ({name})"
    if not file.is_file():
        return _not_compared(step, f"it is a {kind}")
    theirs = pd.read_parquet(file)
    if role == "features":
        ours = pd.read_parquet(data / _SAMPLE)
        if kind != "DataFrame" or not theirs.index.is_unique:
            return _not_compared(step, f"a {kind} does not say which row is which")
        if not ours.index.isin(theirs.index).all():
            reason = "the notebook trained on other rows"
            return ReproducedStep(name=step, verdict="different", reason=reason)
        return compared_frames(step, theirs.loc[ours.index], ours, TOLERANCE)
    ours = pd.read_parquet(data / PREDICTIONS)
    if theirs.shape[1] == ours.shape[1] == 1:  # an array or a series has no name, or its own
        theirs.columns = ours.columns
    return compared_frames(step, theirs, ours, TOLERANCE)


def _not_compared(step: str, reason: str) -> ReproducedStep:
    return ReproducedStep(name=step, verdict="not compared", reason=reason)


def _as_frame(value: Any) -> pd.DataFrame | None:
    import numpy as np
    import pandas as pd

    if isinstance(value, pd.DataFrame):
        return value.copy()
    if isinstance(value, pd.Series):
        return value.to_frame()
    if isinstance(value, np.ndarray) and value.ndim in (1, 2) and value.dtype.kind in "biufUM":
        return pd.DataFrame(value)
    return None
