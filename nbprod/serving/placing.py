"""What the log says of the key that placed a request in a rollout."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbprod.serving.options import ServiceOptions
    from nbprod.serving.replies import PredictRequest

HEADER = "X-Routing-Key"
_DIGITS = 24


def routing_text(request: PredictRequest, key: Sequence[str], options: ServiceOptions) -> str:
    """What an A/B test counts the rows of a request by, where that is not each row's own key.

    key: the contract's columns. The caller's routing key, or the key of the first of several rows
    that were placed together; otherwise "". Where the log redacts one of the key's columns, or
    ``X-Routing-Key``, it is a keyed digest: one text for one user, that says nothing of him.
    """
    hidden = HEADER.lower() in map(str.lower, options.redact) or not set(key).isdisjoint(
        options.redact
    )
    text = request.routing_key
    if not text and key and request.rows and (hidden or len(request.rows) > 1):
        text = "\x1f".join(str(request.rows[0].get(name)) for name in key)
    return _digest(text, options) if text and hidden else text


def _digest(text: str, options: ServiceOptions) -> str:
    """Keyed with what only those know who may administer the deployment."""
    secret = (options.admin_digest or options.deployment).encode()[:64]
    found = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), key=secret)
    return found.hexdigest()[:_DIGITS]
