"""Tokens: read from text, kept as hashes, never shown."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from nbprod.config import Model, Serving, Settings
from nbprod.errors import ConfigError
from nbprod.records import sha256
from nbprod.serving import ServiceOptions, check_exposure, service_options
from nbprod.serving.auth import admin_token, parse_tokens, refusal


def test_tokens_are_read_with_their_scopes() -> None:
    """``token:scope,scope;token`` gives scopes by hash; without scopes everything but admin."""
    tokens = parse_tokens("a:predict, read ; b;;c:admin")
    assert tokens[sha256("a")] == ("predict", "read")
    assert tokens[sha256("b")] == ("predict", "outcomes", "read")
    assert tokens[sha256("c")] == ("admin",)


@pytest.mark.parametrize("text", ["s3cret:everything", ":predict"])
def test_a_wrong_entry_is_refused_without_showing_the_token(text: str) -> None:
    """The error names the entry's number, not its token."""
    with pytest.raises(ConfigError) as refused:
        parse_tokens(text, "NBPROD_TOKENS")
    assert "s3cret" not in str(refused.value)
    assert "NBPROD_TOKENS" in str(refused.value)


def test_the_admin_token_opens_admin_routes(options: ServiceOptions, tmp_path: Path) -> None:
    """Deploy's token is accepted, its file is for its owner only, and asking again keeps it."""
    token = admin_token(tmp_path / "state" / "admin-token")
    assert admin_token(tmp_path / "state" / "admin-token") == token
    mode = (tmp_path / "state" / "admin-token").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600
    import dataclasses

    guarded = dataclasses.replace(options, admin_digest=sha256(token))
    assert refusal(guarded, "admin", f"Bearer {token}") is None
    assert refusal(guarded, "admin", f"Basic {token}") is not None
    assert refusal(guarded, "admin", "Bearer wrong") is not None
    assert refusal(guarded, "admin", None) is not None


def test_beyond_loopback_tokens_are_required(tmp_path: Path) -> None:
    """A host that others reach is refused without tokens, and allowed with them."""

    def settings_of(host: str) -> Settings:
        return Settings(
            project_path=str(tmp_path), model=Model(name="m"), serving=Serving(host=host)
        )

    def check(host: str, environ: dict[str, str]) -> None:
        settings = settings_of(host)
        options = service_options(
            settings,
            deployment="m",
            release="1",
            log_folder=tmp_path,
            profile_folder=tmp_path,
            environ=environ,
        )
        check_exposure(settings, options)

    for host in ("127.0.0.1", "localhost", "::1"):
        check(host, {})
    for host in ("0.0.0.0", "192.0.2.1", "example.com", "::"):
        with pytest.raises(ConfigError):
            check(host, {})
        check(host, {"NBPROD_TOKENS": "a:predict"})
