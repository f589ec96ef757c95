"""Alerts reach a real HTTP server; one that fails is tried again, then told without its secrets."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from nbprod.monitoring import notification
from nbprod.monitoring.alerts import read_alerts, tell
from nbprod.monitoring.notification import notify
from nbprod.records import Alert

ALERTS = (
    Alert(code="NBM003", message="auc is 0.6", owner="ada@example.com", sent_to=("f",), id="a1"),
    Alert(code="NBM001", message="km drifted", owner="ada@example.com", sent_to=("f",), id="a2"),
)


@contextmanager
def server(answers: Callable[[int], int]) -> Iterator[tuple[str, list[Any]]]:
    """A server on loopback: answers gives the status of the n-th request, from 1 on."""
    got: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((self.path, json.loads(body)))
            self.send_response(answers(len(got)))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as made:
        thread = threading.Thread(target=made.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{made.server_address[1]}", got
        finally:
            made.shutdown()
            thread.join()


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notification, "_WAIT_S", 0.01)
    monkeypatch.setattr(notification, "_ANSWER_S", 0.5)


@pytest.mark.parametrize("scheme", ["http", "json"])
def test_alerts_reach_the_server_in_one_message(scheme: str) -> None:
    """Codes, words, owner and how to acknowledge; a plain address is a webhook."""
    with server(lambda _: 200) as (place, got):
        url = f"{scheme}://ada:s3cretWord@{place}/hook"
        told, failed = notify(ALERTS, [url], deployment="trips")
    assert failed == ()
    ((path, body),) = got
    assert path.rstrip("/") == "/hook"
    assert body["title"] == "nbprod trips: NBM001, NBM003"
    for words in ("auc is 0.6", "km drifted", "nbprod ack a1", "ada@example.com"):
        assert words in body["message"]
    assert [alert.sent_to[0] for alert in told] == ["f", "f"]
    assert place in told[0].sent_to[1]
    assert "s3cretWord" not in repr(told)


def test_a_server_that_fails_once_is_asked_again() -> None:
    """The second try is taken: nothing failed, and nothing more is sent."""
    with server(lambda number: 503 if number == 1 else 200) as (place, got):
        told, failed = notify(ALERTS[:1], [f"json://{place}/hook"], deployment="trips")
    assert (len(got), failed) == (2, ())
    assert len(told[0].sent_to) == 2


def test_what_is_not_taken_is_told_without_secrets_and_stops_nobody() -> None:
    """Three tries each, the reason of each, and the next URL is told all the same."""
    with server(lambda _: 500) as (broken, refused), server(lambda _: 200) as (good, got):
        urls = [f"json://ada:s3cretWord@{broken}/x", "slak://s3cretWord", f"http://{good}/y"]
        told, failed = notify(ALERTS, urls, deployment="trips")
    assert (len(refused), len(got)) == (3, 1)
    assert len(failed) == 2
    assert "500" in failed[0].reason
    assert "slak://" in failed[1].url
    assert "s3cretWord" not in repr((told, failed))


def test_a_server_that_hangs_or_is_gone_holds_nobody_up() -> None:
    """Silence is a failure after its time, and so is a closed port."""
    with socket.socket() as silent, socket.socket() as closed:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        closed.bind(("127.0.0.1", 0))
        urls = [f"json://127.0.0.1:{one.getsockname()[1]}/x" for one in (silent, closed)]
        told, failed = notify(ALERTS, urls, deployment="trips")
    assert told == ALERTS
    assert len(failed) == 2
    assert all(one.reason for one in failed)


def test_the_file_says_where_an_alert_went(tmp_path: Path) -> None:
    """It is there before anything is sent, and once more after it; a reader sees it once."""
    path = tmp_path / "alerts.jsonl"
    before: list[int] = []

    def answer(_: int) -> int:
        before.append(len(path.read_text("utf-8").splitlines()))
        return 200

    with server(answer) as (place, _):
        told, failed = tell(ALERTS, path, [f"http://{place}/x"], deployment="trips")
    assert (before, failed) == ([2], ())
    assert read_alerts(path) == (list(told), 0)
    assert place in told[0].sent_to[1]
