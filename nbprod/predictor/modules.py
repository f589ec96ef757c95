"""Loads a generated package under its digest, so that two versions live side by side."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import json
import sys
import traceback
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.errors import ExecutionError, ExtractionError, NbprodError
from nbprod.notebook.places import note_places
from nbprod.records import sha256

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import ModuleType

MANIFEST = "nbprod.json"
SUBMODULES = ("parameters", "lib", "schemas", "data", "features", "training", "inference")


class LoadedModule:
    """A generated package in memory; each submodule is imported when it is first asked for.

    Serving asks for ``features`` and ``inference`` only, so neither ``data`` nor ``training``,
    nor what they import, comes into a replica.
    """

    def __init__(self, path: Path, digest: str, name: str) -> None:
        self.path = path
        self.digest = digest
        self.name = name
        self.manifest = read_manifest(path)

    def __getattr__(self, submodule: str) -> ModuleType:
        if submodule not in SUBMODULES:
            raise AttributeError(submodule)
        if not self.has(submodule):
            raise ExecutionError(
                f"the module has no {submodule}.py",
                hint=f"tag the cell that belongs there (see `nbprod tag`) and extract again "
                f"into {self.path}",
            )
        with user_code(self, f"importing {submodule}.py"):
            module = importlib.import_module(f"{self.name}.{submodule}")
        self.__dict__[submodule] = module  # the next request does not come here again
        return module

    def has(self, submodule: str) -> bool:
        """Whether the package has this submodule."""
        return (self.path / f"{submodule}.py").is_file()

    def entry_point(self, dotted: str) -> Any:
        """The function or class ``"features.transform"``; ExecutionError where it is missing."""
        submodule, _, name = dotted.partition(".")
        found = getattr(getattr(self, submodule), name, None)
        if found is None:
            raise ExecutionError(
                f"{submodule}.py has no {name}",
                hint=f"the cells tagged for {submodule}.py must define {name}; extract again",
            )
        return found

    def has_entry(self, dotted: str) -> bool:
        """Whether the package has this function or class."""
        submodule, _, name = dotted.partition(".")
        loaded = submodule in self.__dict__  # asked for every request: no look at the disk
        return (loaded or self.has(submodule)) and hasattr(getattr(self, submodule), name)

    def call(self, dotted: str, *arguments: Any) -> Any:
        """What an entry point returns; whatever it raises becomes an ExecutionError with a place.

        dotted: for example ``"features.transform"``.
        """
        function = self.entry_point(dotted)
        with user_code(self, f"{dotted}()"):
            return function(*arguments)


def load_package(path: str | Path, digest: str) -> LoadedModule:
    """The generated package in a folder, importable under a name that contains its digest.

    path: the package's folder (``…/flight_delay``).
    digest: the module version; the same path and digest give the same modules again.
    Raises ExecutionError when the package itself cannot be imported.
    """
    folder = Path(path).resolve()
    if not (folder / "__init__.py").is_file():
        raise ExecutionError(
            f"{folder} is not a generated package", hint="run `nbprod extract` to write it"
        )
    # The path is part of the name: a lazily imported submodule must come from its own folder.
    name = f"{folder.name}__{digest[:12]}_{sha256(str(folder))[:8]}"
    module = LoadedModule(folder, digest, name)
    _FINDER.add(name, folder)
    with user_code(module, "importing the package"):
        importlib.import_module(name)
    return module


def unload_package(module: LoadedModule) -> None:
    """Forget a loaded package, so that loading it again reads its files again."""
    for name in [n for n in sys.modules if n == module.name or n.startswith(f"{module.name}.")]:
        del sys.modules[name]
    _FINDER.remove(module.name)


def read_manifest(package_path: Path) -> dict[str, Any]:
    """The package's ``nbprod.json`` as it stands; empty where there is none."""
    try:
        manifest = json.loads((package_path / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ExtractionError(
            f"{package_path / MANIFEST} cannot be read: {error}",
            hint="restore it from git, or run `nbprod extract`",
        ) from error
    return manifest if isinstance(manifest, dict) else {}


class _SourceLoader(importlib.machinery.SourceFileLoader):
    """Reads the source alone: a stale or planted ``__pycache__`` is never run, and none is made."""

    def path_stats(self, _path: str) -> Any:
        raise OSError("bytecode is not used")


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the packages loaded here; nothing else."""

    def __init__(self) -> None:
        self._folders: dict[str, Path] = {}

    def add(self, name: str, folder: Path) -> None:
        self._folders[name] = folder
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)

    def remove(self, name: str) -> None:
        self._folders.pop(name, None)

    def find_spec(
        self, fullname: str, _path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        root, _, rest = fullname.partition(".")
        folder = self._folders.get(root)
        if folder is None:
            return None
        place = folder.joinpath(*rest.split(".")) if rest else folder
        if (place / "__init__.py").is_file():
            file, inside = place / "__init__.py", [str(place)]
        else:
            file, inside = place.with_suffix(".py"), None
        if not file.is_file():
            return None
        return importlib.util.spec_from_file_location(
            fullname,
            file,
            loader=_SourceLoader(fullname, str(file)),
            submodule_search_locations=inside,
        )


# One finder for the process: Python's own import machinery is process-wide.
_FINDER = _Finder()


@contextmanager
def user_code(module: LoadedModule, doing: str) -> Iterator[None]:
    """Turns what the user's code raises into an ExecutionError that names its place.

    The place is the deepest frame inside the package: file and line, and the notebook cell
    where the manifest says which lines came from which cell.
    """
    try:
        yield
    except NbprodError:
        raise
    except Exception as error:
        raise _placed(module, doing, error) from error


def _placed(module: LoadedModule, doing: str, error: Exception) -> ExecutionError:
    text = "".join(traceback.format_exception_only(error)).strip()
    places = note_places(error)
    deepest = places[-1] if places else None
    file, file_line = _deepest(module, error)
    notebook = module.manifest.get("notebook")
    place = f"{module.path.name}/{file}, line {file_line}" if file else module.path.name
    if deepest is not None and (deepest.file, deepest.file_line) != (file, file_line):
        deepest = None  # the line that raised is one that extraction added
    if deepest is not None:
        place += f" ({deepest})" + "".join(f"\n  from {place}" for place in places[-2::-1])
    where = f"the cell in {notebook}" if notebook else "the code there"
    return ExecutionError(
        f"{doing} raised {text}\n  at {place}",
        hint=f"{_missing_file(error)}correct {where}, run `nbprod extract`, and try again",
        notebook=notebook,
        cell_id=deepest.cell_id if deepest else None,
        line=deepest.line if deepest else None,
        file=file or None,
        file_line=file_line or None,
        exception=type(error).__name__,
    )


def _missing_file(error: Exception) -> str:
    """Where a relative path that is not there was looked for: not where the notebook once lay."""
    name = error.filename if isinstance(error, FileNotFoundError) else None
    if not isinstance(name, str) or Path(name).is_absolute():
        return ""
    return f"paths are read from {Path.cwd()}: put {name} there; or "


def _deepest(module: LoadedModule, error: Exception) -> tuple[str, int]:
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        path = Path(error.filename)
        if path.is_relative_to(module.path):
            return path.relative_to(module.path).as_posix(), error.lineno
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if path.is_relative_to(module.path):
            return path.relative_to(module.path).as_posix(), frame.lineno or 0
    return "", 0
