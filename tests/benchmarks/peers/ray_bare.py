"""Bare Ray Serve: HAProxy, throughput mode, `@serve.batch` in the same process, two replicas.

``alone`` leaves the batching out and starts one replica: its best for one caller.
"""

# No `from __future__ import annotations` here: the handler travels to the replica by value, with
# the names that its code uses and not those in its annotations, and FastAPI would take a text
# "Request" that it cannot look up for a query parameter.
import signal
import sys
import tempfile
from pathlib import Path

from fastapi import FastAPI, Request, Response

from nbprod.engine import connect, end_engine, start_engine
from nbprod.serving.ray_backend import proxy_environment


def main(port: int, bundle: str, kind: str) -> None:
    engine = start_engine(tempfile.mkdtemp(), name="bare", environment=proxy_environment(5000))
    try:
        connect(engine)
        from ray import serve
        from same_work import Model, read, settle, write

        app = FastAPI()

        @serve.deployment(
            num_replicas=2 if kind == "batch" else 1,
            max_ongoing_requests=1000,
            ray_actor_options={"num_cpus": 0.1},
        )
        @serve.ingress(app)
        class Flights:
            def __init__(self) -> None:
                self.model = Model(bundle)
                settle()

            @serve.batch(max_batch_size=64, batch_wait_timeout_s=0.001)
            async def many(self, parts):
                predictions = self.model([row for part in parts for row in part])
                answers, start = [], 0
                for part in parts:
                    answers.append(predictions[start : start + len(part)])
                    start += len(part)
                return answers

            @app.post("/predict")
            async def predict(self, request: Request) -> Response:
                rows = read(await request.body())
                answer = await self.many(rows) if kind == "batch" else self.model(rows)
                return Response(write(answer), media_type="application/json")

        serve.start(
            http_options={"host": "127.0.0.1", "port": port},
            logging_config={"enable_access_log": False, "log_level": "WARNING"},
        )
        serve.run(
            Flights.bind(), logging_config={"enable_access_log": False, "log_level": "WARNING"}
        )
        print("ready", flush=True)
        signal.sigwait([signal.SIGTERM, signal.SIGINT])
    finally:
        end_engine(engine)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3])
