"""The chain of verdicts: what was judged stays to be seen."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from nbprod.errors import ReleaseError
from nbprod.gates import gate_digest
from nbprod.lifecycle.judged import limitations_page, require_current, write_limitations
from nbprod.lifecycle.verdicts import chain_findings, newest_verdict
from nbprod.records import GateResult, sha256
from nbprod.store import RecordStore

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = "gates"


@pytest.fixture
def project(tmp_path: Path) -> SimpleNamespace:
    """What the chain needs of a project: its store, and settings with one gate notebook."""
    from nbprod.config import Model, Notebooks, Settings

    (tmp_path / "gates").mkdir()
    (tmp_path / "gates" / "a.py").write_text("x = 1\n")
    settings = Settings(
        project_path=str(tmp_path),
        model=Model(name="tiny", owner="me"),
        notebooks=Notebooks(train="t.ipynb", gates=("gates/*.py",)),
    )
    return SimpleNamespace(store=RecordStore(tmp_path / ".nbprod"), settings=settings)


def judge(project: SimpleNamespace, verdict: str = "failed", evidence: str = "seen") -> GateResult:
    """One more verdict behind the others, with a file of evidence."""
    record = GateResult(
        passed=verdict == "passed",
        verdict=verdict,
        candidate_digest="c" * 64,
        gate_digest=gate_digest(project.settings, ["gates/a.py"]),
        data_digest="d" * 64,
        files={"report.md": sha256(evidence)},
        notebooks={"gates/a.py": "notebooks/a.ipynb"},
        previous=newest_verdict(project),
    )
    folder = project.store.folder_of(FOLDER, record.id)
    folder.mkdir(parents=True)
    (folder / "report.md").write_text(evidence)
    project.store.save(FOLDER, record, as_folder=True)
    return record


def messages(project: SimpleNamespace) -> list[str]:
    return [item.message for item in chain_findings(project)]


def test_an_untouched_chain_has_no_findings(project) -> None:
    """Each names the one before it; none is fine, too."""
    assert chain_findings(project) == []
    first, second, third = (judge(project) for _ in range(3))
    assert first.previous == ""
    assert second.previous == f"{first.id} {first.digest}"
    assert third.previous == f"{second.id} {second.digest}"
    assert chain_findings(project) == []


@pytest.mark.parametrize("place", [0, 1])
def test_a_verdict_that_was_taken_away_is_missed(project, place) -> None:
    """Failed three times and passed once is not passed."""
    import shutil

    records = [judge(project), judge(project), judge(project, "passed")]
    shutil.rmtree(project.store.folder_of(FOLDER, records[place].id))
    [said] = messages(project)
    assert f"verdict {records[place].id}, before {records[place + 1].id}, was taken away" == said


def test_a_verdict_rewritten_with_its_digest_is_found_by_the_next(project) -> None:
    """Whoever forges record and digest together is found by the link."""
    first, second = judge(project), judge(project)
    path = project.store.folder_of(FOLDER, first.id) / "record.json"
    content = json.loads(path.read_text())
    content["record"] |= {"verdict": "passed", "passed": True}
    forged = GateResult.from_json(content["record"])
    path.write_text(json.dumps({**content, "digest": forged.digest}))
    assert messages(project) == [f"verdict {first.id} is not the one that {second.id} follows"]
    path.write_text(json.dumps(content))  # and without a new digest the store itself refuses
    assert any("not the record that was written" in said for said in messages(project))


def test_a_chain_begun_anew_is_found(project) -> None:
    """Two verdicts without one before them: what came before the second is missing."""
    import dataclasses

    judge(project)
    other = dataclasses.replace(judge(project), id="f" * 24, previous="", files={})
    project.store.save(FOLDER, other, as_folder=True)
    assert any("begins a chain anew" in said for said in messages(project))


@pytest.mark.parametrize("state", ["was changed", "is missing"])
def test_evidence_that_was_changed_is_named(project, state) -> None:
    """A report is what the gate wrote, or the verdict behind it is doubted."""
    record = judge(project)
    file = project.store.folder_of(FOLDER, record.id) / "report.md"
    file.unlink()
    if state == "was changed":
        file.write_text("all is well")
    assert messages(project) == [f"evidence of verdict {record.id} {state}: report.md"]


def test_a_verdict_holds_for_the_gate_that_gave_it(project, tmp_path) -> None:
    """A notebook edited or added since, or another threshold, asks for a new verdict."""
    record = judge(project, "passed")
    require_current(project, record)
    (tmp_path / "gates" / "a.py").write_text("x = 2\n")
    with pytest.raises(ReleaseError, match="the gate has changed"):
        require_current(project, record)
    (tmp_path / "gates" / "a.py").write_text("x = 1\n")
    (tmp_path / "gates" / "b.py").write_text("y = 1\n")
    with pytest.raises(ReleaseError, match=r"gates/b\.py is new"):
        require_current(project, record)


def test_the_limitations_page_is_the_verdicts_own(project, tmp_path) -> None:
    """The generated part of this verdict, the words of people; none where the gate left none."""
    record = judge(project, "passed")
    assert limitations_page(project, record) == ""
    write_limitations(project, record)
    assert not (tmp_path / "LIMITATIONS.md").exists()
    generated = project.store.folder_of(FOLDER, record.id) / "limitations.md"
    generated.write_text("<!-- nbprod:begin -->\none\n<!-- nbprod:end -->\n")
    write_limitations(project, record)
    page = tmp_path / "LIMITATIONS.md"
    page.write_text(page.read_text() + "\nNot for tandems.\n")
    generated.write_text("<!-- nbprod:begin -->\ntwo\n<!-- nbprod:end -->\n")
    assert "two" in limitations_page(project, record)
    assert limitations_page(project, record).endswith("\nNot for tandems.\n")
