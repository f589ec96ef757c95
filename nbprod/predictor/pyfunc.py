"""A bundle as MLflow's python_function flavor: what ``mlflow.pyfunc.load_model`` calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbprod.predictor.bundle import require_intact
from nbprod.predictor.predict import Predictor

if TYPE_CHECKING:
    import pandas as pd

# MLflow puts this beside a registered model when it fetches it.
_WRITTEN_BY_MLFLOW = ("registered_model_meta",)


class _Loaded:
    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Outputs of raw rows, one column for each output."""
        return self._predictor.predict(frame)


def _load_pyfunc(path: str) -> _Loaded:
    """The predictor of the bundle in a folder; MLflow finds this function by its name."""
    require_intact(path, ignore=_WRITTEN_BY_MLFLOW)
    return _Loaded(Predictor.load(path, verify=False))
