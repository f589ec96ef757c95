"""The house rules that no linter knows: sizes, names, docstrings, doors."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "nbprod"
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "recipes" not in path.parts)
FORBIDDEN_NAMES = {"utils", "util", "common", "helpers", "helper", "misc", "tools"}
HARD_MODULE_LINES = 500
HARD_FUNCTION_LINES = 60
# Named in the law, installed only where somebody needs them.
HEAVY = ["ray", "whylogs", "papermill", "mlflow", "pandas", "pandera", "nbformat", "jupytext"]
HEAVY += ["sklearn", "torch", "fastapi", "duckdb", "numpy", "pyarrow", "matplotlib", "rich"]


def _ids(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", MODULES, ids=_ids)
def test_a_module_fits_in_one_head(path: Path) -> None:
    """No module is longer than the hard limit, no function longer than its own."""
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= HARD_MODULE_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno - node.lineno < HARD_FUNCTION_LINES, node.name


@pytest.mark.parametrize("path", MODULES, ids=_ids)
def test_a_module_is_named_by_the_noun_it_serves(path: Path) -> None:
    """There is no drawer for odds and ends."""
    assert not FORBIDDEN_NAMES & set(path.relative_to(PACKAGE).with_suffix("").parts)


@pytest.mark.parametrize("path", MODULES, ids=_ids)
def test_nobody_below_lifecycle_imports_the_root_of_the_package(path: Path) -> None:
    """Importing from one's own root makes cycles that work only by luck."""
    above = ("lifecycle", "cli", "server", "__init__.py", "__main__.py")
    if path.relative_to(PACKAGE).parts[0] in above:
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            assert "nbprod" not in [alias.name for alias in node.names], node.lineno
        if isinstance(node, ast.ImportFrom) and node.module == "nbprod":
            allowed = {p.stem for p in PACKAGE.glob("*.py")} | {p.name for p in PACKAGE.iterdir()}
            assert {alias.name for alias in node.names} <= allowed, node.lineno


def test_import_and_help_load_nothing_heavy() -> None:
    """`import nbprod` and `nbprod --help` import no heavy dependency."""
    code = (
        "import sys, nbprod, nbprod.cli.main as main\n"
        "from click.testing import CliRunner\n"
        "assert CliRunner().invoke(main.nbprod, ['--help']).exit_code == 0\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def test_a_project_loads_no_stage_before_a_verb_asks_for_it() -> None:
    """Every command makes a `Project`, and pays only for the rooms of its own verb."""
    code = (
        "import sys, nbprod, nbprod.cli.door; nbprod.Project\n"
        "print(*{name.split('.')[1] for name in sys.modules if name.startswith('nbprod.')})"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    ground = {"config", "errors", "imports", "masking", "records", "traffic"}
    assert set(result.stdout.split()) <= {"cli", "lifecycle", "store", *ground}


def test_every_exported_name_exists_and_is_listed() -> None:
    """`nbprod.__all__` names what the package gives, and nothing else is public."""
    nbprod = importlib.import_module("nbprod")
    for name in nbprod.__all__:
        assert getattr(nbprod, name) is not None
    assert nbprod.__all__ == sorted(nbprod.__all__)


def test_every_command_has_a_file_and_says_what_its_help_line_says() -> None:
    """The list that `--help` prints is the commands' own words."""
    from nbprod.cli.main import COMMANDS

    for name, (file, line) in COMMANDS.items():
        command = importlib.import_module(f"nbprod.cli.{file}").command
        assert command.name == name
        assert command.help.splitlines()[0].rstrip(".").startswith(line.rstrip("."))


def test_the_readme_lists_every_command() -> None:
    """A command that the README does not name is not there for its reader."""
    from nbprod.cli.main import COMMANDS

    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [
        name for name in COMMANDS if f"`nbprod {name}" not in text and f"`{name}`" not in text
    ] == []


def test_the_readme_draws_the_house_that_the_law_describes() -> None:
    """Every room stands in the picture, on its own floor, from the doors down to the ground."""
    law = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = law["tool"]["importlinter"]["contracts"][0]["layers"]
    floors = [[room.strip() for room in layer.split("|")] for layer in layers[1:]]
    built = [sorted(room for room in floor if not room.startswith("(")) for floor in floors]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    picture = readme.partition("<!-- house:begin -->")[2].partition("<!-- house:end -->")[0]
    drawn: list[list[str]] = [[]]
    for line in picture.splitlines():
        if "├" in line:
            drawn.append([])
        elif "│" in line:
            drawn[-1] += [room.strip() for room in line.split("│")[1:-1]]
    # the errors lie in the ground below everything: one floor in the picture, two in the law
    assert [sorted(floor) for floor in drawn] == [*built[:-2], sorted([*built[-2], *built[-1]])]


def test_the_committed_openapi_document_is_the_one_that_records_and_routes_make() -> None:
    """Types made from the file are true: whoever changes a record or a route writes it anew."""
    from nbprod.server import openapi

    written, made = openapi.FILE.read_text(encoding="utf-8"), openapi.text()
    assert written == made, "write it anew: python -m nbprod.server.openapi, and the types from it"
