"""Ed25519 signatures of releases: made where a key is configured, checked wherever one is loaded.

What is signed is the digest of the release's record, and that record names the hash of every
file. ``signature.json`` lies beside it. The only door to cryptography.
"""

from __future__ import annotations

import base64
import binascii
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.errors import ConfigError, MissingDependencyError, StoreError
from nbprod.records import Json, Release

if TYPE_CHECKING:
    from collections.abc import Sequence

SIGNATURE_FILE = "signature.json"
RELEASE_FILE = "release.json"
_ALGORITHM = "ed25519"
_PEM = "-----BEGIN"
_KEY_HINT = (
    "make one with `openssl genpkey -algorithm ed25519 -out FILE`; its public half, for "
    "[store] trusted_keys, is what `openssl pkey -in FILE -pubout` prints"
)


def sign_release(release: Release, key: str, base: Path) -> Json:
    """The signature of a release, as ``signature.json`` holds it.

    key: a private Ed25519 key in PEM form, or the path of one, relative to base.
    Raises ConfigError for what is no such key.
    """
    from cryptography.hazmat.primitives import serialization

    private = _private_key(key, base)
    public = private.public_key().public_bytes(
        serialization.Encoding.Raw, serialization.PublicFormat.Raw
    )
    return {
        "algorithm": _ALGORITHM,
        "key": base64.b64encode(public).decode(),
        "release": release.digest,
        "signature": base64.b64encode(private.sign(_message(release))).decode(),
    }


def public_keys(keys: Sequence[str], base: Path) -> tuple[str, ...]:
    """[store] trusted_keys in base64, as ``signature_problem`` takes them.

    keys: public Ed25519 keys in base64, in PEM form, or as paths relative to base.
    Raises ConfigError for what is no such key.
    """
    return tuple(base64.b64encode(_public_key(key, base)).decode() for key in keys)


def signature_problem(folder: Path, trusted: Sequence[str] = ()) -> str:
    """Why the signature of a release does not hold; "" where it does, or where none is asked for.

    trusted: public keys in base64; with any of them the release must be signed by one. A
    signature that is there must hold in any case.
    """
    file = folder / SIGNATURE_FILE
    if not file.is_file():
        return "it is not signed, and [store] trusted_keys asks for a signature" if trusted else ""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        release = Release.from_json(json.loads((folder / RELEASE_FILE).read_text("utf-8")))
        public = base64.b64decode(found["key"], validate=True)
        signature = base64.b64decode(found["signature"], validate=True)
    except (OSError, ValueError, KeyError, TypeError, StoreError, binascii.Error) as error:
        return f"its signature cannot be read: {error}"
    if not _holds(public, signature, _message(release)):
        return "its signature does not belong to its record"
    if trusted and found["key"] not in trusted:
        return f"it is signed with {found['key']}, which is not among [store] trusted_keys"
    return ""


def _message(release: Release) -> bytes:
    return f"nbprod release\n{release.name}\n{release.version}\n{release.digest}\n".encode()


def _ed25519() -> Any:
    try:
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ImportError as error:
        raise MissingDependencyError(
            "signatures of releases need the package cryptography", extra="sign"
        ) from error
    return ed25519


def _holds(public: bytes, signature: bytes, message: bytes) -> bool:
    ed25519 = _ed25519()
    from cryptography.exceptions import InvalidSignature

    try:
        ed25519.Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _private_key(key: str, base: Path) -> Any:
    ed25519 = _ed25519()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        private = load_pem_private_key(_content(key, base, "signing_key"), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ConfigError(
            f"[store] signing_key is no private key without a password: {error}", hint=_KEY_HINT
        ) from error
    if not isinstance(private, ed25519.Ed25519PrivateKey):
        raise ConfigError("[store] signing_key is not an Ed25519 key", hint=_KEY_HINT)
    return private


def _public_key(key: str, base: Path) -> bytes:
    """The 32 bytes of a public key."""
    ed25519 = _ed25519()
    from cryptography.hazmat.primitives import serialization

    try:
        raw = base64.b64decode(key, validate=True)
        if len(raw) == 32:
            return raw
    except ValueError:
        pass
    try:
        public = serialization.load_pem_public_key(_content(key, base, "trusted_keys"))
    except ValueError as error:
        raise ConfigError(
            f"[store] trusted_keys holds what is no public key: {error}", hint=_KEY_HINT
        ) from error
    if not isinstance(public, ed25519.Ed25519PublicKey):
        raise ConfigError("[store] trusted_keys holds a key that is not Ed25519", hint=_KEY_HINT)
    content: bytes = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return content


def _content(key: str, base: Path, name: str) -> bytes:
    """A key's PEM text: itself, or what lies at its path."""
    if key.lstrip().startswith(_PEM):
        return key.encode()
    path = base / Path(key).expanduser()
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"[store] {name}: {path} cannot be read: {error.strerror or error}", hint=_KEY_HINT
        ) from error
