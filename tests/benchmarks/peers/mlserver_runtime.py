"""MLServer's runtime: tensors in, one for each column, and one out; batches are joined before."""

from __future__ import annotations

import os

import numpy as np
from mlserver import MLModel
from mlserver.codecs import NumpyCodec, PandasCodec
from mlserver.types import InferenceRequest, InferenceResponse
from same_work import Model, settle


class Flights(MLModel):
    async def load(self) -> bool:
        self.model = Model(os.environ["BENCH_BUNDLE"])
        settle()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        predictions = np.array(self.model.of(PandasCodec.decode_request(payload)))
        output = NumpyCodec.encode_output("late", predictions.reshape(-1, 1))
        return InferenceResponse(model_name=self.name, outputs=[output])
