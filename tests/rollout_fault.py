"""Take one verb of a rollout and die at one of its steps: python rollout_fault.py FOLDER VERB STEP

A script of its own, because what is tested is what a killed process leaves behind.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from nbprod import traffic
from nbprod.lifecycle import deployments
from nbprod.lifecycle.project import Project


def main(folder: str, verb: str, step: str) -> None:
    """The verb on the project in a folder; release 3 is the one on trial."""
    traffic.LISTENERS.append(lambda done: os._exit(9) if done == step else None)
    project = Project.load(folder)
    if verb == "canary":
        backend = deployments.backend_of(project, deployments.running(project))
        backend.start_canary(3, Path(folder, "bundles/3/bundle"), 0.4)
    else:
        getattr(project, verb)(reason="dies on the way")


if __name__ == "__main__":
    main(*sys.argv[1:])
