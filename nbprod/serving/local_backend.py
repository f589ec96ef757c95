"""A release or candidate in this very process, on loopback: `nbprod serve`, and the test double."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Self

from nbprod.errors import MissingDependencyError, ServingError
from nbprod.serving.app import create_app
from nbprod.serving.auth import is_loopback
from nbprod.serving.options import UNRELEASED, ServiceOptions, service_options
from nbprod.serving.service import Service

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from nbprod.config import Settings


class LocalService:
    """A bundle that answers in this process; a context manager.

    ``app`` is its ASGI application, for a server or for a test's transport.
    """

    def __init__(self, bundle: str | Path, options: ServiceOptions) -> None:
        self.service = Service.load(Path(bundle), options)
        self.app = create_app(self.service)

    def close(self) -> None:
        """Answer what waits and write what is to be written."""
        self.service.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def serve_local(
    bundle: str | Path,
    settings: Settings,
    *,
    log_folder: str | Path,
    profile_folder: str | Path,
    host: str | None = None,
    port: int | None = None,
    on_ready: Callable[[str], None] | None = None,
) -> None:
    """Answer with an unreleased bundle until Ctrl-C (or SIGTERM), in this process.

    host, port: [serving]'s by default; the host must be loopback, for nothing here was judged.
    on_ready: called with the URL once requests are answered. Raises ServingError when the
    address is not loopback or the port is taken.
    """
    _require_uvicorn()
    host = host or settings.serving.host
    port = settings.serving.port if port is None else port
    if not is_loopback(host):
        raise ServingError(
            f"an unreleased candidate is served on loopback only, not on {host}",
            hint="release it and `nbprod deploy`, or serve it on 127.0.0.1",
        )
    with _listening(host, port) as listener:
        options = service_options(
            settings,
            deployment=settings.model.name,
            release=UNRELEASED,
            log_folder=Path(log_folder),
            profile_folder=Path(profile_folder),
        )
        with LocalService(bundle, options) as local:
            _run(local, listener, on_ready)


def _run(
    local: LocalService, listener: socket.socket, on_ready: Callable[[str], None] | None
) -> None:
    import uvicorn

    host, port = listener.getsockname()[:2]
    config = uvicorn.Config(
        local.app,
        log_level="warning",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=5,
    )
    server = uvicorn.Server(config)
    if on_ready is not None:
        url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        on_ready(url)
    with contextlib.suppress(KeyboardInterrupt):  # uvicorn hands Ctrl-C on after it has ended
        server.run(sockets=[listener])


def _listening(host: str, port: int) -> socket.socket:
    """A listening socket: callers are taken from here on, and answered once the server runs."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise port_taken(host, port, error) from error
    return listener


def port_taken(host: str, port: int, error: OSError) -> ServingError:
    """The error for an address that cannot be listened on."""
    return ServingError(
        f"port {port} on {host} cannot be used: {error.strerror or error}",
        hint="end what listens there, or choose another: --port, or [serving] port",
        port=port,
    )


def _require_uvicorn() -> None:
    import importlib.util

    missing = [
        name
        for name in ("uvicorn", "starlette", "orjson")
        if importlib.util.find_spec(name) is None
    ]
    if missing:
        raise MissingDependencyError(f"serving needs {', '.join(missing)}", extra="serve")
