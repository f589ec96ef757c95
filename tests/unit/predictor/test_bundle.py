"""A bundle appears whole, and every file that is missing, changed or added is found."""

from __future__ import annotations

import json
import shutil

import pytest

from nbprod.errors import ExecutionError, StoreError, TamperedReleaseError
from nbprod.predictor import digest_of, file_hashes, read_bundle, verify_bundle


def test_a_bundle_reads_back(bundle, trips):
    """Name, version, contract, parameters, snapshot and files are what was written."""
    found = read_bundle(bundle.folder)
    assert found == bundle
    assert trips.contract == found.contract
    assert (found.name, found.package, found.parameters) == ("trip-delay", "trips", {"slow": 12.0})
    assert trips.snapshot == found.snapshot
    assert {"bundle.json", "contract.json", "lock.txt", "model/model.skops"} <= set(found.files)
    assert not any("tests" in path for path in found.files)
    assert digest_of(found.files) == found.digest
    assert verify_bundle(bundle.folder) == []
    assert verify_bundle(bundle.folder, found.files) == []


def test_the_same_content_has_the_same_digest(bundle, trips, package, tmp_path):
    """Written again, byte for byte the same: no clock, no address, no order of sets."""
    assert bundle.digest == trips.bundle(tmp_path / "again", package).digest


def test_each_altered_file_is_found(bundle, tmp_path):
    """Missing, changed and added files are told apart, and each changes the digest."""
    for number, path in enumerate(bundle.files):
        copy = tmp_path / f"copy{number}"
        shutil.copytree(bundle.folder, copy)
        (copy / path).write_bytes((copy / path).read_bytes() + b"\n")
        changed = verify_bundle(copy, bundle.files)
        assert [("NBS012", path)] == [(f.code, f.details["path"]) for f in changed]
        assert digest_of(file_hashes(copy)) != bundle.digest
        (copy / path).unlink()
        assert "NBS011" in [f.code for f in verify_bundle(copy)]
    (bundle.folder / "module" / "trips" / "extra.py").write_text("")
    assert [finding.code for finding in verify_bundle(bundle.folder)] == ["NBS013"]


def test_links_are_not_followed_out_of_sight(bundle):
    """A folder that is a link is an added file, whatever it holds."""
    (bundle.folder / "module" / "more").symlink_to("/etc")
    assert [finding.code for finding in verify_bundle(bundle.folder)] == ["NBS013"]


def test_a_bundle_is_never_written_over(bundle, trips, package):
    """The folder must not exist."""
    with pytest.raises(StoreError, match="exists already"):
        trips.bundle(bundle.folder, package)


def test_a_failure_leaves_nothing(trips, package, tmp_path):
    """A model that cannot be saved leaves neither bundle nor leftovers."""
    with pytest.raises(ExecutionError, match="cannot be saved"):
        trips.bundle(tmp_path / "place" / "bundle", package, model=object())
    assert list((tmp_path / "place").iterdir()) == []


def test_what_cannot_be_read_is_an_error(bundle, tmp_path):
    """No bundle, and a bundle with a damaged contract."""
    with pytest.raises(StoreError, match="no bundle"):
        read_bundle(tmp_path / "nowhere")
    contract = bundle.folder / "contract.json"
    contract.write_text(json.dumps({"unknown": 1}))
    with pytest.raises(TamperedReleaseError, match="cannot be read"):
        read_bundle(bundle.folder)
