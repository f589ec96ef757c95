"""nbprod's own gate notebooks: each one on a real candidate, and under every damage it names."""

from __future__ import annotations

import dataclasses

import pandas as pd
import pytest
from gate_project import TinyProject, graded, make_bundle, sorted_into

from nbprod.config import Envelope, Monitor
from nbprod.errors import ConfigError
from nbprod.gates import builtin_names, evaluate_gate
from nbprod.gates.builtin import notebook_path

OPTIONS = {
    "slices": {"by": ["city"], "sensitive": ["city"], "max_difference": 0.4, "resamples": 60},
    "performance": {"resamples": 100},
    "calibration": {"resamples": 60},
    "behaviour": {
        "directions": {"x": [1.0, "higher"]},
        "irrelevant": {"city": "Chur"},
        "always": [{"name": "large_x", "where": "x > 1", "low": 0.5, "share": 0.9}],
        "known_cases": [{"row": {"x": 4.0}, "low": 0.9}, {"row": {"x": -4.0}, "high": 0.1}],
    },
    "envelope": {"requests": 600, "at_most_s": 5.0, "as_of": "2026-01-03T12:00:00"},
}
EXPECTED = {
    "behaviour": {
        "answers_differ", "row_order", "one_by_one", "more_x_higher", "other_city", "large_x",
        "known_cases",
    },
    "calibration": {"bias", "calibration_gap", "slope_error"},
    "data": {"contract_failures", "repeated_rows", "psi", "label_shift"},
    "envelope": {"p99_ms", "cold_start_s", "memory_mb", "age_s"},
    "performance": {"auc", "brier_skill", "auc_over_champion", "brier_skill_over_champion"},
    "robustness": {"moved_by_noise", "jumps", "answers_with_gaps", "sound_at_the_edges"},
    "slices": {
        "skill", "selection_rate_difference_city", "true_positive_rate_difference_city",
        "false_positive_rate_difference_city",
    },
}  # fmt: skip


def test_there_is_a_notebook_for_each_question() -> None:
    """Seven questions; a name that is none of them is refused with the nearest one."""
    assert builtin_names() == sorted(f"nbprod:{name}" for name in EXPECTED)


@pytest.fixture(scope="module")
def result(tmp_path_factory, shared_bundle, make, make_project):
    """One gate that names all seven, beside a champion that learnt less."""
    folder = tmp_path_factory.mktemp("builtin")
    project = make_project(folder)
    champion = make(folder / "champion", noise=0.3)
    sample = folder / "training.parquet"
    project.holdout.rename(sample)
    project = make_project(folder)
    rows = pd.read_parquet(project.holdout)
    at = pd.Timestamp("2026-01-03T11:30:00", tz="UTC") - pd.to_timedelta(rows.index, unit="min")
    rows.assign(trip=rows.index, at=at).to_parquet(project.holdout)
    settings = project.settings(gates=("nbprod:*",), min_slice=200, parameters=OPTIONS)
    settings = dataclasses.replace(
        settings,
        data=dataclasses.replace(settings.data, key=("trip",), time="at"),
        notebooks=dataclasses.replace(settings.notebooks, gates=tuple(builtin_names())),
        envelope=Envelope(
            p99_ms=2000, peak_rps=20, memory_mb=4000, cold_start_s=300, freshness="1h"
        ),
        monitor=Monitor(drift={"*": 0.2}),
    )
    return project, evaluate_gate(
        settings,
        project.run(),
        bundle=project.bundle.folder,
        holdout=project.holdout,
        baseline=champion.folder,
        training=sample,
        parity=project.parity(),
        out=folder / "out",
    )


@pytest.mark.parametrize("name", EXPECTED)
def test_a_good_candidate_passes_it_and_each_check_was_shown_to_fail(result, name) -> None:
    """The checks it promises, all passed, every one with its sabotage caught."""
    _, gate = result
    wrong = [item for item in gate.findings if item.notebook == f"nbprod:{name}"]
    assert wrong == []
    checks = [item for item in gate.checks if item.notebook == f"nbprod:{name}"]
    assert {item.name for item in checks} == EXPECTED[name]
    assert {(c.name, c.verdict, c.sabotage_caught) for c in checks} == {
        (c.name, "passed", True) for c in checks
    }


def test_the_age_of_the_rows_is_the_newest_ones(result) -> None:
    """Half an hour before the moment that was asked about, of an hour that is allowed."""
    _, gate = result
    (age,) = [check for check in gate.checks if check.name == "age_s"]
    assert (age.value, age.threshold, age.sabotage) == (1800.0, "<= 3600", "stale_rows")


def test_small_groups_are_pooled_in_sight(result) -> None:
    """Zug is too small to be judged alone: it stands in the pool, and the interval is corrected."""
    _, gate = result
    skill = {c.slice["city"]: c for c in gate.checks if c.name == "skill"}
    assert set(skill) == {"Bern", "Basel", "(pooled)"}
    assert {c.tests for c in skill.values()} == {3}


@pytest.mark.parametrize(
    ("task", "parameters", "names"),
    [
        ("regression", {"performance": {"resamples": 60}}, {"r2", "mae_skill"}),
        ("ranking", {"performance": {"group": "list"}}, {"ndcg"}),
    ],
)
def test_performance_of_numbers_and_of_lists(tmp_path, task, parameters, names) -> None:
    """Regression and ranking have measures of their own, against thresholds and the champion."""
    graded().to_parquet(tmp_path / "holdout.parquet")
    bundle = make_bundle(tmp_path / "good", numbers=True)
    champion = make_bundle(tmp_path / "champion", numbers=True, noise=0.5)
    project = TinyProject(tmp_path, bundle, tmp_path / "holdout.parquet")
    settings = project.settings(gates=("nbprod:performance",), parameters=parameters)
    settings = dataclasses.replace(settings, model=dataclasses.replace(settings.model, task=task))
    gate = evaluate_gate(
        settings,
        project.run(),
        bundle=bundle.folder,
        holdout=project.holdout,
        baseline=champion.folder,
        parity=project.parity(),
        out=tmp_path / "out",
    )
    assert [item.message for item in gate.findings] == []
    assert {c.name for c in gate.checks} == names | {f"{name}_over_champion" for name in names}
    assert all(c.sabotage_caught for c in gate.checks)


def test_several_classes_are_judged_by_how_often_the_right_one_is_named(tmp_path) -> None:
    """Better than always naming the most frequent one, and than the champion."""
    kinds = ("low", "middle", "high")
    holdout = sorted_into(kinds)
    holdout.to_parquet(tmp_path / "holdout.parquet")
    bundle = make_bundle(tmp_path / "good", kinds=kinds)
    champion = make_bundle(tmp_path / "champion", kinds=kinds, noise=0.5)
    project = TinyProject(tmp_path, bundle, tmp_path / "holdout.parquet")
    parameters = {"performance": {"resamples": 60}}
    gate = project.gate(
        gates=("nbprod:performance",), parameters=parameters, baseline=champion.folder
    )
    assert [item.message for item in gate.findings] == []
    found = {check.name: check for check in gate.checks}
    assert set(found) == {"accuracy", "accuracy_over_champion"}
    most = holdout["late"].value_counts(normalize=True).max()
    assert found["accuracy"].threshold == f"> {most:.4f}"
    assert found["accuracy"].value > most + 0.1
    assert all(check.sabotage_caught for check in gate.checks)


def test_a_name_that_is_none_is_refused(project) -> None:
    """With the nearest one; nothing runs."""
    with pytest.raises(ConfigError, match="nbprod:performence") as error:
        project.gate(gates=("nbprod:performence",))
    assert "nbprod:performance" in error.value.hint
    with pytest.raises(ConfigError, match="does not have"):
        notebook_path(project.settings(), "nbprod:weather")


@pytest.mark.parametrize(
    ("parameters", "hint"),
    [({"performence": {}}, "'performance'"), ({"performance": {"gruop": "x"}}, "'group'")],
)
def test_parameters_that_no_notebook_takes_are_refused(project, parameters, hint) -> None:
    """Before any notebook runs, with "did you mean"."""
    with pytest.raises(ConfigError) as error:
        project.gate(gates=("nbprod:performance",), parameters=parameters)
    assert hint in error.value.hint
    assert not list(project.out.glob("notebooks/*"))
