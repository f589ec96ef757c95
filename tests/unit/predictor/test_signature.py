"""A signed release is the one that was signed, by a key that is trusted; anything else is refused."""

from __future__ import annotations

import base64
import json
import subprocess

import pytest

from nbprod.errors import ConfigError
from nbprod.predictor.signature import public_keys, sign_release, signature_problem
from nbprod.records import Candidate, Release

RELEASE = Release(
    name="trips",
    version=3,
    candidate=Candidate(
        name="trips", number=3, digest="a", module_version="b", contract_digest="c"
    ),
    files={"lock.txt": "0" * 64},
)


def _key(folder, name="key.pem"):
    """A key as the hint says to make one."""
    subprocess.run(
        ["openssl", "genpkey", "-algorithm", "ed25519", "-out", folder / name], check=True
    )
    told = subprocess.run(
        ["openssl", "pkey", "-in", folder / name, "-pubout"],
        check=True,
        capture_output=True,
        text=True,
    )
    (folder / f"{name}.pub").write_text(told.stdout)
    return folder / name


@pytest.fixture
def signed(tmp_path):
    """A folder with a signed release record."""
    key = _key(tmp_path)
    folder = tmp_path / "3"
    folder.mkdir()
    (folder / "release.json").write_text(json.dumps(RELEASE.to_json()))
    (folder / "signature.json").write_text(json.dumps(sign_release(RELEASE, "key.pem", tmp_path)))
    return folder, key


def test_a_signature_holds_for_its_key(signed, tmp_path):
    """By path, as PEM text and in base64, alone and among others."""
    folder, key = signed
    _key(tmp_path, "other.pem")
    pem = (tmp_path / "key.pem.pub").read_text()
    (raw,) = public_keys(["key.pem.pub"], tmp_path)
    assert len(base64.b64decode(raw)) == 32
    assert public_keys([pem, raw, str(key) + ".pub"], tmp_path) == (raw,) * 3
    assert signature_problem(folder) == ""
    assert signature_problem(folder, [raw]) == ""
    assert signature_problem(folder, [*public_keys(["other.pem.pub"], tmp_path), raw]) == ""


def test_the_key_may_come_as_text(tmp_path):
    """A secret of a CI system has no file."""
    key = _key(tmp_path).read_text()
    assert sign_release(RELEASE, key, tmp_path)["algorithm"] == "ed25519"


def test_another_key_is_not_trusted(signed, tmp_path):
    """Somebody else's good signature does not help, and none at all neither."""
    folder, _ = signed
    _key(tmp_path, "other.pem")
    other = public_keys(["other.pem.pub"], tmp_path)
    assert "not among [store] trusted_keys" in signature_problem(folder, other)
    (folder / "signature.json").unlink()
    assert "not signed" in signature_problem(folder, other)
    assert signature_problem(folder) == ""


@pytest.mark.parametrize("field", ["key", "signature", "algorithm", "release"])
def test_every_part_of_it_counts(signed, field):
    """A record, a key or a signature that was changed."""
    folder, _ = signed
    file = folder / "signature.json"
    content = json.loads(file.read_text())
    if field in ("algorithm", "release"):  # told, not trusted: the record itself is what is signed
        record = {**RELEASE.to_json(), "golden_requests": 1}
        (folder / "release.json").write_text(json.dumps(record))
    else:
        raw = bytearray(base64.b64decode(content[field]))
        raw[3] ^= 1
        file.write_text(json.dumps({**content, field: base64.b64encode(raw).decode()}))
    assert "does not belong" in signature_problem(folder)


def test_an_unreadable_signature_is_a_problem(signed):
    """Neither JSON nor base64: told, never passed over."""
    folder, _ = signed
    for text in ("", "{}", '{"key": "?", "signature": "?"}', "[]"):
        (folder / "signature.json").write_text(text)
        assert "cannot be read" in signature_problem(folder)


def test_what_is_no_key_says_how_to_make_one(tmp_path):
    """A missing file, another kind of key, one with a password, nonsense."""
    rsa = ["openssl", "genpkey", "-algorithm", "rsa", "-out", tmp_path / "rsa.pem"]
    subprocess.run(rsa, check=True, capture_output=True)
    locked = ["openssl", "genpkey", "-algorithm", "ed25519", "-aes256", "-pass", "pass:abcd"]
    subprocess.run([*locked, "-out", tmp_path / "locked.pem"], check=True, capture_output=True)
    (tmp_path / "text.pem").write_text("no key")
    for name in ("none.pem", "rsa.pem", "locked.pem", "text.pem"):
        with pytest.raises(ConfigError) as caught:
            sign_release(RELEASE, name, tmp_path)
        assert "openssl genpkey" in caught.value.hint
        with pytest.raises(ConfigError):
            public_keys([name], tmp_path)
