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


class RoutingTexts:
    """What an A/B test counts the rows of a request by, where that is not each row's own key.

    key: the contract's columns. Where the log redacts one of them, or ``X-Routing-Key``, the text
    is a keyed digest: one text for one user, that says nothing of him.
    """

    def __init__(self, key: Sequence[str], options: ServiceOptions) -> None:
        redacted = {name.lower() for name in options.redact}
        self._key = tuple(key)
        self._hidden = HEADER.lower() in redacted or not set(key).isdisjoint(options.redact)
        # Keyed with what only those know who may administer the deployment.
        self._secret = (options.admin_digest or options.deployment).encode()[:64]

    def of(self, request: PredictRequest) -> str:
        """The caller's routing key, or the key of the first of several rows; otherwise ""."""
        text = request.routing_key
        if not text and self._key and request.rows and (self._hidden or len(request.rows) > 1):
            text = "\x1f".join(str(request.rows[0].get(name)) for name in self._key)
        return self._digest(text) if text and self._hidden else text

    def _digest(self, text: str) -> str:
        found = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), key=self._secret)
        return found.hexdigest()[:_DIGITS]
