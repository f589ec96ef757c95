"""scikit-learn objects by skops: trusted types are named, and nothing is ever unpickled."""

from __future__ import annotations

import importlib
import io
import re
import sys
import zipfile
from typing import TYPE_CHECKING, Any

from nbprod.errors import ExecutionError, TamperedReleaseError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

# Of what skops does not trust on its own, only these libraries' types pass, and each is recorded
# by name, so that loading trusts exactly what saving saw.
ALLOWED = ("sklearn", "numpy", "scipy", "pandas")
# Functions that fitted estimators hold on to; elsewhere a function may do anything when called.
_FUNCTIONS = ("sklearn.", "scipy._lib.array_api_compat.")
_PARTIAL = "functools.partial"

_UNREADABLE = (OSError, KeyError, ValueError, TypeError, AttributeError, ImportError)


def save_sklearn(value: Any, path: Path) -> list[str]:
    """Writes a scikit-learn object, or a container of such; the names of the types to trust.

    The same object gives the same bytes. ExecutionError names each type that is not
    scikit-learn's, NumPy's, SciPy's or pandas's.
    """
    skops_io = import_skops()
    content = skops_io.dumps(value)
    unknown = skops_io.get_untrusted_types(data=content)
    if foreign := [name for name in unknown if not _is_allowed(name)]:
        raise ExecutionError(
            f"it holds types that cannot be loaded safely: {', '.join(sorted(foreign))}",
            hint="use scikit-learn's own classes in what is saved, and keep your own functions "
            "and classes in nbprod:lib cells, called from transform() or predict()",
            types=sorted(foreign),
        )
    path.write_bytes(_normalised(content))
    return sorted(unknown)


def load_sklearn(path: Path, trusted: Iterable[str]) -> Any:
    """The object again; a type that is neither skops's nor named in ``trusted`` is refused."""
    skops_io = import_skops()
    from skops.io.exceptions import UntrustedTypesFoundException

    names = {name for name in trusted if _is_allowed(name)}
    try:
        # Estimators are skops's own to trust; where it had its list while saving, none is named.
        names |= {name for name in skops_io.get_untrusted_types(file=path) if _is_estimator(name)}
        return skops_io.load(path, trusted=sorted(names))
    except (UntrustedTypesFoundException, zipfile.BadZipFile, *_UNREADABLE) as error:
        raise TamperedReleaseError(
            f"{path.name} cannot be loaded: {error}",
            hint="the file is not the one that was written, or another version of scikit-learn "
            "is installed: compare lock.txt, or train again",
        ) from error


def import_skops() -> Any:
    """``skops.io`` without a list of every estimator there is.

    To make that list, skops imports the whole of scikit-learn and with it torch and pytest where
    they are installed: three seconds of every replica's start. Here each class that a file names
    is looked at instead (`_is_estimator`).
    """
    if "skops.io" not in sys.modules:
        import sklearn.utils

        every = sklearn.utils.all_estimators
        sklearn.utils.all_estimators = lambda *_, **__: []
        try:
            importlib.import_module("skops.io")
        finally:
            sklearn.utils.all_estimators = every
    return sys.modules["skops.io"]


def _is_estimator(name: str) -> bool:
    """Whether a dotted name is a class on the list that skops would have made."""
    if not name.startswith("sklearn."):
        return False
    from sklearn.base import BaseEstimator

    module, _, attribute = name.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), attribute, None)
    except ImportError:
        return False
    return isinstance(found, type) and issubclass(found, BaseEstimator)


def _is_allowed(name: str) -> bool:
    """Whether a dotted name is a class of an allowed library, or a function kept by estimators."""
    module, _, attribute = name.rpartition(".")
    if name == _PARTIAL or name.startswith(_FUNCTIONS):
        return True
    if module.partition(".")[0] not in ALLOWED:
        return False
    try:
        return isinstance(getattr(importlib.import_module(module), attribute, None), type)
    except ImportError:
        return False


def _normalised(content: bytes) -> bytes:
    """The same archive without clock and memory addresses: skops names parts by ``id()``."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        schema = archive.read("schema.json").decode()
        names: dict[str, str] = {}
        for old in re.findall(r'"__id__": (\d+)', schema):
            names.setdefault(old, str(len(names) + 1))
        schema = re.sub(r'("__id__": )(\d+)', lambda m: m[1] + names[m[2]], schema)

        def renamed(name: str) -> str:
            stem, dot, suffix = name.partition(".")
            return names.get(stem, stem) + dot + suffix

        schema = re.sub(r'("file": ")([^"]+)(")', lambda m: m[1] + renamed(m[2]) + m[3], schema)
        parts = {renamed(name): archive.read(name) for name in archive.namelist()}
    parts["schema.json"] = schema.encode()
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(parts):
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), parts[name])
    return target.getvalue()
