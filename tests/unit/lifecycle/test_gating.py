"""What a gate tells besides its verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbprod.config import load_settings
from nbprod.lifecycle import gating
from nbprod.lifecycle.project import Project
from nbprod.records import GateResult

if TYPE_CHECKING:
    from pathlib import Path


def test_a_passed_gate_says_what_it_wrote_and_what_comes_next(tmp_path: Path) -> None:
    """The page of limitations is new in the project's folder: it is named, and the next verb."""
    (tmp_path / "nbprod.toml").write_text(
        '[model]\nname = "trips"\nowner = "me@example.com"\n[notebooks]\ntrain = "n.ipynb"\n'
    )
    told: list[str] = []
    project = Project(load_settings(tmp_path), progress=lambda message, _: told.append(message))
    verdict = GateResult(
        passed=True, verdict="passed", candidate_digest="c", gate_digest="g", data_digest="d"
    )
    gating._what_follows(project, None, verdict)
    assert told == ["next: `nbprod release`"]
    kept = project.store.folder_of("gates", verdict.id)
    kept.mkdir(parents=True)
    (kept / "limitations.md").write_text("# What it is good for\n")
    gating._what_follows(project, None, verdict)
    assert str(tmp_path / "LIMITATIONS.md") in told[1]
    assert "What it is good for" in (tmp_path / "LIMITATIONS.md").read_text()
