"""Errors as RFC 9457 problem details, with the next step."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from nbprod.errors import NbprodError, http_status
from nbprod.masking import mask, mask_values

PROBLEM = "application/problem+json"


class RefusedError(Exception):
    """A request that is not carried out: status, what is wrong, and the next step."""

    def __init__(self, status: int, detail: str, *, hint: str, **more: Any) -> None:
        super().__init__(detail)
        self.status, self.detail, self.hint, self.more = status, detail, hint, more

    @classmethod
    def of_json(cls, told: dict[str, Any], *, status: int) -> RefusedError:
        """The refusal of an error that came as plain data: type, message, hint and its place."""
        place = {name: told[name] for name in ("notebook", "cell_id", "line") if told.get(name)}
        return cls(
            status,
            mask(str(told.get("message", ""))),
            hint=mask(str(told.get("hint", ""))),
            type=f"urn:nbprod:{told.get('type', 'NbprodError')}",
            **mask_values(place),
        )

    @property
    def problem(self) -> dict[str, Any]:
        """Its problem details."""
        return problem(self.status, self.detail, hint=self.hint, **self.more)


def problem_of(error: BaseException) -> dict[str, Any]:
    """The problem details of an error; what is not ours says nothing of its inside."""
    if isinstance(error, NbprodError):
        error = RefusedError.of_json(error.to_json(), status=http_status(error))
    if isinstance(error, RefusedError):
        return error.problem
    return problem(
        500,
        "the server extension failed",
        hint="this is a bug of nbprod: the server's log has the lines to report",
    )


def problem(status: int, detail: str, *, hint: str = "", **more: Any) -> dict[str, Any]:
    """Problem details with every field that the schema names."""
    blank = {"type": "about:blank", "notebook": None, "cell_id": None, "line": None}
    title = HTTPStatus(status).phrase
    return {
        **blank,
        "title": title,
        "status": status,
        "detail": detail,
        "hint": hint,
        "errors": [],
        "job": "",
        **more,
    }
