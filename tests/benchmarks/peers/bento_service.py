"""BentoML, adaptive batching, two workers."""

from __future__ import annotations

import os

import bentoml
from same_work import Model, settle


@bentoml.service(workers=2, traffic={"timeout": 30})
class Flights:
    def __init__(self) -> None:
        self.model = Model(os.environ["BENCH_BUNDLE"])
        settle()

    @bentoml.api(batchable=True, max_batch_size=512, max_latency_ms=1000, route="/predict")
    def predict(self, instances: list[dict]) -> list[float]:
        return self.model(instances)
