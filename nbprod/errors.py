"""Every error nbprod raises, and what it becomes at the doors.

NbprodError                     anything of ours; always carries a hint: the next step
├── ConfigError                 nbprod.toml, an option or an environment variable is wrong
├── NotFoundError               a module, candidate, release or prediction is not there
├── NotebookError               a notebook cannot be read or understood (cell_id, line)
│   └── MissingNotebookError    there is no such file
├── ExtractionError             a cell cannot be carried into the module (cell_id, line)
├── DataError                   data is missing, unreadable, or breaks the contract
├── ExecutionError              the user's own code raised, hung or was killed
├── VerdictError                a judgement did not pass; raised only by ``raise_if_failed()``
├── ReleaseError                a release cannot be built, found or used
│   └── TamperedReleaseError    a file of a bundle or release is not the one that was hashed
├── ServingError                the engine or a deployment does not answer
│   └── RefusedError            a rollout verb does not fit what is deployed
├── StoreError                  a record cannot be read or written
│   └── TamperedRecordError     a record is not the one that was written
└── MissingDependencyError      an optional dependency is not installed (extra)

A failed check is a result; an exception is for what could not be checked.
"""

from __future__ import annotations

from typing import Any


class NbprodError(Exception):
    """Something nbprod could not do, with the next step in ``hint``."""

    def __init__(self, message: str, *, hint: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details

    def __reduce__(self) -> tuple[Any, ...]:
        # Ray and child processes raise across process borders; keyword-only
        # arguments do not survive BaseException's own reduction.
        notes = getattr(self, "__notes__", None)
        state = {"__notes__": notes} if notes else None
        return _rebuild, (type(self), self.message, self.hint, self.details), state

    def __str__(self) -> str:
        return f"{self.message}\n  hint: {self.hint}"

    def to_json(self) -> dict[str, Any]:
        """The error as plain data: type, message, hint and whatever places it."""
        return {
            "type": type(self).__name__,
            "message": self.message,
            "hint": self.hint,
            **self.details,
        }


def _rebuild(
    cls: type[NbprodError], message: str, hint: str, details: dict[str, Any]
) -> NbprodError:
    return cls(message, hint=hint, **details)


class ConfigError(NbprodError):
    """``nbprod.toml``, an option or an environment variable is wrong."""


class NotFoundError(NbprodError):
    """A module, candidate, release or prediction that is asked for, or built on, is not there."""


class _PlacedError(NbprodError):
    """An error with a place in a notebook."""

    def __init__(
        self,
        message: str,
        *,
        hint: str,
        notebook: str | None = None,
        cell_id: str | None = None,
        line: int | None = None,
        **details: Any,
    ) -> None:
        super().__init__(
            message, hint=hint, notebook=notebook, cell_id=cell_id, line=line, **details
        )
        self.notebook = notebook
        self.cell_id = cell_id
        self.line = line


class NotebookError(_PlacedError):
    """A notebook cannot be read or understood."""


class MissingNotebookError(NotebookError):
    """There is no such file."""


class ExtractionError(_PlacedError):
    """A cell cannot be carried into the module."""


class DataError(NbprodError):
    """Data is missing, unreadable, or breaks the contract."""


class ExecutionError(_PlacedError):
    """The user's own code raised, hung or was killed."""


class VerdictError(NbprodError):
    """A judgement did not pass; raised only by ``raise_if_failed()``."""


class ReleaseError(NbprodError):
    """A release cannot be built, found or used."""


class TamperedReleaseError(ReleaseError):
    """A file of a bundle or release is not the one that was hashed."""


class ServingError(NbprodError):
    """The engine or a deployment does not answer."""


class RefusedError(ServingError):
    """A rollout verb does not fit what is deployed: nothing was changed."""


class StoreError(NbprodError):
    """A record cannot be read or written."""


class TamperedRecordError(StoreError):
    """A record is not the one that was written."""


class MissingDependencyError(NbprodError):
    """An optional dependency is not installed."""

    def __init__(
        self, message: str, *, hint: str | None = None, extra: str = "", **details: Any
    ) -> None:
        super().__init__(
            message, hint=hint or f"pip install 'nbprod[{extra}]'", extra=extra, **details
        )
        self.extra = extra


# class -> (HTTP status, exit code); the doors look a class up along its bases.
# Exit codes: 1 judged and not passed, or the user's own cell raised; 2 wrong usage
# or configuration; 3 something missing or unreachable; 4 a bug of ours.
STATUS: dict[type[BaseException], tuple[int, int]] = {
    ConfigError: (422, 2),
    NotFoundError: (404, 3),
    NotebookError: (422, 1),
    MissingNotebookError: (404, 3),
    ExtractionError: (422, 1),
    DataError: (422, 3),
    ExecutionError: (422, 1),
    VerdictError: (409, 1),
    ReleaseError: (409, 1),
    TamperedReleaseError: (409, 1),
    ServingError: (503, 3),
    RefusedError: (409, 1),
    StoreError: (500, 3),
    TamperedRecordError: (409, 1),
    MissingDependencyError: (501, 3),
    NbprodError: (500, 4),
}


def http_status(error: BaseException) -> int:
    """The HTTP status that answers this error; 500 for what is not ours."""
    return _lookup(error)[0]


def exit_code(error: BaseException) -> int:
    """The exit code of a command that ends with this error; 4 for what is not ours."""
    return _lookup(error)[1]


def _lookup(error: BaseException) -> tuple[int, int]:
    for cls in type(error).__mro__:
        if cls in STATUS:
            return STATUS[cls]
    return (500, 4)
