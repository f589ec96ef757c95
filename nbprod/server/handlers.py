"""From HTTP to an operation and back: one handler, and every verb of it is authenticated."""

from __future__ import annotations

import asyncio
import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join
from tornado import web

from nbprod.server.problems import PROBLEM, RefusedError, problem, problem_of
from nbprod.server.requests import BASE, Call, plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbprod.server.requests import Services
    from nbprod.server.routes import Route

_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
_MOST_BODY = 32 * 1024**2
# A report is somebody's data beside Lab's own origin: no script, no form, no origin, no network.
REPORT_POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
_HINTS = {
    403: "reload the page, or start JupyterLab again with its token",
    404: "`jupyter server extension list` tells which extensions run",
    405: "look at nbprod/api/openapi.json for what this path takes",
}


class Resource(APIHandler):
    """Every path of the table; what cannot be done is answered as problem details."""

    auth_resource = "nbprod"

    def initialize(self, services: Callable[[], Services]) -> None:
        """What the routes work with, made when it is first asked for."""
        self.services = services

    @web.authenticated
    @authorized
    async def get(self, path: str) -> None:
        """Read."""
        await self._answer("GET", path)

    @web.authenticated
    @authorized
    async def post(self, path: str) -> None:
        """Start a job, or write something small."""
        await self._answer("POST", path)

    @web.authenticated
    @authorized
    async def delete(self, path: str) -> None:
        """Cancel a job, or end a deployment as a job."""
        await self._answer("DELETE", path)

    async def _answer(self, method: str, path: str) -> None:
        routes = await asyncio.to_thread(_routes)  # the first request imports them, not Lab's start
        found = next(((m, r) for pattern, r in routes if (m := pattern.fullmatch(path))), None)
        if found is None:
            raise RefusedError(404, f"there is no {self.request.path}", hint=_HINTS[405])
        match, methods = found
        if method not in methods:
            raise web.HTTPError(405)
        route = methods[method]
        call = Call(
            services=self.services(),
            path=match.groupdict(),
            query=self._query(route),
            body=await _read(route.body, self.request.body) if route.body else None,
            user=str(getattr(self.current_user, "username", "") or ""),
        )
        self._send(route, plain(await route.operation(call)))

    def _query(self, route: Route) -> dict[str, str]:
        """The query's parameters; one that the route does not know is refused."""
        known = {item.name for item in route.query} | {"token", "_", "no_track_activity"}
        # JupyterLab adds the time, as a bare number, where it wants no cached answer
        given = [name for name in self.request.query_arguments if not name.isdecimal()]
        if unknown := sorted(set(given) - known):
            raise RefusedError(
                422, f"unknown parameter {unknown[0]!r}", hint=f"known: {', '.join(sorted(known))}"
            )
        return {name: self.get_query_argument(name) for name in given}

    def _send(self, route: Route, answer: Any) -> None:
        self.set_status(route.status)
        if route.answer is None:
            self.set_header("Content-Security-Policy", REPORT_POLICY)
            self.finish(answer, set_content_type="text/html; charset=utf-8")
            return
        if route.status == 202:
            self.set_header("Location", url_path_join(self.base_url, BASE, "jobs", answer["id"]))
        self.finish(json.dumps(answer))

    def set_default_headers(self) -> None:
        """Jupyter's own, and no guessing of types."""
        super().set_default_headers()
        self.set_header("X-Content-Type-Options", "nosniff")

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Problem details with a hint, whatever went wrong."""
        error = kwargs.get("exc_info", (None, None))[1]
        if isinstance(error, web.HTTPError) or error is None:
            detail = getattr(error, "log_message", None) or getattr(error, "reason", None)
            told = problem(status_code, str(detail or ""), hint=_HINTS.get(status_code, ""))
        else:
            told = problem_of(error)
        self.set_status(told["status"])
        self.set_header("Content-Security-Policy", self.content_security_policy)
        self.finish(json.dumps(told), set_content_type=PROBLEM)

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """A refusal is an answer; only what is unexpected goes to the log with its traceback."""
        if not isinstance(value, RefusedError):
            super().log_exception(typ, value, tb)


@cache
def _routes() -> tuple[tuple[re.Pattern[str], dict[str, Route]], ...]:
    """Each path as a pattern with its methods."""
    from nbprod.server.routes import by_path

    return tuple(
        (re.compile(re.sub(r"{(\w+)}", rf"(?P<\1>{_NAME})", path)), methods)
        for path, methods in by_path().items()
    )


async def _read(kind: type, content: bytes) -> Any:
    """A body as its schema; 400 for what is no JSON, 422 with place and message of each fault."""
    if len(content) > _MOST_BODY:
        raise RefusedError(413, "the body is too large", hint="at most 32 MB")
    from pydantic import ValidationError

    adapter = await asyncio.to_thread(_adapter, kind)
    try:
        return adapter.validate_json(content or b"{}")
    except ValidationError as error:
        faults = [
            {"place": ".".join(map(str, item["loc"])), "message": item["msg"]}
            for item in error.errors(include_url=False, include_input=False, include_context=False)
        ]
    first = faults[0]
    status = 400 if "Invalid JSON" in first["message"] else 422
    raise RefusedError(
        status,
        f"{first['place'] or 'the body'}: {first['message']}",
        hint=f"look at {kind.__name__} in nbprod/api/openapi.json",
        errors=faults,
    )


@cache
def _adapter(kind: type) -> Any:
    """The schema's reader; pydantic is imported at the first body, not when Lab starts."""
    from pydantic import TypeAdapter

    return TypeAdapter(kind)
