"""Secrets kept out of everything that is kept: records, logs, notebooks, tracking, messages.

What is masked: values of environment variables whose names say that they are secret, passwords
and tokens in URLs, values given under such a name, and texts of the forms that detect-secrets
knows. Nothing is sent anywhere: its patterns are applied, its verification is not. This is its
only door.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

MASKED = "[masked]"
_PLUGINS = """
artifactory.ArtifactoryDetector aws.AWSKeyDetector azure_storage_key.AzureStorageKeyDetector
basic_auth.BasicAuthDetector discord.DiscordBotTokenDetector github_token.GitHubTokenDetector
gitlab_token.GitLabTokenDetector jwt.JwtTokenDetector mailchimp.MailchimpDetector
npm.NpmDetector openai.OpenAIDetector private_key.PrivateKeyDetector pypi_token.PypiTokenDetector
sendgrid.SendGridDetector slack.SlackDetector square_oauth.SquareOAuthDetector
stripe.StripeDetector telegram_token.TelegramBotTokenDetector twilio.TwilioKeyDetector
"""
_BASIC_AUTH = "BasicAuthDetector"  # passwords in URLs: masked without the URL around them
# What any of these patterns could match: a long word, a user in a URL, the head of a key.
WORTH_A_LOOK = re.compile(r"[\w+/=.:-]{16}|://[^/\s]+@|PRIVATE KEY")
TELLING_NAME = re.compile(
    r"(password|passwd|passphrase|pwd|credentials?|secret|(api|access|auth|private|secret)_?key"
    r"|(access|auth|api|bearer|refresh|hf|github|gitlab|slack|bot)_?token)$",
    re.IGNORECASE,
)
# `API_KEY = "API_KEY"`, "<your key>", "${KEY}", "{key}", "xxxx", "changeme": not the thing itself
PLACEHOLDER = re.compile(
    r"([<{$%\[].*|(.)\2*|(your|my|the|an?|some|insert|enter|add|todo)\b.*"
    r"|change_?me|example|dummy|fake|test|none|null|redacted|placeholder)$",
    re.IGNORECASE,
)
_ENVIRONMENT_NAME = re.compile(
    r"(^|_)(PASSWORD|PASSWD|PASSPHRASE|PWD|SECRET|SECRETS|TOKEN|TOKENS|CREDENTIAL|CREDENTIALS"
    r"|PRIVATE_KEY|API_?KEY|ACCESS_KEY|SECRET_KEY|SIGNING_KEY|ACCOUNT_KEY)(_|$)",
    re.IGNORECASE,
)
_USER_IN_URL = re.compile(r"(?P<head>\b[a-z][a-z0-9+.-]*://[^\s:/@]*:)[^\s/@]+(?=@)", re.IGNORECASE)
_KEY_BLOCK = re.compile(
    r"-----BEGIN ([A-Z ]*)PRIVATE KEY-----.*?(-----END \1PRIVATE KEY-----|\Z)", re.DOTALL
)
_TOKEN_IN_URL = re.compile(
    r"(?P<head>[?&](?:[\w-]*(?:token|password|passwd|secret|signature|api_?key|access_?key)|sig|key)"
    r"=)[^&\s\"'#]+",
    re.IGNORECASE,
)
# The name of another variable, or a number as it stands everywhere: neither is a secret.
_OTHER_NAME = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+|\d{1,7}")
_LEAST = 6  # a shorter value of the environment ("1", "true") says nothing, and stands everywhere


def mask(text: str, *, known: Iterable[str] = ()) -> str:
    """A text with every secret in it replaced by ``[masked]``.

    known: further values that are secret, whatever they look like.
    """
    values = {*known, *environment_secrets(os.environ)}
    for value in sorted((v for v in values if len(v) >= _LEAST), key=len, reverse=True):
        text = text.replace(value, MASKED)
    text = _KEY_BLOCK.sub(MASKED, text)
    text = _USER_IN_URL.sub(rf"\g<head>{MASKED}", text)
    text = _TOKEN_IN_URL.sub(rf"\g<head>{MASKED}", text)
    if not WORTH_A_LOOK.search(text):
        return text
    return "\n".join(_mask_line(line) for line in text.split("\n"))


def mask_values(values: Any, *, known: Iterable[str] = ()) -> Any:
    """Plain data with every secret masked; what stands under a telling name is, whole."""
    if isinstance(values, str):
        return mask(values, known=known)
    if isinstance(values, Mapping):
        return {
            name: MASKED
            if isinstance(value, str) and is_named_so(str(name), value)
            else mask_values(value, known=known)
            for name, value in values.items()
        }
    if isinstance(values, list | tuple):
        return [mask_values(value, known=known) for value in values]
    return values


def named_secrets(values: Mapping[str, Any]) -> tuple[str, ...]:
    """The values of a mapping that stand under names which say that they are secret."""
    return tuple(
        value
        for name, value in values.items()
        if isinstance(value, str) and is_named_so(str(name), value)
    )


def is_named_so(name: str, value: str) -> bool:
    """Whether a value stands under a name that says it is secret, and is no placeholder."""
    telling = TELLING_NAME.search(name) or re.search(r"(^|_)token$", name, re.IGNORECASE)
    return bool(telling) and len(value) >= _LEAST and not PLACEHOLDER.match(value)


def known_secrets(line: str) -> set[str]:
    """The parts of a line that have the form of a secret detect-secrets knows."""
    if not WORTH_A_LOOK.search(line):
        return set()
    return {
        secret
        for plugin in _plugins()
        for secret in plugin.analyze_string(line)
        if not PLACEHOLDER.match(secret)
    }


def _mask_line(line: str) -> str:
    if not WORTH_A_LOOK.search(line):
        return line
    for plugin in _plugins():
        # What it yields may be a part of the secret (of a GitHub token, "ghp"): the match is whole.
        if type(plugin).__name__ != _BASIC_AUTH and any(plugin.analyze_string(line)):
            for pattern in plugin.denylist:
                line = pattern.sub(MASKED, line)
    return line


def environment_secrets(environ: Mapping[str, str]) -> frozenset[str]:
    """Values of variables with a secret's name, and the parts of those that hold several."""
    return _secrets_of(tuple(sorted(environ.items())))


@cache
def _secrets_of(environment: tuple[tuple[str, str], ...]) -> frozenset[str]:
    found: set[str] = set()
    for name, value in environment:
        if not _ENVIRONMENT_NAME.search(name) or name in ("PWD", "OLDPWD"):
            continue
        if not _OTHER_NAME.fullmatch(value) and not os.path.exists(value):
            found |= {value, *re.split(r"[\s,;:={}\"']+", value)}
    return frozenset(v for v in found if len(v) >= _LEAST and not PLACEHOLDER.match(v))


@cache
def _plugins() -> tuple[Any, ...]:
    from importlib import import_module

    made = []
    for path in _PLUGINS.split():
        file, _, name = path.partition(".")
        made.append(getattr(import_module(f"detect_secrets.plugins.{file}"), name)())
    return tuple(made)
