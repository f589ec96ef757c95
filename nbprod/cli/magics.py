"""``%load_ext nbprod``: ``%nbprod …`` is the command line, its record a report in the output.

The command runs in a process of its own, as in a shell: the kernel keeps its names, its memory and
its standard output. What it returns can be kept: ``report = %nbprod parity``.
"""

from __future__ import annotations

import contextlib
import html
import json
import os
import shlex
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import nbprod.errors as errors
import nbprod.records as records
from nbprod.errors import ConfigError, NbprodError
from nbprod.records import Record

if TYPE_CHECKING:
    from collections.abc import Sequence

_END_S = 15.0  # for a command to end by itself once it was interrupted
_HEIGHT_PX = 440


class Report:
    """What a command gave: ``record`` (or several in ``records``), shown as its report."""

    def __init__(self, found: Sequence[Any], *, code: int) -> None:
        self.records = tuple(found)
        self.code = code  # the command's exit code

    @property
    def record(self) -> Any:
        """The record, the last one where there are several; None for none."""
        return self.records[-1] if self.records else None

    @property
    def passed(self) -> bool:
        """Whether the command's verdict is good: exit code 0."""
        return self.code == 0

    def __repr__(self) -> str:
        from io import StringIO

        from rich.console import Console

        from nbprod.reporting.terminal import show

        console = Console(  # plain text, also where the kernel's environment asks for colour
            file=StringIO(), width=110, force_jupyter=False, force_terminal=False, color_system=None
        )
        for record in self.records:
            show(record, console)
        assert isinstance(console.file, StringIO)
        return console.file.getvalue().rstrip()

    def _repr_html_(self) -> str:
        """Each record's page in a frame of its own: its style and the notebook's stay apart."""
        from nbprod.reporting.record_page import page_of

        # sandbox: the page may run nothing and knows nothing of where it stands
        return "\n".join(
            f'<iframe sandbox srcdoc="{html.escape(page_of(record))}" title="nbprod report" '
            f'style="width:100%;height:{_HEIGHT_PX}px;border:0;resize:vertical"></iframe>'
            for record in self.records
            if isinstance(record, Record)
        )


def register(shell: Any) -> None:
    """Give an IPython shell the line magic."""
    shell.register_magic_function(nbprod, magic_kind="line", magic_name="nbprod")


def nbprod(line: str) -> Report | None:
    """The command line of nbprod, in the folder of this notebook: ``%nbprod parity --rows 500``.

    Raises the command's own error; a judgement that did not pass is shown, and raises nothing:
    ``report.record.raise_if_failed()`` does.
    """
    try:
        argv = shlex.split(line)
    except ValueError as error:
        raise _short(ConfigError(f"{line}: {error}", hint="close the quotes")) from None
    code, out = _run([*argv, "--json"] if argv and not _asks_for_help(argv) else [*argv, "--help"])
    try:
        told = json.loads(out)
    except ValueError:
        print(out, end="")
        if code > 1:
            raise _short(ConfigError(f"nbprod {line}", hint="%nbprod --help")) from None
        return None
    if isinstance(told, dict) and "error" in told:
        raise _short(_error(told["error"]))
    found = [_record(item) for item in (told if isinstance(told, list) else [told])]
    return Report(found, code=code)


def _asks_for_help(argv: Sequence[str]) -> bool:
    return bool({"--help", "-h", "--version"} & set(argv))


def _run(argv: Sequence[str]) -> tuple[int, str]:
    """Exit code and standard output of a command; its progress is shown while it runs."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "nbprod", *argv],
        # it ends with this kernel, whatever becomes of that
        env={**os.environ, "NO_COLOR": "1", "NBPROD_ENDS_WITH": str(os.getpid())},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    import threading

    shown = threading.Thread(target=_show_progress, args=(process.stderr,), daemon=True)
    shown.start()
    try:
        assert process.stdout is not None
        out = process.stdout.read()
        code = process.wait()
    except BaseException:
        _interrupt(process)
        raise
    shown.join(timeout=1.0)  # an engine that stays behind may hold the stream open
    return code, out


def _show_progress(stream: Any) -> None:
    """One line of output, the newest one; what an error says is raised, not shown here."""
    from IPython.display import display

    handle: Any = None
    for text in stream:
        if not text.startswith("  "):
            if not text.startswith(("error:", " hint:", "   at:")):
                sys.stderr.write(text)
            continue
        bundle = {"text/plain": text.strip()}
        if handle is None:
            handle = display(bundle, raw=True, display_id=True)
        else:
            handle.update(bundle, raw=True)


def _interrupt(process: subprocess.Popen[str]) -> None:
    """Let the command end as by Ctrl-C, and what it started with it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGINT)
    try:
        process.wait(timeout=_END_S)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _record(told: Any) -> Any:
    """The record again from its plain data: each kind has fields that no other has."""
    if isinstance(told, dict):
        for kind in vars(records).values():
            if isinstance(kind, type) and hasattr(kind, "from_json") and _fits(kind, told):
                return kind.from_json(told)
    return told


def _fits(kind: Any, told: dict[str, Any]) -> bool:
    return getattr(kind, "__dataclass_fields__", {}).keys() == told.keys()


def _error(told: dict[str, Any]) -> NbprodError:
    """The command's error with its own class."""
    kind = getattr(errors, str(told.pop("type", "")), NbprodError)
    made: NbprodError = kind(told.pop("message"), hint=told.pop("hint"), **told)
    return made


def _short(error: NbprodError) -> NbprodError:
    """The same error; IPython shows what is wrong and the next step, and no frames of ours."""
    lines = [f"{type(error).__name__}: {error.message}", f"  hint: {error.hint}"]
    error._render_traceback_ = lambda: lines  # type: ignore[attr-defined]
    return error
