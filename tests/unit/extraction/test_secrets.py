"""Secrets in string literals are told by line; what only looks alike is not."""

from __future__ import annotations

import ast

import pytest

from nbprod.extraction.secrets import secret_lines, secret_text_lines

JWT = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0."
JWT += "dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"


@pytest.mark.parametrize(
    "code",
    [
        'key = "AKIA' + "IOSFODNN7EXAMPLE" + '"',
        'url = "postgres://me:hunter22@db/x"',
        'token = "ghp_' + "a" * 36 + '"',
        'PASSWORD = "correct horse"',
        'connect(password="s3cr3tpw")',
        'settings = {"api_key": "9f8e7d6c5b"}',
        'os.environ["HF_TOKEN"] = "hf_abcdefgh1234"',
        'text = "-----BEGIN RSA PRIVATE KEY-----"',
        f'bearer = "{JWT}"',
        'slack = "xoxb-' + '123456789012-123456789012-abcdefghijkl"',
        'def connect(user, password="letmein99"): ...',
        'aws_secret_access_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKEY"',
    ],
)
def test_secrets_are_found(code: str) -> None:
    """By the form of the text, or by the name that it is given to."""
    assert secret_lines(ast.parse(f"x = 1\n{code}")) == [2]


@pytest.mark.parametrize(
    "code",
    [
        'key = os.environ["API_KEY"]',
        'API_KEY = "API_KEY"',
        'password = "<your password>"',
        'password = ""',
        'pad_token = "[PAD]"',
        'token = "hello"',
        'tokenizer = "bert-base-uncased"',
        'digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"',
        'columns = ["passenger_count", "password_length"]',
        'url = "https://raw.githubusercontent.com/a/b/main/data.csv"',
        'secret_column = "abcdef"',
        'url = "https://user:{password}@host/x"',
    ],
)
def test_what_looks_alike_is_no_secret(code: str) -> None:
    """Placeholders, names of variables, digests, addresses and tokens of language are none."""
    assert secret_lines(ast.parse(code)) == []


def test_secrets_in_commands() -> None:
    """A shell line is text: only known forms are told."""
    text = "%%bash\nls\ncurl -u me https://user:hunter22@example.org\n"
    assert secret_text_lines(text) == [3]
