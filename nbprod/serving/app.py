"""The served model's HTTP interface: bytes in, bytes out; no model's code runs in here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any

from nbprod.data import prediction_log
from nbprod.errors import StoreError, http_status
from nbprod.records import Json
from nbprod.serving import describing, inference_protocol, reading
from nbprod.serving.hot_path import Dispatch, HotPath, answered, encoded, media_type, read_body
from nbprod.serving.metrics import CONTENT_TYPE
from nbprod.serving.replies import JSON, PredictRequest, Refusal, Reply, problem

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

    from nbprod.serving.room import Place
    from nbprod.serving.service import Service


Administer = Callable[[str, Json], Awaitable[Reply]]
Lifespan = Callable[["Starlette"], AbstractAsyncContextManager[None]]
Handler = Callable[["Request"], Awaitable[Reply]]


def create_app(
    service: Service,
    *,
    dispatch: Dispatch | None = None,
    administer: Administer | None = None,
    lifespan: Lifespan | None = None,
) -> HotPath:
    """The ASGI application of a service.

    dispatch: where a request is answered; by this service as champion where not given.
    administer: answers the verbs under /admin; 409 where there is no rollout.
    lifespan: entered when the server starts, left when it ends.
    """
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.routing import Route

    routes = _Routes(service, dispatch, administer)
    table: list[tuple[str, str, str, Handler]] = [
        ("POST", "/predict", "predict", routes.predict),
        ("POST", "/invocations", "predict", routes.invocations),
        ("POST", "/outcomes", "outcomes", routes.outcomes),
        ("GET", "/predictions/{id}", "read", routes.prediction),
        ("GET", "/schema", "read", routes.schema),
        ("GET", "/openapi.json", "read", routes.openapi),
        ("GET", "/metrics", "read", routes.metrics),
        ("GET", "/healthz", "open", routes.live),
        ("GET", "/readyz", "open", routes.live),
        ("GET", "/v2/health/live", "open", routes.live),
        ("GET", "/v2/health/ready", "open", routes.live),
        ("GET", "/v2", "open", routes.server),
        ("GET", "/v2/models/{name}", "read", routes.model),
        ("GET", "/v2/models/{name}/ready", "open", routes.model_ready),
        ("POST", "/v2/models/{name}/infer", "predict", routes.infer),
        ("GET", "/v2/models/{name}/versions/{version}", "read", routes.model),
        ("GET", "/v2/models/{name}/versions/{version}/ready", "open", routes.model_ready),
        ("POST", "/v2/models/{name}/versions/{version}/infer", "predict", routes.infer),
        ("GET", "/admin/{verb}", "admin", routes.admin),
        ("POST", "/admin/{verb}", "admin", routes.admin),
    ]
    app = Starlette(
        routes=[
            Route(path, _endpoint(service, path, scope, handler), methods=[method])
            for method, path, scope, handler in table
        ],
        exception_handlers={HTTPException: _not_here},
        lifespan=lifespan,
    )
    # A redirect would send the caller's token to http://, whatever ends TLS in front of this.
    app.router.redirect_slashes = False
    return HotPath(app, service, routes.dispatch)


def _endpoint(
    service: Service, path: str, scope: str, handler: Handler
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        async def answer(place: Place) -> Reply:
            request.state.place = place
            return await handler(request)

        reply = await answered(service, path, scope, request.headers, answer)
        return _response(_in_protocol(path, reply))

    return endpoint


def _response(reply: Reply) -> Response:
    from starlette.responses import Response

    body, headers = encoded(reply)
    return Response(body, reply.status, headers)


def _in_protocol(path: str, reply: Reply) -> Reply:
    """Refusals of the MLflow and Open Inference routes in their protocols' own shapes."""
    if reply.status < 400 or not (path == "/invocations" or path.startswith("/v2/")):
        return reply
    text = reply.body["detail"]
    body = (
        {"error": text}
        if path.startswith("/v2/")
        else {
            "error_code": "BAD_REQUEST" if reply.status < 500 else "INTERNAL_ERROR",
            "message": text,
        }
    )
    return Reply(reply.status, body, {**reply.headers, "Content-Type": JSON})


async def _not_here(request: Request, error: Exception) -> Response:
    status = getattr(error, "status_code", 404)
    detail = (
        f"{request.method} is not for {request.url.path}"
        if status == 405
        else f"there is nothing at {request.url.path}"
    )
    hint = "GET /openapi.json lists the routes"
    return _response(problem(status, detail, hint=hint, headers=getattr(error, "headers", None)))


class _Routes:
    """One method for each route: read, call, answer."""

    def __init__(
        self, service: Service, dispatch: Dispatch | None, administer: Administer | None
    ) -> None:
        self._service = service
        self._administer = administer
        self.dispatch = dispatch or self._answer_here

    async def _answer_here(self, request: PredictRequest) -> Reply:
        return await self._service.answer(request, "champion")

    async def predict(self, request: Request) -> Reply:
        return await self.dispatch(reading.read_predict(await _body(request), request.headers))

    async def invocations(self, request: Request) -> Reply:
        body = await _body(request, "application/json", "text/csv")
        rules = self._service.predictor.contract.input
        rows = reading.read_invocations(body, media_type(request.headers), rules)
        asked = reading.request_of(rows, None, request.headers)
        reply = await self.dispatch(asked)
        if reply.status != 200:
            return reply
        return Reply(200, {"predictions": reply.body["predictions"]}, reply.headers)

    async def infer(self, request: Request) -> Reply:
        self._known_model(request)
        body = await _body(request, "application/json", "application/octet-stream")
        asked = inference_protocol.read_infer(body, request.headers)
        read = reading.request_of(asked.rows, asked.id or None, request.headers)
        reply = await self.dispatch(read)
        if reply.status != 200:
            return reply
        contract, name = self._service.predictor.contract, self._service.options.model_name
        return inference_protocol.infer_reply(
            contract, reply.body, asked, name=name, request_id=read.request_id
        )

    async def server(self, _: Request) -> Reply:
        return Reply(200, inference_protocol.server_metadata())

    async def model_ready(self, request: Request) -> Reply:
        self._known_model(request)
        return Reply(200, {"name": self._service.options.model_name, "ready": True})

    async def outcomes(self, request: Request) -> Reply:
        outcomes = reading.read_outcomes(
            await _body(request),
            self._service.options.label,
            numeric=self._service.options.numeric_outcome,
        )
        return Reply(200, await asyncio.to_thread(self._service.post_outcomes, outcomes))

    async def prediction(self, request: Request) -> Reply:
        prediction_id = request.path_params["id"]
        try:
            found = await asyncio.to_thread(
                prediction_log.find, self._service.options.log_folder, prediction_id
            )
        except StoreError as error:
            if http_status(error) != 500:  # it is there, but altered
                raise
            found = None
        if found is None:
            return problem(404, f"no prediction {prediction_id!r} in the log")
        return Reply(200, found.to_json())

    async def schema(self, _: Request) -> Reply:
        return Reply(200, describing.schema(**self._described()))

    async def openapi(self, _: Request) -> Reply:
        options = self._service.options
        numeric = options.label if options.numeric_outcome else ""
        return Reply(200, describing.openapi(**self._described(), numeric_outcome=numeric))

    async def model(self, request: Request) -> Reply:
        self._known_model(request)
        return Reply(200, inference_protocol.model_metadata(**self._described()))

    async def metrics(self, _: Request) -> Reply:
        text = await asyncio.to_thread(self._service.metrics_text)
        return Reply(200, text, {"Content-Type": CONTENT_TYPE})

    async def live(self, _: Request) -> Reply:
        """A service exists only once its release is loaded: live is ready.

        ``degraded`` says what is amiss while it answers all the same: the newest predictions
        could not be logged.
        """
        amiss = self._service.log_error
        return Reply(
            200,
            {
                "live": True,
                "ready": True,
                "release": self._service.options.release,
                "degraded": amiss,
                "batching": self._service.unbatched or "on",
            },
        )

    async def admin(self, request: Request) -> Reply:
        verb = request.path_params["verb"]
        if self._administer is None:
            return problem(
                409, "there is no rollout here", hint="`nbprod deploy` serves a release with one"
            )
        if request.method == "GET" and verb != "traffic":
            return problem(405, f"GET is not for /admin/{verb}", headers={"Allow": "POST"})
        sent = b"" if request.method == "GET" else await _body(request)
        data = reading.read_json(sent) if sent else {}
        if not isinstance(data, dict):
            return problem(422, "the body is not an object")
        return await self._administer("" if request.method == "GET" else verb, data)

    def _described(self) -> dict[str, Any]:
        return {
            "contract": self._service.predictor.contract,
            "name": self._service.options.model_name,
            "release": self._service.options.release,
        }

    def _known_model(self, request: Request) -> None:
        name = self._service.options.model_name
        if request.path_params["name"] != name:
            raise Refusal(problem(404, f"the model here is {name!r}"))
        version = request.path_params.get("version", self._service.options.release)
        if version != self._service.options.release:
            raise Refusal(problem(404, f"the release here is {self._service.options.release!r}"))


async def _body(request: Request, *accepted: str) -> bytes:
    return await read_body(request.headers, request.receive, request.state.place, *accepted)
