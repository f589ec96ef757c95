"""`nbprod init`: a folder that runs at once, from a recipe or from a notebook of your own."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from nbprod.config import FILE_NAME
from nbprod.errors import ConfigError, DataError
from nbprod.lifecycle.lineage import person
from nbprod.records import Progress, Scaffold

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
    progress: Progress,
) -> Scaffold:
    """Make a project in a folder, from a recipe or from a notebook.

    Raises ConfigError when the folder already holds a project: nothing is overwritten.
    """
    target = Path(folder)
    if (target / FILE_NAME).exists():
        raise ConfigError(
            f"{target.resolve()} already is a project",
            hint="choose another folder; nothing was changed",
        )
    if notebook is not None:
        return _from_notebook(target, Path(notebook), name, owner, label)
    return _from_recipe(target, recipe or _DEFAULT_RECIPE, progress)


def _from_recipe(target: Path, recipe: str, progress: Progress) -> Scaffold:
    source = recipes_path() / recipe
    known = sorted(path.parent.name for path in recipes_path().glob(f"*/{FILE_NAME}"))
    if recipe not in known:
        raise ConfigError(f"there is no recipe {recipe!r}", hint=f"known: {', '.join(known)}")
    taken = [path.name for path in source.iterdir() if (target / path.name).exists()]
    if taken:
        raise ConfigError(
            f"{target.resolve()} already holds {', '.join(sorted(taken))}",
            hint="choose an empty folder; nothing was changed",
        )
    made = not target.exists()
    try:
        shutil.copytree(source, target, ignore=_NOT_COPIED, dirs_exist_ok=True)
        _ignore_store(target)
        if (target / "prepare.py").exists():
            progress("preparing the data", None)
            _prepare(target)
    except BaseException:
        if made:  # nothing half-made remains
            shutil.rmtree(target, ignore_errors=True)
        raise
    return Scaffold(path=str(target.resolve()), files=tuple(_files(target)))


def _prepare(target: Path) -> None:
    result = subprocess.run(
        [sys.executable, "prepare.py"], cwd=target, capture_output=True, text=True, check=False
    )
    if result.returncode:
        tail = "\n".join((result.stdout + result.stderr).strip().splitlines()[-5:])
        raise DataError(
            f"the recipe's data could not be prepared:\n{tail}",
            hint="pip install 'nbprod[demo]' brings the data of the flights recipe",
        )


def _from_notebook(
    target: Path, notebook: Path, name: str | None, owner: str | None, label: str | None
) -> Scaffold:
    from nbprod.extraction import propose_label, propose_roles
    from nbprod.notebook.document import read_notebook, set_roles

    document = read_notebook(notebook)
    model = name or re.sub(r"[^a-z0-9]+", "-", notebook.stem.lower()).strip("-") or "model"
    copy = target / "notebooks" / notebook.name
    inside = notebook.resolve().is_relative_to(target.resolve())
    path = (
        notebook.resolve().relative_to(target.resolve()) if inside else Path("notebooks", copy.name)
    )
    outcome = label or propose_label(document)
    proposals = propose_roles(document, label=outcome)
    if not inside:
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(notebook, copy)
    # Roles a person has set already win over a proposal.
    set_roles(
        target / path, {p["cell_id"]: p["role"] for p in proposals if p["role"] not in ("", "skip")}
    )
    text = _settings_text(model, owner or person(), path.as_posix(), outcome)
    (target / FILE_NAME).write_text(text, encoding="utf-8")
    _ignore_store(target)
    return Scaffold(
        path=str(target.resolve()), files=tuple(_files(target)), proposals=tuple(proposals)
    )


def _settings_text(name: str, owner: str, notebook: str, label: str) -> str:
    lines = [
        "[model]",
        f'name  = "{name}"',
        f'owner = "{owner}"',
        "[notebooks]",
        f'train = "{notebook}"',
    ]
    if label:
        lines += ["[data]", f'label = "{label}"']
    return "\n".join(lines) + "\n"


def _ignore_store(target: Path) -> None:
    path = target / ".gitignore"
    if not path.exists():
        path.write_text(".nbprod/\n__pycache__/\n.ipynb_checkpoints/\n", encoding="utf-8")


def _files(target: Path) -> Iterator[str]:
    for path in sorted(target.rglob("*")):
        if path.is_file():
            yield path.relative_to(target).as_posix()
