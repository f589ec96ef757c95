"""An authorizer as a shared server may have one: everybody may look, nobody may do."""

from __future__ import annotations

from typing import Any

from jupyter_server.auth import Authorizer


class ReadOnly(Authorizer):
    """Says yes to reading only."""

    def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:
        """See the class; ``nbprod`` is the name under which the extension asks."""
        return action == "read" and resource in ("nbprod", "api", "server", "contents")
