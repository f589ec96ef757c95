"""A notebook's text and its cells in nbformat's shape, one made of the other.

nbformat 4 is plain JSON and is read as such, so that every byte of meaning can be given back;
older notebooks are upgraded by nbformat, text notebooks are jupytext's.
"""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING, Any, cast

from nbprod.errors import NotebookError
from nbprod.imports import leave_out_slow_imports

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# What jupytext reads; anything else is taken for an .ipynb.
_TEXT_SUFFIXES = frozenset({".py", ".md", ".markdown", ".rmd", ".qmd"})


def content_of(path: Path, text: str) -> dict[str, Any]:
    """The notebook that a file's text holds, as nbformat 4; NotebookError if it holds none."""
    if path.suffix.lower() in _TEXT_SUFFIXES:
        return _text_content(path, text)
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        ended = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated")
        cut = "is cut off" if ended else "is not valid JSON"
        raise NotebookError(
            f"{path} {cut} at line {error.lineno}: {error.msg}"
            if text.strip()
            else f"{path} is empty",
            hint="restore the notebook from version control or from .ipynb_checkpoints",
            notebook=str(path),
        ) from error
    if not isinstance(content, dict) or not {"cells", "worksheets"} & set(content):
        raise NotebookError(
            f"{path} is JSON, but not a notebook",
            hint="a notebook is a JSON object with a list of cells; give an .ipynb file",
            notebook=str(path),
        )
    version = content.get("nbformat", 4)
    if "cells" not in content or (isinstance(version, int) and version < 4):
        content = _upgraded(path, text)
    if told := _misshapen(content):
        raise NotebookError(
            f"{path} is not a notebook: {told}",
            hint="restore the notebook from version control or from .ipynb_checkpoints",
            notebook=str(path),
        )
    return cast("dict[str, Any]", content)


def _misshapen(content: Mapping[str, Any]) -> str:
    """What is not as nbformat has it, of the parts that are read here; "" when all is."""
    cells = content["cells"]
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        return "its cells are not a list of objects"
    for number, cell in enumerate(cells, start=1):
        source = cell.get("source", "")
        if not isinstance(source, str) and not (
            isinstance(source, list) and all(isinstance(line, str) for line in source)
        ):
            return f"the source of its cell {number} is not text"
    metadata = [content.get("metadata"), *(cell.get("metadata") for cell in cells)]
    if not all(isinstance(item, dict | None) for item in metadata):
        return "metadata is not an object"
    kernel = [(metadata[0] or {}).get(name) for name in ("kernelspec", "language_info")]
    if not all(isinstance(item, dict | None) for item in kernel):
        return "its kernelspec or language_info is not an object"
    return ""


def _upgraded(path: Path, text: str) -> dict[str, Any]:
    """An older notebook as nbformat 4, without the random ids that the upgrade would give."""
    leave_out_slow_imports()
    import nbformat

    try:
        content: dict[str, Any] = nbformat.reads(text, as_version=4)
    except Exception as error:  # whatever an unreadable file makes nbformat raise
        raise NotebookError(
            f"{path} is not a notebook that nbformat understands: {error}",
            hint="open it in Jupyter and save it again",
            notebook=str(path),
        ) from error
    for cell in content["cells"]:
        cell.pop("id", None)
    return content


def _text_content(path: Path, text: str) -> dict[str, Any]:
    leave_out_slow_imports()
    import jupytext

    try:
        with warnings.catch_warnings():
            # ids that nbformat draws may be alike, once in a million notebooks: they are not kept
            warnings.filterwarnings("ignore", "Non-unique cell id")
            content: dict[str, Any] = jupytext.reads(text, fmt={"extension": path.suffix})
    except Exception as error:  # whatever an unreadable file makes jupytext raise
        raise NotebookError(
            f"{path} is not a notebook that jupytext understands: {error}",
            hint="jupytext --test says where; or give an .ipynb file",
            notebook=str(path),
        ) from error
    for cell in content["cells"]:
        cell.pop("id", None)  # jupytext draws new ones at every reading
    return content


def check_language(content: Mapping[str, Any], path: Path) -> None:
    """NotebookError for a notebook in another language than Python.

    Its kernelspec tells, else its language_info; a notebook that has neither is Python's.
    """
    metadata = content.get("metadata") or {}
    language = (metadata.get("kernelspec") or {}).get("language") or (
        metadata.get("language_info") or {}
    ).get("name", "python")
    if str(language).lower() not in ("python", "ipython", "python3"):
        raise NotebookError(
            f"{path} is a notebook in {language}, not in Python",
            hint="nbprod carries Python notebooks into production; if this is one, choose a Python"
            " kernel for it and save it",
            notebook=str(path),
        )


def rendered(path: Path, text: str, content: dict[str, Any]) -> str:
    """The text of a changed notebook, in the format and indent of the text that it was."""
    if path.suffix.lower() in _TEXT_SUFFIXES:
        import jupytext

        # A text without cell metadata is read with "keep none"; tags must be kept now.
        metadata = content["metadata"].setdefault("jupytext", {})
        if metadata.get("cell_metadata_filter") == "-all":
            metadata["cell_metadata_filter"] = "tags,-all"
        return str(jupytext.writes(content, fmt={"extension": path.suffix}))
    second = text.split("\n", 2)[1] if "\n" in text else ""
    indent = len(second) - len(second.lstrip()) or None
    end = "\n" if text.endswith("\n") else ""
    return json.dumps(content, ensure_ascii=False, indent=indent) + end
