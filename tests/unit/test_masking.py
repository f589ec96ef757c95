"""Secrets are masked wherever they stand; what only looks like one is left alone."""

from __future__ import annotations

import pytest

from nbprod.masking import MASKED, mask, mask_values, named_secrets

# put together here, so that no scanner takes this file for a leak
GITHUB = "ghp_" + "A1b2C3d4" * 4 + "E5f6"
PEM = "-----BEGIN PRIVATE " + "KEY-----\nMC4CAQAwBQ\n-----END PRIVATE KEY-----"
AWS = "AKIA" + "QWERTYUIOPASDFGH"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("postgresql://me:hunter42@host/db", f"postgresql://me:{MASKED}@host/db"),
        ("https://x.org/a?token=abcd1234&b=2", f"https://x.org/a?token={MASKED}&b=2"),
        ("s3://b/k?X-Amz-Signature=abc123", f"s3://b/k?X-Amz-Signature={MASKED}"),
        (f"push with {GITHUB} now", f"push with {MASKED} now"),
        (f"key {AWS}", f"key {MASKED}"),
        (f"{PEM}\nafter", f"{MASKED}\nafter"),
    ],
)
def test_secrets_of_a_known_form(text, kept):
    """Passwords and tokens in URLs, and texts that detect-secrets knows."""
    assert mask(text) == kept
    assert mask(f"first line\n{text}\nlast line") == f"first line\n{kept}\nlast line"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "https://example.com/a?page=2&size=10",
        "memory://bucket/a.parquet",
        "sqlite:///.nbprod/mlflow.db",
        "sha256 " + "0123456789abcdef" * 4,
        "write to me@example.com at 10:30",
        "the password is wrong",
    ],
)
def test_what_is_no_secret_is_left_alone(text):
    """Digests, plain URLs, addresses and talk about passwords."""
    assert mask(text) == text


def test_values_of_the_environment(monkeypatch):
    """A variable whose name says so: its value, and each of several values in it."""
    monkeypatch.setenv("DB_PASSWORD", "opensesame")
    monkeypatch.setenv("NBPROD_TOKENS", "admin:qwertzuiop1,predict:asdfghjkl2")
    monkeypatch.setenv("TOKEN_COUNT", "12345")
    monkeypatch.setenv("MY_TOKEN_ENV", "OTHER_VARIABLE")
    text = "opensesame qwertzuiop1 asdfghjkl2 12345 OTHER_VARIABLE"
    assert mask(text) == f"{MASKED} {MASKED} {MASKED} 12345 OTHER_VARIABLE"


def test_a_value_under_a_telling_name():
    """In mappings the name counts, at any depth; placeholders and numbers stay."""
    values = {
        "api_key": "abc123xyz",
        "nested": {"password": "hunter42", "n": 3, "list": ["postgres://u:hunter42@h/d"]},
        "secret": "<your secret>",
        "token": "",
        "rate": 0.1,
    }
    assert mask_values(values) == {
        "api_key": MASKED,
        "nested": {"password": MASKED, "n": 3, "list": [f"postgres://u:{MASKED}@h/d"]},
        "secret": "<your secret>",
        "token": "",
        "rate": 0.1,
    }
    assert named_secrets(values) == ("abc123xyz",)
    assert mask("it said abc123xyz", known=named_secrets(values)) == f"it said {MASKED}"
