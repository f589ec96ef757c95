"""`POST /predict` without a framework in between, and what every route shares with it.

Routing, request and response objects cost a small request more than everything else that is done
for it in the event loop. So this one route is recognised before the framework sees it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any

from nbprod.errors import NbprodError, http_status
from nbprod.serving import reading
from nbprod.serving.auth import refusal
from nbprod.serving.replies import Refusal, Reply, problem
from nbprod.serving.room import MAX_BODY_BYTES

if TYPE_CHECKING:
    from nbprod.serving.replies import PredictRequest
    from nbprod.serving.room import Place
    from nbprod.serving.service import Service

PATH = "/predict"
# What a tool says that was told no type (`curl -d`), on every route. A page in a browser could send
# it to this machine without asking, so not where a browser says that a page is behind it; what a
# route takes by its own name is nothing that a page may send unasked.
_UNDECLARED = ("", "application/x-www-form-urlencoded")
_FROM_A_PAGE = ("origin", "sec-fetch-site")
_LOGGER = logging.getLogger(__name__)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Any, Receive, Send], Awaitable[None]]
Dispatch = Callable[["PredictRequest"], Awaitable[Reply]]


class HotPath:
    """An ASGI application in front of another one, which answers everything but predictions."""

    def __init__(self, app: Asgi, service: Service, dispatch: Dispatch) -> None:
        self._app = app
        self._service = service
        self._dispatch = dispatch

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Answer one connection's request."""
        if scope["type"] != "http" or scope["path"] != PATH or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }

        async def answer(place: Place) -> Reply:
            body = await read_body(headers, receive, place)
            return await self._dispatch(reading.read_predict(body, headers))

        reply = await answered(self._service, PATH, "predict", headers, answer)
        body, sent = encoded(reply)
        sent["content-length"] = str(len(body))
        raw = [
            (name.lower().encode("latin-1"), text.encode("latin-1")) for name, text in sent.items()
        ]
        await send({"type": "http.response.start", "status": reply.status, "headers": raw})
        await send({"type": "http.response.body", "body": body})


async def answered(
    service: Service,
    path: str,
    scope: str,
    headers: Mapping[str, str],
    answer: Callable[[Place], Awaitable[Reply]],
) -> Reply:
    """Token, answer, counters, and where nothing escapes as a bare 500.

    answer: is given the place that the request's body takes until it is answered.
    """
    started = time.perf_counter()
    reply = refusal(service.options, scope, headers)
    if reply is None:
        try:
            with service.room.place() as place:
                reply = await answer(place)
        except Refusal as refused:
            reply = refused.reply
        except NbprodError as error:
            reply = problem(http_status(error), error.message, hint=error.hint)
        except Exception:
            _LOGGER.exception("%s failed", path)
            reply = problem(500, "an error of the service itself", hint="look at its log")
    seconds = time.perf_counter() - started
    service.metrics.request(path, reply.status, seconds)
    service.requests.add(path, reply, seconds, headers)
    if trace := headers.get("traceparent"):
        reply.headers.setdefault("traceparent", trace)
    return reply


def encoded(reply: Reply) -> tuple[bytes, dict[str, str]]:
    """Body and headers of a reply; the headers it gives win over the media type."""
    import orjson

    headers = {"Content-Type": reply.content_type, **reply.headers}
    if isinstance(reply.body, str | bytes):
        text = reply.body
        return (text.encode() if isinstance(text, str) else text), headers
    return orjson.dumps(reply.body, default=str), headers


async def read_body(
    headers: Mapping[str, str], receive: Receive, place: Place, *accepted: str
) -> bytes:
    """The body, at most MAX_BODY_BYTES, of a type the route reads; JSON where none is named."""
    allowed = accepted or ("application/json",)
    kind = media_type(headers)
    undeclared = kind in _UNDECLARED and not any(name in headers for name in _FROM_A_PAGE)
    if not (kind in allowed or kind.endswith("+json") or undeclared):
        raise Refusal(
            problem(
                415,
                f"{kind or 'no content type'} is not read here",
                hint=f"send Content-Type: {' or '.join(allowed)}",
            )
        )
    if (coding := headers.get("content-encoding", "")) not in ("", "identity"):
        raise Refusal(
            problem(
                415,
                f"a body in the coding {coding!r} is not read here",
                hint="send it as it is, without Content-Encoding",
            )
        )
    length = headers.get("content-length", "")
    if length.isdigit() and int(length) > MAX_BODY_BYTES:
        raise _too_large()
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refusal(problem(400, "the caller hung up before the body was whole"))
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            raise _too_large()
        place.take(len(chunk))
        chunks.append(chunk)
        if not message.get("more_body"):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def media_type(headers: Mapping[str, str]) -> str:
    """The media type of a request without its parameters."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def _too_large() -> Refusal:
    return Refusal(problem(413, "the body is too large", hint=f"at most {MAX_BODY_BYTES} bytes"))
