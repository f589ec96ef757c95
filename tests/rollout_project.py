"""A project with a deployment on a real Ray, and releases that are good or bad on purpose."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from callers import bundle_writer

from nbprod.engine import end_engine, engine_processes, free_port, start_engine
from nbprod.lifecycle import deployments
from nbprod.lifecycle.controller import Controller
from nbprod.lifecycle.project import Project
from nbprod.predictor.bundle import EVIDENCE, RELEASE_FILE, all_file_hashes, read_bundle
from nbprod.records import Deployment, ParityReport, RelationResult, TrafficState
from nbprod.serving.ray_backend import RayBackend, proxy_environment

TOML = """\
[model]
name = "trips"
owner = "ops@example.com"
outcome = "late"
task = "regression"

[notebooks]
train = "train.ipynb"

[serving]
port = {port}
timeout_ms = 5000

[rollout]
canary = {{ steps = [30, 100], min_requests = 30, hold_s = 2 }}
guard = {{ error_rate = "<= champion + 0.02", prediction_psi = "<= 0.5" }}
ab = {{ outcome = "rebooked", percent = 50, max_rows = 400 }}
"""
MINUTES = tuple(float(minute) for minute in range(20, 60, 2))
STATE = (
    "from dataclasses import dataclass\n\n@dataclass(frozen=True)\nclass State:\n    scale: float\n"
)
FIT = "\ndef fit(frame, parameters):\n    return State(scale=parameters.scale)\n\n"


def features(before: str, body: str) -> str:
    """A features.py whose transform does something else than it should."""
    return f"{STATE}{FIT}{before}\ndef transform(frame, state):\n{body}\n"


GOOD_BODY = '    return frame[["km", "minutes"]].astype("float64") * state.scale'
BAD = {
    "raises on every row": features("", "    raise ValueError('no')"),
    "dies at its tenth call": features(
        "import os\nCALLS = []\n",
        "    CALLS.append(1)\n    if len(CALLS) >= 10:\n        os._exit(1)\n" + GOOD_BODY,
    ),
    "hangs": features("import time\n", "    time.sleep(600)\n" + GOOD_BODY),
    "answers one thing only": features(
        "", '    return frame[["km", "minutes"]].astype("float64") * 0.0 + 99.0'
    ),
    "eats memory": features(
        "import resource\nimport psutil\nHELD = []\n"
        "LIMIT = psutil.Process().memory_info().vms + 2**29\n",
        "    resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT))\n"
        "    HELD.append(bytearray(2**26))\n" + GOOD_BODY,
    ),
}


@dataclass(frozen=True)
class Served:
    project: Project
    backend: RayBackend
    folder: Path

    def bundle(self, name: str, **changes: object) -> Path:
        """A release's folder: the bundle, and the proof that its rows may be computed together."""
        made = bundle_writer()(self.folder / "bundles" / name, **changes)
        proof = ParityReport(
            passed=True,
            scope="candidate",
            subject=read_bundle(made).digest,
            rows=2,
            relations=tuple(RelationResult(name=one, passed=True) for one in ("batch", "order")),
        )
        (made / EVIDENCE).mkdir()
        (made / EVIDENCE / "parity.json").write_text(json.dumps(proof.to_json()), encoding="utf-8")
        release = {"files": all_file_hashes(made), "candidate": {"digest": proof.subject}}
        (made / RELEASE_FILE).write_text(json.dumps(release), encoding="utf-8")
        return made

    def state(self) -> TrafficState:
        return TrafficState.from_json(self.backend.status()["traffic"])

    def until(self, seen: object, timeout_s: float = 120.0) -> TrafficState:
        """The state as soon as it is as wanted."""
        assert callable(seen)
        deadline = time.monotonic() + timeout_s
        while not seen(state := self.state()):
            assert time.monotonic() < deadline, f"{state}"
            time.sleep(0.2)
        return state


@contextlib.contextmanager
def deployed(folder: Path, *, controlled: bool = True) -> Iterator[Served]:
    """Release 1 as champion, and the controller beside it."""
    (folder / "nbprod.toml").write_text(TOML.format(port=free_port()), encoding="utf-8")
    project = Project.load(folder)
    environment = proxy_environment(project.settings.serving.timeout_ms)
    engine = start_engine(project.store.root / "engine", name="trips", environment=environment)
    try:
        record = Deployment(
            name="trips",
            url=f"http://127.0.0.1:{project.settings.serving.port}",
            engine_id=engine.id,
            address=engine.address,
        )
        project.store.save("deployments", record, name="trips")
        backend = deployments.backend_of(project, record)
        made = Served(project, backend, folder)
        backend.deploy(1, made.bundle("1"))
        if controlled:
            backend.start_companion(Controller, str(folder), 0.5)
        yield made
    finally:
        end_engine(engine)
    assert engine_processes(engine.id) == []
