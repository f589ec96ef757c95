"""Who may call what: bearer tokens with scopes, kept as hashes and compared in constant time."""

from __future__ import annotations

import hmac
import ipaddress
import os
import secrets
from functools import lru_cache
from typing import TYPE_CHECKING

from nbprod.errors import ConfigError
from nbprod.records import sha256
from nbprod.serving.replies import Reply, problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from nbprod.serving.options import ServiceOptions

SCOPES = ("predict", "outcomes", "read", "admin")
_SHOWN = 100  # characters of a header
_DEFAULT_SCOPES = ("predict", "outcomes", "read")


def parse_tokens(text: str, variable: str = "NBPROD_TOKENS") -> dict[str, tuple[str, ...]]:
    """Hash of token -> scopes, from ``token:scope,scope;token``.

    A token without scopes may predict, post outcomes and read. Raises ConfigError, which never
    shows a token.
    """
    tokens: dict[str, tuple[str, ...]] = {}
    for number, part in enumerate(filter(None, map(str.strip, text.split(";"))), 1):
        token, _, listed = part.partition(":")
        scopes = tuple(filter(None, map(str.strip, listed.split(",")))) or _DEFAULT_SCOPES
        if unknown := set(scopes) - set(SCOPES):
            raise ConfigError(
                f"{variable}: entry {number} has an unknown scope {', '.join(sorted(unknown))}",
                hint=f"scopes are {', '.join(SCOPES)}; write token:scope,scope;token:scope",
            )
        if not token.strip():
            raise ConfigError(
                f"{variable}: entry {number} has no token", hint="write token:scope,scope"
            )
        tokens[sha256(token.strip())] = scopes
    return tokens


def refusal(options: ServiceOptions, scope: str, headers: Mapping[str, str]) -> Reply | None:
    """None where the caller may go on; the 401, 403 or 421 otherwise.

    Admin routes always need a token; others only where tokens are configured. Where none are,
    the request must call this machine by a name of its own: a page in a browser can have a name
    of its own point here, and would then ask as if it were at home (DNS rebinding).
    """
    if scope == "open":
        return None
    if scope != "admin" and not options.tokens:
        host = headers.get("host", "")
        return None if not host or _is_own(host, options.hosts) else _misdirected(host)
    header = headers.get("authorization")
    given = sha256(_bearer(header))
    scopes = _scopes_of(given, options.tokens)
    if options.admin_digest and hmac.compare_digest(given, options.admin_digest):
        scopes = SCOPES
    if scope in scopes:
        return None
    if scopes:
        return problem(403, f"this token lacks the scope {scope!r}", hint="use another token")
    return problem(
        401,
        "this route needs a bearer token" if not header else "this token is not known here",
        hint="send the header: Authorization: Bearer <token>",
        headers={"WWW-Authenticate": "Bearer"},
    )


def is_loopback(host: str) -> bool:
    """Whether a host name or address is reachable from this machine only."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@lru_cache(maxsize=64)
def _is_own(header: str, hosts: tuple[str, ...]) -> bool:
    """Whether a request's ``Host``, with or without a port, is this machine."""
    name = header.lower()
    if name.startswith("["):
        name = name[1:].partition("]")[0]
    elif name.count(":") == 1:
        name = name.partition(":")[0]
    return name in hosts or is_loopback(name)


def _misdirected(host: str) -> Reply:
    return problem(
        421,
        f"this service is not called {host[:_SHOWN]!r}",
        hint="ask for 127.0.0.1 or localhost; behind a proxy, name its host in [serving] hosts, "
        "or have callers send tokens",
    )


def _bearer(header: str | None) -> str:
    scheme, _, token = (header or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _scopes_of(given: str, tokens: Mapping[str, Sequence[str]]) -> Sequence[str]:
    found: Sequence[str] = ()
    for digest, scopes in tokens.items():  # all of them: the time tells nothing
        if hmac.compare_digest(given, digest):
            found = scopes
    return found


def admin_token(path: Path) -> str:
    """The deployment's admin token, made when there is none; only its owner can read the file."""
    if path.exists():
        return path.read_text(encoding="utf-8").strip()
    path.parent.mkdir(parents=True, exist_ok=True)
    token = secrets.token_urlsafe(32)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(token)
    return token
