"""The caller's side of /admin: a rollout verb by HTTP, without joining the engine."""

from __future__ import annotations

import http.client
import json
import urllib.parse
from typing import TYPE_CHECKING, Any

from nbprod.errors import RefusedError, ServingError

if TYPE_CHECKING:
    from nbprod.records import Json


def call_admin(
    url: str, token: str, verb: str, given: Json | None = None, *, timeout_s: float = 10.0
) -> Json:
    """The answer of ``POST /admin/<verb>``; of ``GET /admin/traffic`` where ``given`` is None.

    Raises ServingError when the deployment does not answer, RefusedError when it refuses.
    """
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout_s)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    try:
        if given is None:
            connection.request("GET", "/admin/traffic", headers=headers)
        else:
            connection.request("POST", f"/admin/{verb}", json.dumps(given), headers)
        response = connection.getresponse()
        body = response.read()
    except (OSError, http.client.HTTPException) as error:
        raise ServingError(
            f"{url} does not answer: {error}",
            hint="`nbprod status` says whether the deployment runs",
        ) from error
    finally:
        connection.close()
    answer = _read(body)
    if response.status != 200:
        told, hint = answer.get("detail", response.reason), answer.get("hint")
        hint = hint or "look at `nbprod status`"
        if response.status == http.HTTPStatus.CONFLICT:  # nothing is wrong with who answered
            raise RefusedError(f"{verb}: {told}", hint=hint, status=response.status)
        raise ServingError(f"{url} refused {verb}: {told}", hint=hint, status=response.status)
    return answer


def _read(body: bytes) -> dict[str, Any]:
    try:
        data = json.loads(body)
    except ValueError:  # the proxy's own refusals are plain text
        return {"detail": body.decode("utf-8", "replace").strip()[:200]}
    return data if isinstance(data, dict) else {}
