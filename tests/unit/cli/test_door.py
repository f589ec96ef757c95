"""The door turns what a verb returns or raises into output and exit codes, nothing more."""

from __future__ import annotations

import errno
import json
import shutil

import pytest
from click.testing import CliRunner

from nbprod.cli import door
from nbprod.errors import ConfigError, DataError, ExecutionError, ServingError
from nbprod.records import Finding, Inspection, Judgement, Verification

FINDING = Finding(code="NBX001", severity="error", message="bad", hint="fix it")


def _run(result: object, *arguments: str):
    @door.command("try")
    def command() -> object:
        """Try."""
        if isinstance(result, BaseException):
            raise result
        return result

    return CliRunner().invoke(command, list(arguments))


@pytest.mark.parametrize(
    ("result", "code"),
    [
        (None, 0),
        (Verification(passed=True, release=1, files=3), 0),
        (Verification(passed=False, release=1, files=3, findings=(FINDING,)), 1),
        (door.Shown(Judgement(passed=False)), 0),
        (Inspection(notebook="n", findings=(FINDING,)), 1),
        (Inspection(notebook="n"), 0),
        (ConfigError("a", hint="b"), 2),
        (DataError("a", hint="b"), 3),
        (ServingError("a", hint="b"), 3),
        (ExecutionError("a", hint="b"), 1),
        (ZeroDivisionError("a"), 4),
        (FileNotFoundError(errno.ENOENT, "No such file", "x"), 4),
        (OSError(errno.ENOSPC, "No space left on device", "x"), 3),
        (PermissionError(errno.EACCES, "Permission denied", "x"), 3),
        (shutil.Error([("a", "b", "[Errno 28] No space left on device: 'a' -> 'b'")]), 3),
        (shutil.Error([("a", "b", "[Errno 2] No such file or directory: 'a'")]), 4),
        (KeyboardInterrupt(), 130),
    ],
)
def test_exit_codes_are_the_documented_ones(result: object, code: int) -> None:
    """0 done or passed, 1 judged and not passed, 2 usage, 3 missing, 4 a bug of ours."""
    assert _run(result).exit_code == code
    assert _run(result, "--json").exit_code == code


def test_json_is_the_record_and_nothing_else() -> None:
    """Standard output can be piped into a program."""
    record = Verification(passed=True, release=1, files=3)
    assert json.loads(_run(record, "--json").stdout) == record.to_json()
    error = json.loads(_run(DataError("a", hint="b", column="x"), "--json").stdout)
    assert error == {"error": {"type": "DataError", "message": "a", "hint": "b", "column": "x"}}


def test_an_error_is_one_message_with_place_and_hint() -> None:
    """No traceback for what is not a bug."""
    error = ExecutionError(
        "it raised", hint="fix the cell", notebook="n.ipynb", cell_id="c", line=3
    )
    full = _run(OSError(errno.ENOSPC, "No space left on device", "runs/x")).stderr
    assert full.startswith("error: runs/x cannot be written or read: No space left")
    text = _run(error).stderr
    assert "error: it raised" in text
    assert "n.ipynb, cell c, line 3" in text
    assert "hint: fix the cell" in text
    assert "Traceback" not in text
