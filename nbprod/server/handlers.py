"""From HTTP to an operation and back: one handler, and every verb of it is authenticated."""

from __future__ import annotations

import asyncio
import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join
from tornado import web

from nbprod.server.operations import Call, Services
from nbprod.server.problems import PROBLEM, RefusedError, problem, problem_of
from nbprod.server.routes import BASE, by_path
from nbprod.server.schemas import plain

if TYPE_CHECKING:
    from nbprod.server.routes import Route

_NAME = r"([A-Za-z0-9_][A-Za-z0-9_.-]*)"
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
    """One path of the table; what it cannot do is answered as problem details."""

    auth_resource = "nbprod"

    def initialize(self, routes: dict[str, Route], services: Services) -> None:
        """The methods of this path, and what they work with."""
        self.routes, self.services = routes, services

    @web.authenticated
    @authorized
    async def get(self, *names: str) -> None:
        """Read."""
        await self._answer("GET", names)

    @web.authenticated
    @authorized
    async def post(self, *names: str) -> None:
        """Start a job, or write something small."""
        await self._answer("POST", names)

    @web.authenticated
    @authorized
    async def delete(self, *names: str) -> None:
        """Cancel a job, or end a deployment as a job."""
        await self._answer("DELETE", names)

    async def _answer(self, method: str, names: tuple[str, ...]) -> None:
        if method not in self.routes:
            raise web.HTTPError(405)
        route = self.routes[method]
        keys = re.findall(r"{(\w+)}", route.path)
        call = Call(
            services=self.services,
            path={key: unquote(name) for key, name in zip(keys, names, strict=True)},
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


class Document(APIHandler):
    """The OpenAPI document."""

    auth_resource = "nbprod"

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """The document as it lies beside the code."""
        from nbprod.server.openapi import FILE

        self.finish(FILE.read_text(encoding="utf-8"))


class Unknown(APIHandler):
    """Whatever else is asked below the extension's address."""

    auth_resource = "nbprod"

    @web.authenticated
    @authorized
    async def get(self, *_: str) -> None:
        """There is no such thing."""
        self._refuse()

    post = put = patch = delete = get

    def _refuse(self) -> None:
        told = problem(404, f"there is no {self.request.path}", hint=_HINTS[405])
        self.set_status(404)
        self.finish(json.dumps(told), set_content_type=PROBLEM)


def handlers(base_url: str, services: Services) -> list[tuple[Any, ...]]:
    """Every path with its handler, as tornado takes them."""
    made: list[tuple[Any, ...]] = [(url_path_join(base_url, BASE, "openapi.json"), Document)]
    for path, routes in by_path().items():
        pattern = url_path_join(base_url, BASE, re.sub(r"{\w+}", lambda _: _NAME, path))
        made.append((pattern, Resource, {"routes": routes, "services": services}))
    made.append((url_path_join(base_url, BASE, "(.*)"), Unknown))
    return made


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
