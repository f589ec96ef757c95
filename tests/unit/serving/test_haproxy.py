"""The rules that are put into HAProxy's configuration, in the HAProxy that comes with Ray Serve."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nbprod.engine import free_port
from nbprod.serving.ray_backend import haproxy

pytestmark = pytest.mark.skipif(not haproxy.available(), reason="HAProxy comes for Linux only")
CONFIG = """\
defaults
  mode http
  timeout client 3600s
frontend http_frontend
  bind *:{port}
  http-request return status 200 content-type text/plain lf-string \
"%[req.hdr(x-session-id)]%[req.hdr(serve_multiplexed-model_id)]%[req.hdr(x-routing-key)]"
"""
HEAD = b"GET / HTTP/1.1\r\nHost: a\r\n"


@pytest.fixture
def port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Of an HAProxy that answers every request itself, and waits for one a tenth of a second."""
    rules = [rule.replace("http-request 30s", "http-request 100ms") for rule in haproxy._FRONTEND]
    monkeypatch.setattr(haproxy, "_FRONTEND", tuple(rules))
    port = free_port()
    script = haproxy._write_script(tmp_path / "h", haproxy.available())
    config = tmp_path / "haproxy.cfg"
    config.write_text(CONFIG.format(port=port))
    process = subprocess.Popen([script, "-f", config])
    try:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
            except OSError:
                time.sleep(0.02)
            else:
                break
        yield port
    finally:
        process.terminate()
        process.wait()


def answered(connection: socket.socket, sent: bytes) -> bytes:
    """The first line of what comes back."""
    connection.sendall(sent)
    return connection.recv(65536).partition(b"\r\n")[0]


def test_a_request_in_drops_is_ended_and_a_resting_connection_is_not(port: int) -> None:
    """Thousands of half requests would otherwise hold every connection there is for an hour."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as slow:
        assert b"408" in answered(slow, HEAD)
    with socket.create_connection(("127.0.0.1", port), timeout=30) as resting:
        assert b"200" in answered(resting, HEAD + b"\r\n")
        time.sleep(0.3)
        assert b"200" in answered(resting, HEAD + b"\r\n")


def test_a_request_id_that_serve_cannot_read_is_the_callers_error(port: int) -> None:
    """Serve reads it as UTF-8, and answers what is none with a bare 500."""
    for text, status in ((b"an id of mine", b"200"), (b"a\xe9\xff", b"400")):
        with socket.create_connection(("127.0.0.1", port), timeout=30) as caller:
            assert status in answered(caller, HEAD + b"X-Request-Id: " + text + b"\r\n\r\n")


def test_what_serve_reads_for_itself_is_not_sent_on(port: int) -> None:
    """Bytes that are no UTF-8 in it were answered with a bare 500; the caller's own goes through."""
    sent = b"X-Session-Id: a\xe9\r\nServe_multiplexed-model_id: b\xe9\r\nX-Routing-Key: c\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=30) as caller:
        caller.sendall(HEAD + sent + b"Connection: close\r\n\r\n")
        with caller.makefile("rb") as answer:
            assert answer.read().endswith(b"\r\n\r\nc")
