"""What every command shares: the project, progress, printing a record, errors and exit codes."""

from __future__ import annotations

import contextlib
import errno
import functools
import json
import os
import re
import shutil
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import click

from nbprod.errors import NbprodError, StoreError, exit_code
from nbprod.records import Judgement, Progress, Record

if TYPE_CHECKING:
    from nbprod.lifecycle.project import Project

Command = Callable[..., Any]
# What a machine refuses, whatever the program does: no bug of ours.
_OUTSIDE = frozenset(
    {
        *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO),
        *(errno.ENOTDIR, errno.ENAMETOOLONG, errno.EMFILE, errno.ENFILE, errno.ENOMEM),
    }
)


@dataclass(frozen=True)
class Shown:
    """A judgement that is printed but does not decide the exit code."""

    record: Record


def command(name: str, **settings: Any) -> Callable[[Command], click.Command]:
    """Make a function a command with ``--json``; what it returns is printed and judged.

    The function returns a record, or a list of plain data; it may take ``as_json``-free
    arguments only: printing is done here, the same way for every command.
    """

    def wrap(function: Command) -> click.Command:
        def body(*args: Any, as_json: bool, **kwargs: Any) -> None:
            _run(function, args, kwargs, as_json)

        functools.update_wrapper(body, function)  # help text, and the options declared before
        option = click.option("--json", "as_json", is_flag=True, help="Print the record as JSON.")
        decorate: Callable[[Command], click.Command] = click.command(name, **settings)
        return decorate(option(body))

    return wrap


def project_option(function: Command) -> Command:
    """Give a command ``--project DIR``, handed over as ``folder``."""
    option: Callable[[Command], Command] = click.option(
        "--project",
        "folder",
        default=".",
        show_default=True,
        metavar="DIR",
        help="The project's folder.",
    )
    return option(function)


def json_or_text(text: str) -> Any:
    """A value as JSON where it is one (3, 0.5, true, [1, 2]), else the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def open_project(folder: str, arguments: Mapping[str, Any] | None = None) -> Project:
    """The project in a folder, with progress shown on the error stream."""
    from nbprod.lifecycle.project import Project

    given = {key: value for key, value in (arguments or {}).items() if value is not None}
    return Project.load(folder, arguments=given, progress=shown_progress())


def shown_progress() -> Progress:
    """Progress lines on the error stream; standard output stays clean for the record."""
    colour = sys.stderr.isatty() and "NO_COLOR" not in os.environ

    def show(message: str, fraction: float | None = None) -> None:
        share = f"{fraction:4.0%} " if fraction is not None else ""
        text = f"  {share}{message}"
        click.echo(click.style(text, dim=True) if colour else text, err=True)

    return show


def show_error(error: NbprodError, as_json: bool, folder: str = ".") -> None:
    """One message with the next step; with ``--json`` also as data on standard output.

    folder: of the project, whose notebooks the error may name.
    """
    from nbprod.lifecycle.cell_numbers import cell_numbers
    from nbprod.masking import mask, mask_values
    from nbprod.reporting.terminal_parts import with_numbers

    if as_json:
        click.echo(json.dumps({"error": mask_values(error.to_json())}, default=str))
    numbers = cell_numbers(error, folder)
    message, hint = (mask(with_numbers(text, numbers)) for text in (error.message, error.hint))
    click.echo(f"{click.style('error:', fg='red', bold=True)} {message}", err=True)
    if place := _place(error, numbers):
        click.echo(f"   at: {', '.join(place)}", err=True)
    click.echo(f" hint: {hint}", err=True)


def _place(error: NbprodError, numbers: Mapping[str, int]) -> list[str]:
    """Notebook, cell and line of an error, as far as it has them."""
    notebook, cell, line = (getattr(error, name, None) for name in ("notebook", "cell_id", "line"))
    named = f"{numbers[cell]} ({cell})" if cell and cell in numbers else cell
    return [
        *([str(notebook)] if notebook else []),
        *([f"cell {named}"] if cell else []),
        *([f"line {line}"] if line else []),
    ]


def show_record(record: Any, as_json: bool, folder: str = ".") -> None:
    """Print what a verb returned: a record, several, or plain data.

    folder: of the project, whose notebooks findings may name.
    """
    if as_json:
        click.echo(json.dumps(_plain(record), indent=2, default=str))
        return
    from rich.console import Console

    from nbprod.lifecycle.cell_numbers import cell_numbers
    from nbprod.reporting import terminal

    console = Console(width=None if sys.stdout.isatty() else 110, highlight=False)
    terminal.show(record, console, cell_numbers(record, folder))


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.to_json() if hasattr(value, "to_json") else value


@contextlib.contextmanager
def _clean_output() -> Iterator[None]:
    """Whatever a library writes to standard output meanwhile goes to the error stream.

    Below Python's own stream, because engines write past it: what is left is the record alone.
    """
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)


def _run(function: Command, args: Any, kwargs: Any, as_json: bool) -> None:
    folder = kwargs.get("folder", ".")
    try:
        with _clean_output():
            result = function(*args, **kwargs)
    except NbprodError as error:
        show_error(error, as_json, folder)
        sys.exit(exit_code(error))
    except (click.ClickException, click.exceptions.Exit, BrokenPipeError):
        raise
    except KeyboardInterrupt:
        click.echo("interrupted; nothing half-written remains", err=True)
        sys.exit(130)
    except OSError as error:
        if (trouble := _outside(error)) is None:
            _show_bug(error, as_json)
        show_error(trouble, as_json)
        sys.exit(exit_code(trouble))
    except Exception as error:  # noqa: BLE001 - the last border: exit code 4 is its documented meaning
        _show_bug(error, as_json)
    if result is not None:
        record = result.record if isinstance(result, Shown) else result
        show_record(record, as_json, folder)
    sys.exit(_verdict(result))


def _outside(error: OSError) -> StoreError | None:
    """What the machine refused, as an error of ours; None for what is a bug after all."""
    number, where, reason = error.errno, error.filename, error.strerror
    if isinstance(error, shutil.Error):  # of a copied folder: (from, to, why) for each file
        _, where, reason = error.args[0][0]
        found = re.search(r"\[Errno (\d+)\] ([^:]+)", str(reason))
        number, reason = (int(found[1]), found[2]) if found else (None, reason)
    if number not in _OUTSIDE:
        return None
    return StoreError(
        f"{where or 'the project'} cannot be written or read: {reason}",
        hint="make room on the disk and check who may read and write there, then try again",
    )


def _show_bug(error: BaseException, as_json: bool) -> NoReturn:
    traceback.print_exc()
    bug = NbprodError(
        f"{type(error).__name__}: {error}",
        hint="this is a bug of nbprod: please report it with the lines above",
    )
    show_error(bug, as_json)
    sys.exit(exit_code(bug))


def _verdict(result: Any) -> int:
    """1 for a judgement that did not pass, or for a list with such a one; 0 otherwise."""
    if isinstance(result, list | tuple):
        return max((_verdict(item) for item in result), default=0)
    if isinstance(result, Judgement):
        return 0 if result.passed else 1
    if isinstance(result, Record):
        return 1 if any(finding.severity == "error" for finding in result.findings) else 0
    return 0
