"""`%load_ext nbprod` in a real kernel: the command line, its record as a report in the output."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import nbformat
import pytest
from server_projects import write_project

from nbprod import records
from nbprod.notebook import execute_notebook

CELLS = [
    "%load_ext nbprod",
    "%nbprod extract",
    "found = %nbprod inspect\nprint(type(found.record).__name__, found.passed)",
    "try:\n    get_ipython().run_line_magic('nbprod', 'gate')\n"
    "except Exception as error:\n    print(type(error).__name__, error.hint)",
    "%nbprod --help",
    "print('the kernel still prints')",
]


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> list[list[Any]]:
    """What each of the cells above left in a notebook beside a project."""
    project = write_project(tmp_path_factory.mktemp("magics") / "project")
    node = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in CELLS])
    nbformat.write(node, project / "notes.ipynb")
    execute_notebook(project / "notes.ipynb", project / "out.ipynb", parameters={}, cwd=project)
    cells = json.loads((project / "out.ipynb").read_text())["cells"]
    return [cell["outputs"] for cell in cells]


def _text(outputs: list[Any]) -> str:
    return "".join("".join(item.get("text", "")) for item in outputs)


def test_a_record_is_shown_as_its_report_in_a_frame_that_runs_nothing(outputs: Any) -> None:
    """HTML for a browser, the terminal's text for everything else."""
    (result,) = [item for item in outputs[1] if item["output_type"] == "execute_result"]
    page = "".join(result["data"]["text/html"])
    assert page.startswith("<iframe sandbox srcdoc=")
    assert "&lt;!doctype html&gt;" in page
    assert "<script" not in page
    text = "".join(result["data"]["text/plain"])
    assert "features.transform" in text
    assert "\x1b" not in text


def test_what_a_command_gave_can_be_kept(outputs: Any) -> None:
    """A record of its own class, and the verdict of its exit code."""
    assert _text(outputs[2]) == "Inspection True\n"


def test_an_error_is_raised_with_its_own_class_and_hint(outputs: Any) -> None:
    """What the command line says on exit 3, as an exception of Python."""
    assert _text(outputs[3]) == "NotFoundError run `nbprod train`\n"


def test_help_is_text_and_the_kernel_keeps_its_output(outputs: Any) -> None:
    """No option is swallowed, and nothing of the kernel's streams is changed."""
    assert "Usage: nbprod" in _text(outputs[4])
    assert _text(outputs[5]) == "the kernel still prints\n"
    assert all(item["output_type"] != "error" for cell in outputs for item in cell)


def test_no_two_kinds_of_record_have_the_same_fields() -> None:
    """A record is known by its fields: what the magic shows is of the right kind."""
    kinds = [
        kind
        for kind in vars(records).values()
        if dataclasses.is_dataclass(kind) and issubclass(kind, records.Record)
    ]
    fields = {kind.__name__: frozenset(kind.__dataclass_fields__) for kind in kinds}
    assert len(set(fields.values())) == len(fields)
