"""A bundle: the folder that holds everything one model needs to answer, every file hashed."""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from nbprod.errors import StoreError, TamperedReleaseError
from nbprod.predictor.model import save_model
from nbprod.predictor.modules import MANIFEST as MODULE_MANIFEST
from nbprod.predictor.signature import RELEASE_FILE, SIGNATURE_FILE, signature_problem
from nbprod.predictor.state import save_state
from nbprod.records import DataContract, Finding, Json, Snapshot, canonical_json, sha256

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

MANIFEST = "bundle.json"
CONTRACT = "contract.json"
PARAMETERS = "parameters.json"
PROFILE = "profile.bin"
LOCK = "lock.txt"
# Makes the bundle a model that MLflow can load; hashed too, so it holds neither time nor id.
MLMODEL = "MLmodel"
_MLMODEL_TEXT = """\
flavors:
  python_function:
    loader_module: nbprod.predictor.pyfunc
    python_version: {}
"""
# A release adds these to a bundle; they are evidence about it, not part of its digest.
GOLDEN_FILE = "golden.json"
EVIDENCE = "evidence"
_SKIPPED = ("__pycache__", "tests")
_HASHED_AT_ONCE = 4


class SavedProfile(Protocol):
    """What a bundle needs of a profile: that it can be saved."""

    def save(self, path: Path) -> Any:
        """Writes the profile to a file."""


@dataclass(frozen=True)
class Bundle:
    """A bundle as its ``bundle.json`` describes it; ``digest`` covers every file."""

    folder: Path
    digest: str
    name: str
    package: str
    module_version: str
    contract: DataContract
    parameters: Json
    snapshot: Snapshot
    model: Json
    files: dict[str, str]  # path -> SHA-256, bundle.json too

    @property
    def module_path(self) -> Path:
        """The folder of the generated package inside the bundle."""
        return self.folder / "module" / self.package


def write_bundle(
    folder: Path,
    *,
    name: str,
    package_path: Path,
    module_version: str,
    contract: DataContract,
    state: Any,
    model: Any,
    parameters: Mapping[str, Any],
    snapshot: Snapshot,
    lock_text: str,
    profile: SavedProfile | None = None,
    call: Callable[[Any], Any] | None = None,
    allow_pickle: Collection[str] | None = None,
) -> Bundle:
    """Writes a bundle aside and renames it into place: it is there whole, or not at all.

    folder: must not exist yet. package_path: the generated package, copied without its tests.
    profile: the reference profile. call, allow_pickle: see ``save_model``.
    Raises StoreError when the folder exists, ExecutionError when a value cannot be saved.
    """
    with written_aside(folder) as work:
        _copy_package(package_path, work / "module" / package_path.name)
        save_state(state, work / "state")
        model_manifest = save_model(model, work / "model", call=call, allow_pickle=allow_pickle)
        _write_json(work / CONTRACT, contract.to_json())
        _write_json(work / PARAMETERS, dict(parameters))
        (work / LOCK).write_text(lock_text, encoding="utf-8")
        (work / MLMODEL).write_text(
            _MLMODEL_TEXT.format(platform.python_version()), encoding="utf-8"
        )
        if profile is not None:
            profile.save(work / PROFILE)
        manifest = {
            "format": 1,
            "name": name,
            "package": package_path.name,
            "module_version": module_version,
            "contract_digest": contract.digest,
            "snapshot": snapshot.to_json(),
            "model": model_manifest,
            "files": file_hashes(work),
        }
        _write_json(work / MANIFEST, manifest)
    return read_bundle(folder)


def read_bundle(folder: str | Path) -> Bundle:
    """The bundle in a folder, its digest computed from the files as they are now.

    Raises StoreError where there is none, TamperedReleaseError where it cannot be understood.
    Hashes are compared by ``verify_bundle``, not here.
    """
    folder = Path(folder)
    if not (folder / MANIFEST).is_file():
        raise StoreError(
            f"there is no bundle in {folder}", hint="run `nbprod train` to make a candidate"
        )
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        contract = DataContract.from_json(_read_json(folder / CONTRACT))
        files = file_hashes(folder)
        return Bundle(
            folder=folder,
            digest=digest_of(files),
            name=manifest["name"],
            package=manifest["package"],
            module_version=manifest["module_version"],
            contract=contract,
            parameters=_read_json(folder / PARAMETERS),
            snapshot=Snapshot.from_json(manifest["snapshot"]),
            model=manifest["model"],
            files=files,
        )
    except (OSError, ValueError, KeyError, TypeError, StoreError) as error:
        raise TamperedReleaseError(
            f"the bundle in {folder} cannot be read: {error}",
            hint="restore the folder from the tracking server, or train again",
        ) from error


def model_format(folder: Path) -> str:
    """How a bundle's model is saved; empty where its manifest does not say. Nothing is hashed."""
    try:
        return str(json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["model"]["format"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def verify_bundle(folder: str | Path, files: Mapping[str, str] | None = None) -> list[Finding]:
    """What is missing, changed or added in a bundle; empty when every hash holds.

    files: the expected hashes. Without them those in ``release.json`` (a release: its evidence
        is verified, too) or in ``bundle.json``, which cannot vouch for itself: compare the
        bundle's digest with the record of its run, as ``Predictor.load(digest=…)`` does.
    """
    folder = Path(folder)
    if files is not None:
        return compare_files(files, file_hashes(folder))
    released = (folder / RELEASE_FILE).is_file()
    source = RELEASE_FILE if released else MANIFEST
    try:
        recorded = _read_json(folder / source)
        expected = dict(recorded["files"])
        digest = recorded["candidate"]["digest"] if released else None
    except (OSError, ValueError, KeyError, TypeError):
        return [_finding("NBS011", source, "is missing or unreadable")]
    found = all_file_hashes(folder)
    unhashed = (source, SIGNATURE_FILE) if released else (source,)
    findings = compare_files(expected, {k: v for k, v in found.items() if k not in unhashed})
    if digest is not None and digest != digest_of(bundle_part(found)):
        findings.append(_finding("NBS012", source, "names another candidate's digest"))
    return findings


def require_intact(
    folder: str | Path, *, ignore: Collection[str] = (), trusted_keys: Sequence[str] = ()
) -> None:
    """Raises TamperedReleaseError naming the files of a bundle that are not as hashed.

    ignore: paths that may be there unhashed. trusted_keys: with any, only a release that is
    signed with one of them is intact; see ``signature_problem``.
    """
    if problem := signature_problem(Path(folder), trusted_keys):
        raise TamperedReleaseError(
            f"{folder} cannot be trusted: {problem}",
            hint="restore the release from a copy you trust, or release again",
            files=[SIGNATURE_FILE],
        )
    findings = [f for f in verify_bundle(folder) if f.details["path"] not in ignore]
    if findings:
        raise TamperedReleaseError(
            f"{folder} is not what was hashed: "
            + "; ".join(finding.message for finding in findings[:5])
            + (f"; and {len(findings) - 5} more" if len(findings) > 5 else ""),
            hint=findings[0].hint,
            files=[finding.details["path"] for finding in findings],
        )


def compare_files(expected: Mapping[str, str], found: Mapping[str, str]) -> list[Finding]:
    """One finding for each file that is missing, changed or added."""
    findings = []
    for path in sorted({*expected, *found}):
        if path not in found:
            findings.append(_finding("NBS011", path, "is missing"))
        elif path not in expected:
            findings.append(_finding("NBS013", path, "was added"))
        elif expected[path] != found[path]:
            findings.append(_finding("NBS012", path, "is not the file that was hashed"))
    return findings


def file_hashes(folder: Path) -> dict[str, str]:
    """Path -> SHA-256 of every file of a bundle; what a release adds is left out."""
    return bundle_part(all_file_hashes(folder))


def bundle_part(hashes: Mapping[str, str]) -> dict[str, str]:
    """Of a release's file hashes those of the bundle, without what the release added."""
    evidence = (RELEASE_FILE, GOLDEN_FILE, SIGNATURE_FILE)
    return {
        path: digest
        for path, digest in hashes.items()
        if path not in evidence and not path.startswith(f"{EVIDENCE}/")
    }


def all_file_hashes(folder: Path) -> dict[str, str]:
    """Path -> SHA-256 of every file below a folder; links are hashed as what they point to."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_symlink() or path.is_file()]
    with ThreadPoolExecutor(max_workers=_HASHED_AT_ONCE) as pool:  # hashing leaves the lock
        hashes = pool.map(hash_file, files)
        names = (path.relative_to(folder).as_posix() for path in files)
        return dict(zip(names, hashes, strict=True))


def hash_file(path: Path) -> str:
    """The SHA-256 of one file; a link that leads nowhere hashes as its target's name."""
    if path.is_symlink() and not path.is_file():
        return sha256(f"link to {path.readlink()}")
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_of(files: Mapping[str, str]) -> str:
    """One digest over all files of a bundle: SHA-256 of the canonical JSON of path -> hash."""
    return sha256(canonical_json(dict(files)))


@contextmanager
def written_aside(folder: Path) -> Iterator[Path]:
    """A temporary folder beside the real one, renamed into place when the block succeeds.

    Raises StoreError when the folder exists. A failure leaves nothing behind.
    """
    if folder.exists():
        raise StoreError(f"{folder} exists already", hint="a bundle is never written over")
    folder.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".partial", dir=folder.parent))
    try:
        work.chmod(0o755)
        yield work
        work.rename(folder)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise


def _copy_package(source: Path, target: Path) -> None:
    shutil.copytree(source, target, ignore=shutil.ignore_patterns(*_SKIPPED))
    manifest = target / MODULE_MANIFEST
    if manifest.exists():
        manifest.chmod(0o644)


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _finding(code: str, path: str, message: str) -> Finding:
    return Finding(
        code=code,
        severity="error",
        message=f"{path} {message}",
        hint="restore the folder from a copy you trust, or train and release again",
        details={"path": path},
    )
