"""A transform and rows sent to a fresh Python, and the features that come back."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.errors import MissingDependencyError, NbprodError
from nbprod.parity.calls import Raised, Subject
from nbprod.parity.users_code import is_users

if TYPE_CHECKING:
    import types

    import pandas as pd

Rerun = Callable[["pd.DataFrame", Mapping[str, str]], "pd.DataFrame"]
_TIMEOUT_S = 120.0
_IMPORT_TIMEOUT_S = 40.0  # a module that serves when it is imported comes to no end


def fresh_rerun(transform: Any, state: Any, subject: Subject) -> Rerun:
    """Rows transformed in a fresh Python, to which transform and state are sent.

    By name where the user's modules can be imported there, so that what a module makes at its
    import (a table out of a set, the date) is made anew; otherwise by value.
    """
    subject.memory.restore()
    modules = [
        sys.modules[name]
        for name in {function.__module__ for function in subject.memory.functions}
        if name in sys.modules and name != "__main__" and is_users(name)
    ]
    by_value = _sent(transform, state, modules)
    if not modules:
        return lambda rows, environ: _in_process(by_value, rows, environ)
    by_name, importable = _sent(transform, state, ()), [True]

    def rerun(rows: pd.DataFrame, environ: Mapping[str, str]) -> pd.DataFrame:
        if importable[0]:
            try:
                return _in_process(by_name, rows, environ, _IMPORT_TIMEOUT_S)
            except (Raised, NbprodError):
                importable[0] = False
        return _in_process(by_value, rows, environ)

    return rerun


def _sent(transform: Any, state: Any, modules: Sequence[types.ModuleType]) -> bytes:
    """Transform and state as bytes, what these modules hold by value, all else by name."""
    try:
        import cloudpickle
    except ImportError as error:
        raise MissingDependencyError(
            "cloudpickle is not installed", hint="pip install cloudpickle"
        ) from error
    for module in modules:
        cloudpickle.register_pickle_by_value(module)
    try:
        content: bytes = cloudpickle.dumps((transform, state))
    except Exception as error:
        raise NbprodError(
            f"the transform cannot be sent there: {type(error).__name__}: {error}",
            hint="give `rerun`",
        ) from error
    finally:
        for module in modules:
            cloudpickle.unregister_pickle_by_value(module)
    return content


def _in_process(
    content: bytes,
    rows: pd.DataFrame,
    environ: Mapping[str, str],
    timeout_s: float = _TIMEOUT_S,
) -> pd.DataFrame:
    import pandas as pd

    with tempfile.TemporaryDirectory(prefix="nbprod-fresh-") as folder:
        Path(folder, "call").write_bytes(content)
        rows.to_pickle(Path(folder, "rows"))
        command = [sys.executable, "-m", "nbprod.parity.fresh_process", folder]
        path = os.pathsep.join(part or os.getcwd() for part in sys.path)
        try:
            done = subprocess.run(
                command,
                env={**os.environ, "PYTHONPATH": path, **environ},
                capture_output=True,
                timeout=timeout_s,
                text=True,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise Raised(f"no answer after {timeout_s:.0f} s") from error
        if Path(folder, "raised").exists():
            raise Raised(Path(folder, "raised").read_text(encoding="utf-8"))
        if not Path(folder, "features").exists():
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise NbprodError(f"it ended with {done.returncode}: {last}", hint="give `rerun`")
        features: pd.DataFrame = pd.read_pickle(Path(folder, "features"))  # noqa: S301 - ours
        return features
