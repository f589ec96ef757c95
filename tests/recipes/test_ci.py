"""The ci recipe: its script passes the good notebook and stops twelve sabotaged ones, each where it must.

The road is walked once; a sabotage is done to a copy of what was walked so far, and the script goes
on from there, as a later job of a workflow does.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from command import nbprod

RECIPE = Path(__file__).parents[2] / "recipes" / "ci"
EXPECTED = json.loads((RECIPE / "expected.json").read_text())
STAGES = EXPECTED["stages"]
SABOTAGES = EXPECTED["sabotages"]
APPROVAL = {"APPROVED_BY": "head-of-parcels@example.com", "REASON": "looked at the review page"}


@dataclasses.dataclass(frozen=True)
class Walk:
    """One call of the script: its exit code and all it said."""

    code: int
    said: str


def road(folder: Path, *stages: str, **environ: str) -> Walk:
    """Run the recipe's script as CI does; the command line is this interpreter's."""
    done = subprocess.run(
        ["./road.sh", *stages],
        cwd=folder,
        env={
            **os.environ,
            "NBPROD": f"{sys.executable} -m nbprod",
            "NO_COLOR": "1",
            "COLUMNS": "160",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            **environ,
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=590,
        check=False,
    )
    return Walk(done.returncode, done.stdout)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project as its author commits it: the module and the contract lie beside the notebook."""
    folder = tmp_path_factory.mktemp("ci") / "project"
    assert nbprod("init", "--recipe", "ci", str(folder), cwd=Path.cwd()).code == 0
    for verb in (["extract"], ["contract", "infer"]):
        result = nbprod(*verb, cwd=folder)
        assert result.code == 0, result.err
    return folder


@pytest.fixture(scope="module")
def judged(desk: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The good notebook, checked, trained and gated by the script; and the job summary it wrote."""
    folder = tmp_path_factory.mktemp("judged") / "project"
    shutil.copytree(desk, folder)
    summary = folder.parent / "summary.md"
    walk = road(folder, "check", "train", "gate", GITHUB_STEP_SUMMARY=str(summary))
    assert walk.code == 0, walk.said
    return folder, summary.read_text()


def copy_of(folder: Path, tmp_path: Path) -> Path:
    target = tmp_path / "project"
    shutil.copytree(folder, target)
    return target


def sabotage(folder: Path, name: str) -> None:
    subprocess.run([sys.executable, "sabotage.py", name], cwd=folder, check=True)


def test_the_good_notebook_is_released(judged: tuple[Path, str], tmp_path: Path) -> None:
    """All stages pass, the verdict stands in the job's summary, and the release verifies."""
    folder, summary = judged
    assert "Gate passed" in summary
    walk = road(copy_of(folder, tmp_path), "approve", "release", **APPROVAL)
    assert walk.code == 0, walk.said
    assert (tmp_path / "project" / ".nbprod" / "releases" / "1" / "release.json").exists()


def test_every_sabotage_has_its_stage_and_code() -> None:
    """Twelve of them; the recipe's own list and the script's stages agree with expected.json."""
    listed = subprocess.run(
        [sys.executable, "sabotage.py"], cwd=RECIPE, capture_output=True, text=True, check=False
    ).stderr
    assert len(SABOTAGES) == 12
    assert set(listed.partition("one of: ")[2].strip().split(", ")) == set(SABOTAGES)
    assert {item["stage"] for item in SABOTAGES.values()} <= set(STAGES)


@pytest.mark.parametrize("name", SABOTAGES)
def test_a_sabotaged_road_is_stopped(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """At its stage, with its code, in words that name what is wrong; nothing is released."""
    expected = SABOTAGES[name]
    early = expected["stage"] in ("check", "train") or expected.get("from") == "train"
    source = request.getfixturevalue("desk") if early else request.getfixturevalue("judged")[0]
    folder = copy_of(source, tmp_path)
    sabotage(folder, name)
    first = STAGES.index(expected.get("from", expected["stage"]))
    last = STAGES.index(expected["stage"])
    # An approval is given to what was judged: sabotage after it must not profit from it.
    given = ("approve",) if expected["stage"] == "release" and name != "unapproved_high_risk" else ()
    environ = dict(APPROVAL) if given else {}
    if name == "unknown_parameter":
        environ["TRAIN_PARAMETERS"] = "regularization 0.1"
    walk = road(folder, *given, *STAGES[first : last + 1], **environ)
    assert walk.code == expected["code"], walk.said
    assert expected["says"] in walk.said, walk.said
    if given:
        stopped_at = "approve" if "stopped at approve" in walk.said else "release"
    else:
        stopped_at = expected["stage"]
    assert f"stopped at {stopped_at}, exit code {expected['code']}" in walk.said
    assert not (folder / ".nbprod" / "releases").exists()
    if name == "secret_in_output":  # what a gate notebook printed is masked wherever it is kept
        token = ("ghp_" + "4fJ9" * 9).encode()
        kept = [path for path in (folder / ".nbprod").rglob("*") if path.is_file()]
        assert [path for path in kept if token in path.read_bytes()] == []


def test_a_stage_that_is_none_is_refused(tmp_path: Path) -> None:
    """Exit 2, with the stages there are."""
    walk = road(copy_of(RECIPE, tmp_path), "deploy")
    assert (walk.code, "check, train, gate, approve, release" in walk.said) == (2, True)


def test_the_workflow_calls_the_script_and_nothing_else() -> None:
    """Every stage is run by some job, through ./road.sh alone; jobs follow each other."""
    text = (RECIPE / ".github" / "workflows" / "road.yml").read_text()
    jobs = yaml.safe_load(text)["jobs"]
    runs = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    calls = [run.split() for run in runs if not run.startswith("pip install nbprod")]
    assert all(call[0] == "./road.sh" for call in calls)
    assert [stage for call in calls for stage in call[1:]] == STAGES
    assert [job.get("needs") for job in jobs.values()] == [None, "check", "gate"]
