"""LitServe, batches without waiting, its fast queue, as many workers as the second argument says."""

from __future__ import annotations

import os
import sys

import litserve
from same_work import Model, settle


class Flights(litserve.LitAPI):
    def setup(self, device: str) -> None:
        self.model = Model(os.environ["BENCH_BUNDLE"])
        settle()

    def decode_request(self, request: dict) -> list[dict]:
        return request["instances"]

    def batch(self, inputs: list[list[dict]]) -> tuple[list[int], list[dict]]:
        return [len(rows) for rows in inputs], [row for rows in inputs for row in rows]

    def predict(self, given):
        sizes, rows = given
        predictions, parts, start = self.model(rows), [], 0
        for size in sizes:
            parts.append(predictions[start : start + size])
            start += size
        return parts

    def unbatch(self, output):
        return output

    def encode_response(self, output: list[float]) -> dict:
        return {"predictions": output}


if __name__ == "__main__":
    api = Flights(max_batch_size=32, batch_timeout=0.0)
    server = litserve.LitServer(
        api,
        accelerator="cpu",
        workers_per_device=int(sys.argv[2]),
        fast_queue=True,
    )
    server.run(
        port=int(sys.argv[1]), host="127.0.0.1", log_level="warning", generate_client_file=False
    )
