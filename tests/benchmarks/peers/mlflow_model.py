"""The model that `mlflow models serve` loads: code, as MLflow advises, instead of a pickle."""

from __future__ import annotations

import os

import mlflow
import numpy as np
from same_work import Model, settle


class Flights(mlflow.pyfunc.PythonModel):
    def load_context(self, context) -> None:
        self.model = Model(os.environ["BENCH_BUNDLE"])
        settle()

    def predict(self, context, model_input, params=None) -> np.ndarray:
        return np.array(self.model.of(model_input))


mlflow.models.set_model(Flights())
