"""Whole gates: real notebooks in real kernels, and the ways a gate must not lie."""

from __future__ import annotations

import dataclasses
import json
from xml.etree import ElementTree

import nbformat
import pytest

from nbprod.gates import gate_digest

GOOD = (
    "gates.check('auc', auc.value, '>= 0.7', rows=len(rows), low=auc.low, high=auc.high)",
    "gates.check('spread', float(p.std()), '>= 0.05', rows=len(rows), sabotage='constant')",
    (
        "for part in gates.slices(rows, 'city'):\n"
        "    a = gates.auc_interval(part.frame['late'], p[part.frame.index])\n"
        "    gates.check('auc', a.value, '>= 0.6', slice=part.where, rows=part.rows,\n"
        "                low=a.low, high=a.high)"
    ),
)


def codes(result) -> list[str]:
    return [item.code for item in result.findings if item.severity == "error"]


@pytest.fixture(scope="module")
def good(tmp_path_factory, shared_bundle, make_project):
    """A good candidate's gate beside an equal champion, run once, then again from its cache."""
    project = make_project(tmp_path_factory.mktemp("good"))
    project.notebook("quality", project.preamble, *GOOD)
    options = {
        "thresholds": {"auc": ">= 0.75", "auc[city]": ">= 0.7"},
        "baseline_rule": {"alias": "champion", "max_regression": 0.01},
        "min_slice": 200,
        "cache": project.folder / "cache",
    }
    told: list[list[tuple[str, float | None]]] = [[], []]
    first = project.gate(
        baseline=shared_bundle.folder, progress=lambda m, f: told[0].append((m, f)), **options
    )
    out = project.out
    again = project.gate(progress=lambda m, f: told[1].append((m, f)), **options)
    return project, first, out, again, told


def test_a_good_candidate_passes_and_every_check_was_shown_to_fail(good) -> None:
    """Checks pass by the project's thresholds, and each one noticed its sabotage."""
    project, result, _, _, _ = good
    assert result.findings == ()
    assert (result.verdict, result.passed) == ("passed", True)
    assert {(check.name, *check.slice.values()): check.threshold for check in result.checks} == {
        ("auc",): ">= 0.75",
        ("spread",): ">= 0.05",
        ("auc", "Bern"): ">= 0.7",
        ("auc", "Basel"): ">= 0.7",
        ("auc", "(pooled)"): ">= 0.7",
        ("auc vs champion",): ">= -0.01",
    }
    assert all(check.sabotage_caught is True for check in result.checks)
    assert result.candidate_digest == result.baseline_digest == project.bundle.digest
    assert set(result.inputs) >= {result.parity.id}


def test_the_evidence_is_written(good) -> None:
    """Executed notebooks, checks, JUnit, Markdown and HTML lie in the folder given."""
    _, result, out, _, _ = good
    executed = nbformat.read(out / result.notebooks["gates/quality.ipynb"], as_version=4)
    assert any("passed" in str(cell.get("outputs")) for cell in executed.cells)
    lines = (out / "checks.jsonl").read_text().splitlines()
    assert [json.loads(line)["name"] for line in lines] == [c.name for c in result.checks]
    suite = ElementTree.parse(out / "junit.xml").getroot()
    assert (suite.get("failures"), suite.get("tests")) == ("0", "7")
    assert "Gate passed" in (out / "report.md").read_text()
    assert "<html" in (out / "report.html").read_text()
    assert not list(out.rglob("*.parquet"))  # no copy of the rows is left behind


def test_progress_never_goes_back(good) -> None:
    """The fractions told rise, and stay in [0, 1]."""
    *_, told = good
    fractions = [fraction for _, fraction in told[0] if fraction is not None]
    assert fractions == sorted(fractions)
    assert 0 <= fractions[0] <= fractions[-1] <= 1


def test_controls_are_kept_between_gates_of_the_same_rows(good) -> None:
    """The second gate trusts the first one's negative controls, and says there is no champion."""
    _, first, _, again, told = good
    assert any("under shuffled_labels" in message for message, _ in told[0])
    assert not any("under" in message for message, _ in told[1])
    assert again.passed
    assert [item.code for item in again.findings] == ["NBG015"]
    assert again.gate_digest == first.gate_digest


@pytest.fixture(scope="module")
def bad(tmp_path_factory, make_project):
    """One gate with a notebook for each way of not being a proof."""
    project = make_project(tmp_path_factory.mktemp("bad"))
    start = "import pandas as pd\nfrom nbprod import gates\nrows = pd.read_parquet(snapshot)\n"
    related = "related = rows['x'].corr(rows['late'])\n"
    made = "gates.check('related', related, '>= 0.4', rows=len(rows))"
    project.notebook("hollow", f"{start}gates.check('rows', len(rows), '>= 10')")
    project.notebook("asserting", start + related, "assert related > 0.4", made)
    project.notebook("vanishing", start + related, f"if related > 0.4:\n    {made}")
    project.notebook("raising", start + related, made, "y = 1\nraise ValueError('no')")
    project.notebook("silent", "x = 1")
    project.notebook(
        "own",
        f"{start}size = 0 if gates.sabotage() == 'lost_rows' else len(rows)\n"
        "gates.check('coverage', size, '>= 1000', rows=size, sabotage='lost_rows')",
    )
    return project, project.gate()


def test_a_gate_with_anything_wrong_fails(bad) -> None:
    """Void checks, failed and silent notebooks each have their finding."""
    _, result = bad
    assert result.verdict == "failed"
    wrong = sorted((item.code, item.notebook) for item in result.findings if item.notebook)
    assert wrong == [
        ("NBG002", "gates/raising.ipynb"),
        ("NBG003", "gates/silent.ipynb"),
        ("NBG006", "gates/hollow.ipynb"),
        ("NBG006", "gates/vanishing.ipynb"),
    ]


def test_a_check_that_cannot_fail_is_void(bad) -> None:
    """Passing under the sabotage is void; raising under it is caught; vanishing is not."""
    _, result = bad
    assert {check.notebook[6:-6]: check.sabotage_caught for check in result.checks} == {
        "hollow": False,
        "asserting": True,
        "vanishing": False,
        "raising": True,
        "own": True,
    }


def test_a_failing_notebook_is_placed_and_kept(bad) -> None:
    """The finding names cell and line; the executed copy is there."""
    project, result = bad
    error = next(item for item in result.findings if item.code == "NBG002")
    assert (error.cell_id, error.line) == ("c2", 2)
    assert (project.out / result.notebooks["gates/raising.ipynb"]).exists()


TOKEN = "ghp_" + "4fJ9" * 9


@pytest.fixture(scope="module")
def stopped(tmp_path_factory, make_project):
    """One gate with a notebook that hangs, one that kills its kernel, one too hungry, one that tells."""
    project = make_project(tmp_path_factory.mktemp("stopped"))
    project.notebook("hanging", "import time", "time.sleep(600)")
    project.notebook("killed", "import os, signal", "os.kill(os.getpid(), signal.SIGKILL)")
    project.notebook(
        "hungry",
        "import time\nkept = bytearray(1500 * 1024**2)\nkept[:] = b'x' * len(kept)\ntime.sleep(60)",
    )
    project.notebook(
        "telling",
        "import pandas as pd\nfrom nbprod import gates\nrows = pd.read_parquet(snapshot)\n"
        "related = rows['x'].corr(rows['late'])\n"
        "gates.check('related', related, '>= 0.4', rows=len(rows))",
        "print('pushed with ghp_' + '4fJ9' * 9)",
    )
    return project, project.gate(timeout="25s", memory_mb=1200.0)


@pytest.mark.parametrize(
    ("name", "words", "cell_id"),
    [
        ("hanging", "stopped after 25 s", "c1"),
        ("killed", "the kernel died", "c1"),
        ("hungry", "more than its limit of 1,200 MB", "c0"),
    ],
)
def test_a_notebook_that_is_stopped_fails_the_gate(stopped, name, words, cell_id) -> None:
    """By its time-out, its own death or its memory; the finding names the cell and what to do."""
    _, result = stopped
    assert result.verdict == "failed"
    error = next(item for item in result.findings if item.notebook == f"gates/{name}.ipynb")
    assert (error.code, error.cell_id) == ("NBG002", cell_id)
    assert words in error.message
    assert error.hint


def test_the_executed_copy_begins_with_what_stopped_it(stopped, bad) -> None:
    """What happened, the failing cell with its output, then the whole notebook."""
    for (project, result), name in ((stopped, "hanging"), (bad, "raising")):
        copy = project.out / result.notebooks[f"gates/{name}.ipynb"]
        cells = nbformat.read(copy, as_version=4).cells
        assert cells[0].cell_type == "markdown"
        assert "This notebook stopped" in cells[0].source
        assert cells[1].outputs[-1].output_type == "error"
        assert len({cell.id for cell in cells}) == len(cells)
    assert "raise ValueError('no')" in cells[1].source


def test_a_secret_that_a_notebook_shows_fails_the_gate_and_is_kept_nowhere(stopped) -> None:
    """The cell is named; in the executed copy the token is masked."""
    project, result = stopped
    told = [item for item in result.findings if item.code == "NBG016"]
    assert [(item.notebook, item.cell_id) for item in told] == [("gates/telling.ipynb", "c1")]
    kept = [path for path in project.out.rglob("*") if path.is_file()]
    assert [path for path in kept if TOKEN.encode() in path.read_bytes()] == []
    copy = (project.out / result.notebooks["gates/telling.ipynb"]).read_text()
    assert "pushed with [masked]" in copy


def test_evidence_is_hashed_and_durations_are_told_apart(good) -> None:
    """Every file of the gate's folder but the record; notebooks and negative controls timed."""
    project, result, _out, again, _ = good
    assert set(result.files) >= {"report.html", "report.md", "junit.xml", "limitations.md"}
    assert set(result.files) >= set(result.notebooks.values())
    assert result.durations_s["sabotage"] > again.durations_s["sabotage"]
    assert result.snapshot_digest == project.run().snapshot.digest


def test_an_empty_gate_fails(project) -> None:
    """No notebook, or a pattern that lost its own, is a failed gate."""
    for patterns in ((), ("gates/*.ipynb",)):
        result = project.gate(gates=patterns)
        assert (result.verdict, set(codes(result))) == ("failed", {"NBG001"})


def test_the_bundle_must_be_the_runs_own(project, parity_of) -> None:
    """A gate over another bundle than the run made fails."""
    run = project.run()
    other = dataclasses.replace(run, candidate=dataclasses.replace(run.candidate, digest="f" * 64))
    result = project.gate(run=other, parity_report=parity_of("f" * 64))
    assert "NBG012" in codes(result)


def test_a_notebook_that_changes_the_rows_is_found_out(project) -> None:
    """Rows rewritten by a notebook fail the gate; so does a check that a spoiled cache vouches for.

    The notebook takes only the one parameter that it needs.
    """
    project.notebook(
        "cheat",
        "import pandas as pd\nfrom nbprod import gates\n"
        "rows = pd.read_parquet(snapshot)\nrows.head(900).to_parquet(snapshot)\n"
        "gates.check('one', 1, '>= 1')",
        parameters="snapshot = ''",
    )
    cache = project.folder / "cache"
    cache.mkdir()
    (cache / "sabotage.json").write_text('{"key": "x", "caught": [1]}')
    assert sorted(codes(project.gate(cache=cache))) == ["NBG006", "NBG012"]


def test_the_gate_digest_follows_what_judges_and_nothing_else(project) -> None:
    """Sources and thresholds change the digest; outputs of an opened notebook do not."""
    path = project.notebook("quality", "x = 1")
    names = ["gates/quality.ipynb"]
    first = gate_digest(project.settings(), names)
    node = nbformat.read(path, as_version=4)
    node.cells[1].outputs = [nbformat.v4.new_output("stream", text="seen")]
    node.cells[1].execution_count = 4
    nbformat.write(node, path)
    assert gate_digest(project.settings(), names) == first
    assert gate_digest(project.settings(thresholds={"auc": ">= 0.5"}), names) != first
    node.cells[1].source += "\n1"
    nbformat.write(node, path)
    assert gate_digest(project.settings(), names) != first
