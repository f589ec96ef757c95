"""`mlflow models serve`, two workers: its own scoring server, started with a model made for it."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{tempfile.mkdtemp()}/mlflow.db"

import mlflow

if __name__ == "__main__":
    folder = Path(tempfile.mkdtemp(), "model")
    code = str(Path(__file__).with_name("mlflow_model.py"))
    mlflow.pyfunc.save_model(str(folder), python_model=code, pip_requirements=["mlflow"])
    # It starts uvicorn by name: this interpreter's, whether or not its scripts are on the path.
    script = folder.with_name("uvicorn")
    script.write_text(f'#!/bin/sh\nexec {sys.executable} -m uvicorn "$@"\n')
    script.chmod(0o700)
    os.environ["PATH"] = os.pathsep.join([str(script.parent), os.environ["PATH"]])
    serve = ["models", "serve", "-m", str(folder), "--env-manager", "local", "--workers", "2"]
    address = ["--host", "127.0.0.1", "--port", sys.argv[1]]
    os.execv(sys.executable, [sys.executable, "-m", "mlflow", *serve, *address])
