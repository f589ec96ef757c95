"""Run the demo's later steps on a finished demo's project, and let one of them fail.

python demo_fault.py FINISHED FOLDER STEP raise|interrupt

A script of its own, because what is tested is what a whole process leaves behind.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
from pathlib import Path

from nbprod.engine import free_port
from nbprod.lifecycle.demo import road
from nbprod.lifecycle.project import Project
from nbprod.releases import read_release


class FaultyRoad(road.Road):
    """The road from `deploy` on, with releases that were made before."""

    step, how = "", ""

    def _make_project(self) -> Project:
        self.project = Project.load(
            self.folder,
            arguments={"serving.port": free_port(), "serving.replicas": 2},
            progress=self.progress,
        )
        return self.project

    def _to_first_release(self, project: Project) -> None:
        releases = sorted(Path(self.folder, ".nbprod", "releases").iterdir())
        first, second = (read_release(path) for path in releases[:2])
        self.records |= {"first": first, "second": second}

    def _second_release(self, project: Project) -> None:
        """It is there."""

    @contextlib.contextmanager
    def _step(self, name: str, what: str):
        with super()._step(name, what) as note:
            if name == self.step and self.how == "interrupt":
                os.kill(os.getpid(), signal.SIGINT)
            yield note
            if name == self.step and self.how == "raise":
                raise RuntimeError(f"fault in {name}")


def main(finished: str, folder: str, step: str, how: str) -> None:
    """Copy the project without its deployment, and walk."""
    shutil.copytree(
        finished, folder, ignore=shutil.ignore_patterns("deployments", "serving", "engine", "logs")
    )
    FaultyRoad.step, FaultyRoad.how = step, how
    road.Road = FaultyRoad
    road._make_room = lambda target: None
    try:
        road.run_demo(folder, flights=100, progress=lambda message, _=None: print(message))
    except (RuntimeError, KeyboardInterrupt) as error:
        print(f"ended by {type(error).__name__}")
        sys.exit(7)


if __name__ == "__main__":
    main(*sys.argv[1:])
