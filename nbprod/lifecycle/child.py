"""The other end of `nbprod.lifecycle.isolation`: runs one job and writes its answer."""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

from nbprod.errors import ExecutionError, NbprodError
from nbprod.notebook.places import places_of
from nbprod.predictor.model import ALLOW_PICKLE
from nbprod.records import Record

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_FIX_THE_CELL = "this is the notebook's own code: fix the cell, then run `nbprod extract` again"
_NAME_ONE = (
    "the predict cell gives several columns: let it name the class (model.predict(…)) or take one "
    "of them ([:, 1]), then run `nbprod extract` again"
)


def main(work: Path, progress_fd: int) -> int:
    """Run the job of ``work/request.json``; write ``work/answer.json``; return the exit code."""
    from nbprod.lifecycle import jobs

    request = json.loads((work / "request.json").read_text(encoding="utf-8"))
    if settings := request["arguments"].get("settings"):
        # What is loaded on the way, in this process or a kernel of it, follows the project's word.
        os.environ[ALLOW_PICKLE] = ",".join(settings["model"]["allow_pickle"])
    os.set_inheritable(progress_fd, False)
    _end_with_parent(int(request["parent"]))
    sys.path.insert(0, os.getcwd())  # a notebook may import files that lie beside it

    def progress(message: str, fraction: float | None = None) -> None:
        os.write(progress_fd, (json.dumps([message, fraction]) + "\n").encode())

    try:
        result = jobs.JOBS[request["job"]](progress=progress, **request["arguments"])
        plain = result.to_json() if isinstance(result, Record) else result
        answer: dict[str, Any] = {"result": plain}
    except NbprodError as error:
        answer = {"error": error.to_json()}
    except Exception as error:  # noqa: BLE001 - the border: whatever it is goes to the parent as data
        traceback.print_exc()
        answer = {"error": _unexpected(error).to_json()}
    _write(work / "answer.json", answer)
    return 0


def _end_with_parent(parent: int) -> None:
    """Let Linux end this process with the command that started it, however that ended.

    A killed `nbprod train` must not go on to register a candidate that nobody has a record of.
    """
    if sys.platform != "linux":
        return  # elsewhere the next word of progress finds its pipe closed
    import ctypes
    import signal

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it was gone before this was asked for
        os._exit(1)


def _unexpected(error: Exception) -> NbprodError:
    """The user's own code where a frame of it is on the stack, else a bug of ours."""
    text = f"{type(error).__name__}: {error}"
    if places := places_of(error):
        deepest = places[-1]
        return ExecutionError(
            f"{text}\n  in {deepest.file}, line {deepest.file_line} ({deepest}): {deepest.source}",
            hint=_FIX_THE_CELL,
            notebook=deepest.notebook,
            cell_id=deepest.cell_id,
            line=deepest.line,
        )
    frames = traceback.extract_tb(error.__traceback__)
    here = str(Path(__file__).resolve().parents[1])
    libraries = (here, sys.prefix, sys.base_prefix, "<")
    theirs = [
        frame
        for frame in frames
        if not frame.filename.startswith(libraries) and "site-packages" not in frame.filename
    ]
    if theirs:
        place = theirs[-1]
        several = "1-dimensional" in text and Path(place.filename).name == "inference.py"
        return ExecutionError(
            f"{text}\n  in {place.filename}, line {place.lineno}: {place.line}",
            hint=_NAME_ONE if several else _FIX_THE_CELL,
        )
    shown = "".join(traceback.format_exception(error)[-4:])
    return NbprodError(
        f"{text}\n{shown}", hint="this is a bug of nbprod: please report it with the text above"
    )


def _write(path: Path, answer: dict[str, Any]) -> None:
    aside = path.with_suffix(".part")
    aside.write_text(json.dumps(answer, default=str), encoding="utf-8")
    aside.replace(path)


if __name__ == "__main__":
    # os._exit: a thread that the user's code left running must not keep the child alive.
    code = main(Path(sys.argv[1]), int(sys.argv[2]))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
