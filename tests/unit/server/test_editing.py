"""Notebooks while they are edited: findings, fixes, the module as it would be; nothing runs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jupyter_rest import Server
from server_projects import CELLS, cells_of


def inspect(server: Server, cells: list[Any], path: str = "quick/train.ipynb") -> Any:
    answer = server.call("POST", "inspections", {"path": path, "cells": cells})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_unsaved_cells_are_inspected_and_nothing_of_them_runs(server: Server) -> None:
    """Roles, flow and findings of cells that are on no disk; their code is only read."""
    cells = cells_of({**CELLS, "data": f"open('ran', 'w').write('x')\n{CELLS['data']}"})
    found = inspect(server, cells, "quick/not-saved-yet.ipynb")["inspection"]
    assert [cell["role"] for cell in found["cells"]] == list(CELLS)
    assert found["flow"]["features"] == {"trips": "data"}
    assert not list(server.root.rglob("ran"))


def test_a_finding_has_its_line_and_the_role_that_mends_it(server: Server) -> None:
    """A name that only an untagged cell assigns: tag that cell; applied, the finding is gone."""
    cells = cells_of({**CELLS, "features": "\nX = trips[['km']] * FACTOR"})
    cells.insert(0, {"id": "loose", "source": "FACTOR = 3", "tags": []})
    found = inspect(server, cells)
    (finding,) = [f for f in found["inspection"]["findings"] if f["code"] == "NBX002"]
    assert (finding["cell_id"], finding["line"]) == ("features", 2)
    (fix,) = [fix for fix in found["fixes"] if fix["code"] == "NBX002"]
    assert fix["changes"][0]["cell_id"] == "loose"
    assert fix["title"] == f"Tag cell loose {fix['changes'][0]['tag']}"
    cells[0]["tags"] = [fix["changes"][0]["tag"]]
    again = inspect(server, cells)
    assert [f for f in again["inspection"]["findings"] if f["severity"] == "error"] == []
    assert again["fixes"] == []


def test_a_misspelt_role_and_a_notebook_without_roles_have_fixes(server: Server) -> None:
    """The role that was meant; or every role that is proposed, at one press."""
    cells = cells_of(CELLS)
    cells[1]["tags"] = ["nbprod:featres"]
    (fix,) = inspect(server, cells)["fixes"]
    assert fix["changes"] == [
        {"cell_id": "features", "role": "features", "tag": "nbprod:features", "reason": ""}
    ]
    bare = [{**cell, "tags": []} for cell in cells_of(CELLS)]
    answer = server.call("POST", "proposals", {"path": "quick/train.ipynb", "cells": bare})
    proposed = {told["cell_id"]: told["role"] for told in answer.json()["proposals"]}
    assert proposed.keys() == CELLS.keys()
    assert [proposed[name] for name in ("data", "train", "predict")] == ["data", "train", "predict"]


def test_the_module_is_previewed_with_the_cell_behind_each_line(server: Server) -> None:
    """Text, map of lines and difference from the disk; the disk stays as it is."""
    before = sorted((server.root / "quick").rglob("*"))
    body = {"path": "quick/train.ipynb", "cells": cells_of(CELLS)}
    shown = server.call("POST", "previews", body).json()
    features = next(file for file in shown["files"] if file["path"] == "features.py")
    lines = features["text"].splitlines()
    told = [
        (lines[run["line"] + n - 1].strip(), run["cell_id"], run["cell_line"] + n)
        for run in features["lines"]
        for n in range(run["count"])
    ]
    sources = {name: text.splitlines() for name, text in CELLS.items()}
    assert [cell for _, cell, _ in told if cell == "features"]
    for text, cell, line in told:
        assert text.endswith(sources[cell][line - 1].partition("=")[2].strip()[-4:])
    assert sorted((server.root / "quick").rglob("*")) == before
    broken = {**body, "cells": cells_of({**CELLS, "train": "model ="})}
    refused = server.call("POST", "previews", broken).json()
    assert refused["files"] == []
    assert refused["findings"][0]["cell_id"] == "train"


@pytest.mark.parametrize(
    "source",
    [
        "(" * 50_000,
        "x = " + "-" * 100_000 + "1",
        "f'" + "{" * 5_000,
        "\x00",
        "if 1:\n" + "".join(" " * n + "if 1:\n" for n in range(1, 200)),
        "<script>alert(1)</script>",
        "x = 'a' * 10**12",
        "def f():\n" + "    x = 1\n" * 20_000,
    ],
    ids=["parens", "minus", "f-string", "nul", "nested", "script", "huge", "long"],
)
def test_hostile_cells_are_answered_and_the_next_question_too(server: Server, source: str) -> None:
    """Findings or a refusal with a hint, never a crash; the server answers the next one."""
    cells = [*cells_of(CELLS), {"id": "hostile", "source": source, "tags": ["nbprod:lib"]}]
    body = {"path": "quick/train.ipynb", "cells": cells}
    answer = server.call("POST", "inspections", body)
    assert answer.status_code in (200, 422, 503, 504), answer.text
    assert answer.status_code == 200 or answer.json()["hint"]
    assert inspect(server, cells_of(CELLS))["inspection"]["cells"]


def test_what_is_shown_is_data_and_never_markup(server: Server) -> None:
    """JSON under a policy that runs nothing, and no type is guessed."""
    cells = cells_of({"lib": "</script><img src=x onerror=alert(1)> = 1"})
    answer = server.call("POST", "inspections", {"path": "quick/x.ipynb", "cells": cells})
    assert answer.headers["Content-Type"] == "application/json"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert json.loads(answer.text)["inspection"]["cells"][0]["first_line"].startswith("</script>")


def test_two_thousand_cells_are_looked_at_and_more_than_can_be_are_refused(server: Server) -> None:
    """A very long notebook is answered; one beyond the limit is told so."""
    shell = {"cell_type": "markdown", "tags": []}
    many = [{**shell, "id": f"c{n}", "source": f"# {n}"} for n in range(2000)]
    assert len(inspect(server, [*cells_of(CELLS), *many])["inspection"]["cells"]) == 2004
    more = {"path": "quick/x.ipynb", "cells": many * 3}
    refused = server.call("POST", "inspections", more)
    assert (refused.status_code, refused.json()["hint"]) == (413, "split the notebook")
