"""Alerts sent to the notification URLs of ``[monitor] alerts``: the one door to apprise.

A URL is apprise's (``slack://…``, ``mailto://…``, ``json://…``) or a plain ``https://…`` that takes
a POST of JSON. It mostly is a secret: what is told of it has its secret parts masked.
"""

from __future__ import annotations

import dataclasses
import io
import logging
import time
from typing import TYPE_CHECKING, Any

from nbprod.masking import mask

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbprod.records import Alert

_TRIES = 3
_WAIT_S = 1.0  # before the second try, twice as long before the third
_LIMIT_S = 30.0  # of all URLs together: nothing is tried again after it
_ANSWER_S = 4.0  # a server has this long to take a connection, and as long again to answer
_WEBHOOKS = {"http": "json", "https": "jsons"}  # plain addresses, in apprise's words
_MOST_SAID = 200  # characters of why a message was not taken


@dataclasses.dataclass(frozen=True)
class Undelivered:
    """A URL, masked, that did not take the alerts, and why."""

    url: str
    reason: str


def notify(
    alerts: Sequence[Alert], urls: Sequence[str], *, deployment: str
) -> tuple[tuple[Alert, ...], tuple[Undelivered, ...]]:
    """All alerts in one message to each URL; the alerts with where they went, and what failed.

    A URL that does not take the message is tried again, twice; no error leaves here, for the
    alerts are on disk and whoever raised them goes on.
    """
    if not alerts or not urls:
        return tuple(alerts), ()
    sent, failed = [], []
    deadline = time.monotonic() + _LIMIT_S
    for url in urls:
        shown, reason = _sent(url, _title(alerts, deployment), _body(alerts), deadline)
        if reason:
            failed.append(Undelivered(shown, reason))
        else:
            sent.append(shown)
    told = tuple(dataclasses.replace(a, sent_to=(*a.sent_to, *sent)) for a in alerts)
    return told, tuple(failed)


def _sent(url: str, title: str, body: str, deadline: float) -> tuple[str, str]:
    """The URL as it may be shown, and why the message was not taken; empty where it was."""
    try:
        import apprise
    except ImportError:
        return _hidden(url), "apprise is not installed: pip install 'nbprod[serve]'"
    target = _target(apprise, url)
    if target is None:
        return _hidden(url), "it is not a notification URL that apprise knows"
    shown = mask(str(target.url(privacy=True)).partition("?")[0])
    target.socket_connect_timeout = target.socket_read_timeout = _ANSWER_S
    for tried in range(_TRIES):
        if tried:
            time.sleep(_WAIT_S * tried)
        reason = _once(apprise, target, title, body)
        if not reason or time.monotonic() > deadline:
            break
    return shown, reason


def _target(apprise: Any, url: str) -> Any:
    """The service behind a URL; None where there is none."""
    scheme, _, rest = url.partition("://")
    with apprise.LogCapture(level=logging.ERROR):  # its own words would quote the URL
        found = apprise.Apprise.instantiate(url)
        if found is None and scheme.lower() in _WEBHOOKS:
            found = apprise.Apprise.instantiate(f"{_WEBHOOKS[scheme.lower()]}://{rest}")
    return found


def _once(apprise: Any, target: Any, title: str, body: str) -> str:
    """Send the message; why it was not taken, or nothing."""
    with apprise.LogCapture(level=logging.WARNING, fmt="%(message)s") as said:
        try:
            taken = target.notify(title=title, body=body, notify_type=apprise.NotifyType.WARNING)
        except Exception as error:  # noqa: BLE001 - a hundred services, each with its own client
            return mask(f"{type(error).__name__}: {error}")[:_MOST_SAID]
        if taken:
            return ""
        words = said.getvalue() if isinstance(said, io.StringIO) else ""
    line = next((line for line in reversed(words.splitlines()) if line.strip()), "")
    return mask(line.strip())[:_MOST_SAID] or "it was not taken"


def _title(alerts: Sequence[Alert], deployment: str) -> str:
    return f"nbprod {deployment}: {', '.join(sorted({alert.code for alert in alerts}))}"


def _body(alerts: Sequence[Alert]) -> str:
    lines = [f"{alert.code} {alert.message} (nbprod ack {alert.id})" for alert in alerts]
    return mask("\n".join([*lines, f"owner: {alerts[0].owner}"]))


def _hidden(url: str) -> str:
    """A URL that nothing is known of: all but its kind may be secret."""
    scheme, found, _ = url.partition("://")
    return f"{scheme}://…" if found else "…"
