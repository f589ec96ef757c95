"""What serving answers, as values: they cross processes before they become HTTP."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nbprod.records import REDACTED

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from nbprod.records import Json, Violation

PROBLEM = "application/problem+json"  # RFC 9457
JSON = "application/json"
RETRY_AFTER_S = 1  # of what the same caller may try again

_TITLES = {
    400: "The request cannot be read",
    401: "A token is needed",
    403: "The token lacks the scope",
    404: "Not found",
    405: "Method not allowed",
    408: "Past the deadline",
    409: "Not possible now",
    413: "Too large",
    415: "Unsupported content type",
    421: "Not meant for this service",
    422: "The request breaks the contract",
    429: "Over capacity",
    500: "The release could not compute this",
    503: "Over capacity",
    504: "Past the deadline",
}


@dataclass(frozen=True)
class PredictRequest:
    """Rows to answer, as the caller sent them."""

    rows: list[Json]
    request_id: str
    partial: bool = False
    routing_key: str = ""  # what places the request in a rollout, where the caller named it
    timeout_s: float | None = None  # the caller's own deadline; never beyond the service's
    trace: str = ""  # W3C trace context, as it came
    attempt: str = ""  # what the proxy calls it, the same when it has to send it once more
    degraded: bool = False  # sent here because the release it was meant for could not answer
    shadow_of: tuple[str, ...] = ()  # the live predictions of these rows, for a shadow


@dataclass(frozen=True)
class Reply:
    """One answer: an HTTP status and plain data."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def content_type(self) -> str:
        """The media type of the body."""
        return PROBLEM if self.status >= 400 else JSON


class Refusal(Exception):  # noqa: N818 - a reply on its way, not an error
    """Carries a refusal out of the code that reads a request."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.body.get("detail", ""))
        self.reply = reply


def problem(
    status: int,
    detail: str,
    *,
    hint: str = "",
    errors: Sequence[Json] = (),
    request_id: str = "",
    retry_after_s: int | None = None,
    headers: dict[str, str] | None = None,
) -> Reply:
    """A refusal as RFC 9457 problem details; ``errors`` are the rows it is about."""
    body: Json = {
        "type": f"urn:nbprod:problem:{status}",
        "title": _TITLES.get(status, "The request failed"),
        "status": status,
        "detail": detail,
    }
    if hint:
        body["hint"] = hint
    if errors:
        body["errors"] = list(errors)
    if request_id:
        body["request_id"] = request_id
    sent = dict(headers or {})
    if retry_after_s is not None:
        sent["Retry-After"] = str(retry_after_s)
    return Reply(status, body, sent)


def refuse(status: int, detail: str, **more: Any) -> Refusal:
    """The exception that carries a problem; see `problem`."""
    return Refusal(problem(status, detail, **more))


def errors_of(violations: Sequence[Violation], redact: Collection[str] = ()) -> list[Json]:
    """Violations as a 422 lists them, without the values of redacted columns: whoever stands
    between here and the caller may write a refusal down."""
    return [
        {
            "row": found.row,
            "column": found.column or None,  # none: the row as a whole
            "rule": found.rule,
            "value": REDACTED if found.column in redact else found.value,
            "message": found.message,
        }
        for found in violations
    ]
