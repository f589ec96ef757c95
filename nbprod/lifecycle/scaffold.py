"""`nbprod init`: a folder that runs at once, from a recipe or from a notebook of your own."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from nbprod.config import FILE_NAME
from nbprod.errors import ConfigError, DataError, StoreError
from nbprod.lifecycle.lineage import person
from nbprod.records import Progress, Scaffold, new_id

if TYPE_CHECKING:
    from collections.abc import Iterator

_DEFAULT_RECIPE = "starter"
# What a recipe holds for its tests and not for the project made from it.
_NOT_COPIED = shutil.ignore_patterns(
    "expected.json", "corrections.json", "__pycache__", ".nbprod", ".ipynb_checkpoints"
)


def recipes_path() -> Path:
    """Where the recipes lie: inside an installed wheel, beside the package in a checkout."""
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "recipes", package.parent / "recipes"):
        if folder.is_dir():
            return folder
    raise ConfigError(
        "this installation has no recipes", hint="use --from NOTEBOOK, or install nbprod again"
    )


def scaffold(
    folder: str | Path,
    *,
    recipe: str | None = None,
    notebook: str | Path | None = None,
    name: str | None = None,
    owner: str | None = None,
    label: str | None = None,
    tag_cells: bool = True,
    progress: Progress,
) -> Scaffold:
    """Make a project in a folder, from a recipe or from a notebook.

    tag_cells: without it a notebook that lies in the folder stays as it is: an editor that holds
    it open gives the cells their proposed roles itself.
    Raises ConfigError when the folder already holds a project: nothing is overwritten.
    """
    target = Path(folder)
    if (target / FILE_NAME).exists():
        raise ConfigError(
            f"{target.resolve()} already is a project",
            hint="choose another folder; nothing was changed",
        )
    if notebook is not None:
        return _from_notebook(target, Path(notebook), name, owner, label, tag_cells)
    return _from_recipe(target, recipe or _DEFAULT_RECIPE, progress)


def _from_recipe(target: Path, recipe: str, progress: Progress) -> Scaffold:
    source = recipes_path() / recipe
    known = sorted(path.parent.name for path in recipes_path().glob(f"*/{FILE_NAME}"))
    if recipe not in known:
        raise ConfigError(f"there is no recipe {recipe!r}", hint=f"known: {', '.join(known)}")
    with _built_aside(target) as aside:
        shutil.copytree(source, aside, ignore=_NOT_COPIED, dirs_exist_ok=True)
        _ignore_store(target, aside)
        _refuse_taken(target, _files(aside))
        if (aside / "prepare.py").exists():
            progress("preparing the data", None)
            _prepare(aside)
        files = _files(aside)
    return Scaffold(path=str(target.resolve()), files=files)


def _prepare(folder: Path) -> None:
    result = subprocess.run(
        [sys.executable, "prepare.py"], cwd=folder, capture_output=True, text=True, check=False
    )
    if result.returncode:
        tail = "\n".join((result.stdout + result.stderr).strip().splitlines()[-5:])
        raise DataError(
            f"the recipe's data could not be prepared:\n{tail}",
            hint="pip install 'nbprod[demo]' brings the data of the flights recipe",
        )


def _from_notebook(
    target: Path,
    notebook: Path,
    name: str | None,
    owner: str | None,
    label: str | None,
    tag_cells: bool,
) -> Scaffold:
    from nbprod.extraction import propose_label, propose_roles, propose_task
    from nbprod.notebook.document import read_notebook
    from nbprod.notebook.edits import set_roles

    document = read_notebook(notebook)
    model = name or re.sub(r"[^a-z0-9]+", "-", notebook.stem.lower()).strip("-") or "model"
    outcome = label or propose_label(document)
    proposals = propose_roles(document, label=outcome)
    # Roles a person has set already win over a proposal.
    roles = {p["cell_id"]: p["role"] for p in proposals if p["role"] not in ("", "skip")}
    numbers = {cell.cell_id: str(cell.index + 1) for cell in document.cells}
    shown = tuple({"cell": numbers[p["cell_id"]], **p} for p in proposals)
    inside = notebook.resolve().is_relative_to(target.resolve())
    path = Path("notebooks", notebook.name)
    with _built_aside(target) as aside:
        if inside:
            path = notebook.resolve().relative_to(target.resolve())
        else:
            (aside / path).parent.mkdir()
            shutil.copyfile(notebook, aside / path)
            set_roles(aside / path, roles)
        task = propose_task(document)
        text = _settings_text(model, owner or person(), path.as_posix(), outcome, task)
        (aside / FILE_NAME).write_text(text, encoding="utf-8")
        _ignore_store(target, aside)
        files = _files(aside)
    if inside and tag_cells:
        set_roles(target / path, roles)
        files = tuple(sorted({*files, path.as_posix()}))
    return Scaffold(path=str(target.resolve()), files=files, proposals=shown)


def _settings_text(name: str, owner: str, notebook: str, label: str, task: str) -> str:
    lines = [
        "[model]",
        f'name  = "{name}"',
        f'owner = "{owner}"',
        *([f'task  = "{task}"'] if task == "regression" else []),  # else what is so by itself
        "[notebooks]",
        f'train = "{notebook}"',
    ]
    if label:
        lines += ["[data]", f'label = "{label}"']
    return "\n".join(lines) + "\n"


def _ignore_store(target: Path, aside: Path) -> None:
    """Git leaves out what can be rebuilt; where the folder has its own rules, they stay."""
    if (target / ".gitignore").exists():
        (aside / ".gitignore").unlink(missing_ok=True)
    elif not (aside / ".gitignore").exists():
        ignored = ".nbprod/\n__pycache__/\n.ipynb_checkpoints/\n"
        (aside / ".gitignore").write_text(ignored, encoding="utf-8")


def _files(folder: Path) -> tuple[str, ...]:
    return tuple(
        path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file()
    )


@contextlib.contextmanager
def _built_aside(target: Path) -> Iterator[Path]:
    """An empty folder whose files move into the target when the block ends well, or go with it.

    Raises ConfigError where the target holds one of them already, StoreError when the disk does
    not take them; nothing is left or changed then.
    """
    made = next((p for p in reversed([target, *target.absolute().parents]) if not p.exists()), None)
    aside = target / f".nbprod-init-{new_id()}"
    try:
        with _disk_errors(target):
            aside.mkdir(parents=True)
            yield aside
            _move_in(aside, target)
            aside.rmdir()
    except BaseException:
        shutil.rmtree(made or aside, ignore_errors=True)
        raise


def _refuse_taken(target: Path, files: tuple[str, ...]) -> None:
    if taken := [name for name in files if (target / name).exists()]:
        raise ConfigError(
            f"{target.resolve()} already holds {', '.join(taken[:8])}",
            hint="choose an empty folder; nothing was changed",
        )


def _move_in(aside: Path, target: Path) -> None:
    files = _files(aside)
    _refuse_taken(target, files)
    moved: list[Path] = []
    try:
        for name in files:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            (aside / name).rename(target / name)
            moved.append(target / name)
    except BaseException:
        for path in moved:
            path.unlink(missing_ok=True)
        raise
    for folder in sorted(aside.rglob("*"), reverse=True):
        folder.rmdir()


@contextlib.contextmanager
def _disk_errors(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        # copytree collects its troubles: (from, to, why) each
        reason = error.args[0][0][2] if isinstance(error, shutil.Error) else error.strerror
        raise StoreError(
            f"{target.resolve()} cannot be written: {reason or error}",
            hint="make room on the disk, check who may write there, or choose another folder; "
            "nothing was changed",
        ) from error
