"""nbprod as `nbprod deploy` serves it: contract, prediction log and profile on.

Two replicas, or as many as the third argument says.
"""

from __future__ import annotations

import signal
import sys
import tempfile
from pathlib import Path

from nbprod.config import Model, Serving, Settings
from nbprod.engine import end_engine, start_engine
from nbprod.serving.ray_backend import RayBackend, proxy_environment


def main(port: int, bundle: str, replicas: int) -> None:
    folder = Path(tempfile.mkdtemp())
    settings = Settings(
        project_path=str(folder),
        model=Model(name="flights", owner="bench@example.com"),
        serving=Serving(port=port, replicas=replicas, timeout_ms=5000),
    )
    environment = proxy_environment(settings.serving.timeout_ms)
    engine = start_engine(folder / "engine", name="nbprod", environment=environment)
    try:
        backend = RayBackend(
            engine,
            settings,
            deployment="flights",
            state_folder=folder / "state",
            log_folder=folder / "logs",
            profile_folder=folder / "profiles",
        )
        backend.deploy(1, bundle)
        print("ready", flush=True)
        signal.sigwait([signal.SIGTERM, signal.SIGINT])
    finally:
        end_engine(engine)


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    main(int(sys.argv[1]), sys.argv[2], int([*sys.argv, "2"][3]))
