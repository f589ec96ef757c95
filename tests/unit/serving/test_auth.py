"""Tokens: read from text, kept as hashes, never shown."""

from __future__ import annotations

import dataclasses
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
    guarded = dataclasses.replace(options, admin_digest=sha256(token))
    assert refusal(guarded, "admin", {"authorization": f"Bearer {token}"}) is None
    assert refusal(guarded, "admin", {"authorization": f"Basic {token}"}) is not None
    assert refusal(guarded, "admin", {"authorization": "Bearer wrong"}) is not None
    assert refusal(guarded, "admin", {}) is not None


def test_without_tokens_the_machine_is_called_by_its_own_name(options: ServiceOptions) -> None:
    """A page's own name that points to this machine is refused; with tokens any name is served."""
    named = dataclasses.replace(options, hosts=("model.example",))
    own = [
        "127.0.0.1:8000",
        "localhost",
        "LOCALHOST:8000",
        "[::1]:8000",
        "127.9.9.9",
        "a.localhost",
    ]
    for host in [*own, "model.example", "Model.example:443"]:
        assert refusal(named, "predict", {"host": host}) is None, host
    assert refusal(named, "predict", {}) is None  # no browser leaves it out
    for host in ("page.example:8000", "127.0.0.1.page.example", "[::2]:8000", "localhost.example"):
        for scope in ("predict", "outcomes", "read"):
            refused = refusal(named, scope, {"host": host})
            assert refused is not None, host
            assert refused.status == 421
            assert host in refused.body["detail"]
            assert "[serving] hosts" in refused.body["hint"]
        assert refusal(named, "open", {"host": host}) is None  # a probe calls it as it likes
    guarded = dataclasses.replace(named, tokens=parse_tokens("t:read"))
    sent = {"host": "page.example", "authorization": "Bearer t"}
    assert refusal(guarded, "read", sent) is None


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
