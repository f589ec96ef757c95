"""Where the module came from: its version, its manifest, and the notebook line behind a line."""

from __future__ import annotations

import ast
import functools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.errors import ExtractionError, NotFoundError
from nbprod.extraction.writing import recover
from nbprod.records import sha256

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MANIFEST = "nbprod.json"
FORMAT = 1


def code_version(files: Mapping[str, str | ast.Module]) -> str:
    """The digest of code that runs: comments, layout, files' docstrings and tests do not count.

    files: path in the package -> source, or its syntax. The same on every Python that can parse it.
    """
    told = {
        path: _code(_without_docstring(ast.parse(source) if isinstance(source, str) else source))
        for path, source in files.items()
        if path.endswith(".py") and not path.startswith("tests/")
    }
    # canonical_json's text: there are no numbers in it
    return sha256("{" + ",".join(f"{_json(path)}:{told[path]}" for path in sorted(told)) + "}")


def _json(told: Any) -> str:
    return json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _code(tree: ast.Module) -> str:
    """A file's code as canonical JSON, put together from that of its statements."""
    body = ",".join(map(_statement, tree.body))
    return '{"":"Module","body":[' + body + "]}" if body else '{"":"Module"}'


@functools.lru_cache(maxsize=4096)
def _statement(node: ast.stmt) -> str:
    return _json(_plain(node))


def _without_docstring(tree: ast.Module) -> ast.Module:
    """A file's code; its docstring names the notebook's file, and runs nothing."""
    if ast.get_docstring(tree, clean=False) is None:
        return tree
    return ast.Module(body=tree.body[1:], type_ignores=[])


def _plain(node: Any) -> Any:
    """A tree as plain data, without what only some versions of Python have: empty fields."""
    if isinstance(node, ast.AST):
        told: dict[str, Any] = {"": type(node).__name__}
        for name, value in ast.iter_fields(node):
            if name in ("kind", "type_comment", "type_ignores") or value is None or value == []:
                continue
            if isinstance(node, ast.JoinedStr) and name == "values":
                told[name] = _merged(value)
            else:
                told[name] = _plain(value)
        return told
    if isinstance(node, list):
        return [_plain(item) for item in node]
    if isinstance(node, str | bool | int) or node is None:
        return [type(node).__name__, str(node)]
    return [type(node).__name__, repr(node)]


def _merged(values: list[ast.expr]) -> list[Any]:
    """The parts of an f-string; neighbouring texts are one, as some versions of Python have it."""
    told: list[Any] = []
    text = ""
    for value in values:
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            text += value.value
            continue
        if text:
            told.append(["str", text])
            text = ""
        told.append(_plain(value))
    return [*told, ["str", text]] if text else told


def read_manifest(package_path: Path) -> dict[str, Any] | None:
    """The manifest of a generated package; None where there is none.

    ExtractionError when it cannot be read.
    """
    path = package_path / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ExtractionError(
            f"{path} cannot be read: {error}",
            hint="restore it from version control, or extract again with --force",
        ) from error
    if not isinstance(manifest, dict) or not isinstance(manifest.get("files"), dict):
        raise ExtractionError(
            f"{path} is not the manifest of a generated package",
            hint="restore it from version control, or extract again with --force",
        )
    if manifest.get("format") != FORMAT:
        raise ExtractionError(
            f"{path} has the format {manifest.get('format')!r}, this nbprod writes {FORMAT}",
            hint="update nbprod, or extract again with --force",
        )
    return manifest


def line_runs(lines: Iterable[tuple[int, str, int]]) -> list[list[Any]]:
    """Lines of a file with the cell line behind each, told by runs.

    A run is [first line of the file, cell id, line of the cell, how many lines].
    """
    runs: list[list[Any]] = []
    for line, cell, number in lines:
        if runs:
            first, last_cell, start, count = runs[-1]
            if cell == last_cell and line == first + count and number == start + count:
                runs[-1][3] += 1
                continue
        runs.append([line, cell, number, 1])
    return runs


def packed(text: str, runs: list[list[Any]], cells: Mapping[str, str]) -> list[str | list[int]]:
    """A generated text without what stands in the manifest anyway, for ``base_text`` to unfold.

    Its lines; where lines are those of their cell, [how many, by how much they are indented].
    """
    origins = origins_of(runs)
    split = {cell: cells.get(cell, "").split("\n") for cell, _ in origins.values()}
    told: list[str | list[int]] = []
    for number, line in enumerate(text.split("\n"), start=1):
        indent = _indented_by(line, _cell_line(origins.get(number), split))
        if indent is None:
            told.append(line)
        elif told and isinstance(told[-1], list) and told[-1][1] == indent:
            told[-1][0] += 1
        else:
            told.append([1, indent])
    return told


def base_text(manifest: Mapping[str, Any], path: str) -> str:
    """A file of the module as extraction wrote it, whatever became of it since.

    ExtractionError when the manifest does not hold it.
    """
    cells = {cell: told["source"] for cell, told in manifest.get("cells", {}).items()}
    origins = origins_of(manifest.get("lines", {}).get(path, []))
    split = {cell: source.split("\n") for cell, source in cells.items()}
    lines: list[str] = []
    for item in manifest.get("base", {}).get(path, []):
        if isinstance(item, str):
            lines.append(item)
            continue
        count, indent = item
        for _ in range(count):
            line = _cell_line(origins.get(len(lines) + 1), split) or ""
            lines.append(" " * indent + line if line else "")
    text = "\n".join(lines)
    if sha256(text) != manifest["files"].get(path):
        raise ExtractionError(
            f"{MANIFEST} does not hold {path} as extraction wrote it",
            hint=f"restore {MANIFEST} from version control",
        )
    return text


def origins_of(runs: list[list[Any]]) -> dict[int, tuple[str, int]]:
    """For the lines of a file that come from a cell, by number: the cell and its line."""
    return {
        first + offset: (cell, start + offset)
        for first, cell, start, count in runs
        for offset in range(count)
    }


def _cell_line(place: tuple[str, int] | None, cells: Mapping[str, Sequence[str]]) -> str | None:
    if place is None:
        return None
    lines = cells.get(place[0], ("",))
    return lines[place[1] - 1] if place[1] <= len(lines) else None


def _indented_by(line: str, original: str | None) -> int | None:
    """By how many spaces a line is the cell's line indented; None when it is another line."""
    if not original or not line.endswith(original):
        return None
    before = line[: len(line) - len(original)]
    return len(before) if not before.strip(" ") else None


def module_state(package_path: str | Path) -> dict[str, Any]:
    """What the package on disk is: {"version": ..., "edited": [paths], "entry_points": [...]}.

    ``edited`` lists generated files whose bytes are not those that extraction wrote, or that are
    gone. NotFoundError when no module was extracted there.
    """
    package_path = Path(package_path)
    recover(package_path, MANIFEST)
    manifest = read_manifest(package_path)
    if manifest is None:
        raise NotFoundError(
            f"no module was extracted to {package_path}",
            hint="run `nbprod extract`",
        )
    return {
        "version": str(manifest.get("version", "")),
        "edited": edited_files(package_path, manifest),
        "notebook": str(manifest.get("notebook", "")),
        "entry_points": list(manifest.get("entry_points", [])),
    }


def edited_files(package_path: Path, manifest: Mapping[str, Any]) -> list[str]:
    """Generated files that are not as they were written, or gone."""
    return sorted(
        path for path, digest in manifest["files"].items() if _digest(package_path / path) != digest
    )


def _digest(path: Path) -> str:
    try:
        return sha256(path.read_bytes())
    except OSError:
        return ""


def locate(package_path: str | Path, file: str | Path, line: int) -> tuple[str, int] | None:
    """The notebook cell and line behind a line of the module: (cell id, 1-based line), or None.

    file: a path in the package, or any path that ends in one. None for what extraction added.
    """
    package_path = Path(package_path)
    manifest = read_manifest(package_path) or {}
    lines: dict[str, list[list[Any]]] = manifest.get("lines", {})
    name = Path(file).as_posix()
    for path in sorted(lines, key=len, reverse=True):
        if name == path or name.endswith("/" + path):
            for first, cell_id, cell_line, count in lines[path]:
                if first <= line < first + count:
                    return str(cell_id), int(cell_line) + line - int(first)
            return None
    return None
