"""What every peer does for a request: the released module's own transform and predict, no more."""

from __future__ import annotations

import gc
from typing import Any

import orjson
import pandas as pd

from nbprod.predictor import Predictor


class Model:
    """Rows in, predictions out: no contract, no log, no profile."""

    def __init__(self, bundle: str) -> None:
        predictor = Predictor.load(bundle)
        self._transform = predictor.module.entry_point("features.transform")
        self._predict = predictor.module.entry_point("inference.predict")
        self._state, self._model = predictor.state, predictor.model

    def __call__(self, rows: list[dict[str, Any]]) -> list[float]:
        """The predictions of several rows at once."""
        return self.of(pd.DataFrame(rows))

    def of(self, frame: pd.DataFrame) -> list[float]:
        """The predictions of a frame of rows, which is written to."""
        frame["time_hour"] = pd.to_datetime(frame["time_hour"], utc=True)
        features = self._transform(frame, self._state)
        return self._predict(self._model, features).iloc[:, 0].tolist()


def read(body: bytes) -> list[dict[str, Any]]:
    """The rows of a request."""
    return orjson.loads(body)["instances"]


def write(predictions: list[float]) -> bytes:
    """The body of an answer."""
    return orjson.dumps({"predictions": predictions})


def settle() -> None:
    """What is loaded stays: the collector need not look at it again."""
    gc.collect()
    gc.freeze()
