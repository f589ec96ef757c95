"""environment.yml and pyproject.toml name the same packages with the same bounds."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import yaml
from rattler import MatchSpec

ROOT = Path(__file__).parents[1]
CONDA_NAMES = {"python-duckdb": "duckdb"}


def _project() -> dict[str, str]:
    data = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pins = {}
    for text in data["dependencies"]:
        name, bounds = re.match(r"([\w.-]+)(.*)", text).groups()
        pins[name] = bounds.strip()
    return {**pins, "python": data["requires-python"]}


def _environment() -> tuple[dict[str, str], list[str]]:
    data = yaml.safe_load((ROOT / "environment.yml").read_text())
    conda, pip = {}, []
    for item in data["dependencies"]:
        if isinstance(item, dict):
            pip = item["pip"]
        elif item != "pip":
            spec = MatchSpec(item)  # refuses what conda could not read
            name = spec.name.as_package_name().normalized
            conda[CONDA_NAMES.get(name, name)] = item.partition(" ")[2]
    return conda, pip


def test_every_core_dependency_stands_in_environment_yml_with_the_same_bounds() -> None:
    """conda users and pip users get the same versions."""
    conda, pip = _environment()
    by_pip = {}
    for item in pip:
        name, bounds = re.match(r"([\w.-]+)(?:\[.*\])?(.*)", item).groups()
        by_pip[name] = bounds
    assert by_pip.pop("nbprod") == ""
    assert {**by_pip, **conda} == _project()


def test_environment_yml_asks_for_every_extra_but_tests_and_benchmarks() -> None:
    """The conda environment can walk the whole road."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    _, pip = _environment()
    named = next(re.search(r"\[(.*)\]", item)[1] for item in pip if item.startswith("nbprod"))
    assert set(named.split(",")) == set(extras) - {"test", "bench"}
