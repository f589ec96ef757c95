"""``tests/conftest.py``: the notebook's values for its tests, as the module makes them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from nbprod.extraction.imports import ImportLine, import_block
from nbprod.extraction.proof.planning import plan_from

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nbprod.extraction.placement import Placement
    from nbprod.extraction.proof.plan import Expected
    from nbprod.extraction.workbench import Workbench
    from nbprod.notebook.document import Document

_PARAMETERS = "_Parameters()"
# A stage of the road -> the stages it needs, and what it is; {label} is the label's name.
_STAGES: dict[str, tuple[tuple[str, ...], str]] = {
    "road_frame": ((), f"_load({_PARAMETERS})"),
    "road_rows": (("road_frame",), f"_split(road_frame.copy(), {_PARAMETERS})"),
    "road_state": (("road_rows",), f"_fit(road_rows[0].copy(), {_PARAMETERS})"),
    "road_features": (
        ("road_rows", "road_state"),
        '_transform(road_rows[0].drop(columns={label}, errors="ignore"), road_state)',
    ),
    "road_holdout_features": (
        ("road_rows", "road_state"),
        '_transform(road_rows[1].drop(columns={label}, errors="ignore"), road_state)',
    ),
    "road_model": (
        ("road_rows", "road_features"),
        f"_train(road_features.copy(), road_rows[0][{{label}}], {_PARAMETERS})",
    ),
    "road_predictions": (
        ("road_model", "{predicted}", "road_state"),
        "_predict(road_model, {predicted}, road_state)",
    ),
}
_HOMES = {
    "_load": "data",
    "_split": "data",
    "_fit": "features",
    "_transform": "features",
    "_train": "training",
    "_predict": "inference",
    "_Parameters": "parameters",
}


class RoadValues:
    """The values of a notebook that its tests may read, by name; each with the stage it is of."""

    def __init__(self, work: Workbench, placement: Placement, document: Document) -> None:
        plan = plan_from(document, work, placement)
        self.label = work.label
        self._entries = frozenset(work.result.entries) | {"fit"}
        self._predicted = (
            "road_holdout_features" if plan.predicted == "holdout" else "road_features"
        )
        self.of: dict[str, str] = {}  # name -> the expression that gives it
        for value in plan.values:
            expression = self._expression(value)
            stage = _stage_of(expression)
            if expression and (not stage or self._can_make(stage)):
                self.of[value.name] = expression

    def _expression(self, value: Expected) -> str:
        if value.role == "parameter":
            return f"{_PARAMETERS}.{value.local}"
        if value.role == "state":
            return f"road_state.{value.local}" if value.local else "road_state"
        if value.role == "features":
            return "road_holdout_features" if value.rows == "holdout" else "road_features"
        return {
            "frame": "road_frame",
            "train": "road_rows[0]",
            "holdout": "road_rows[1]",
            "model": "road_model",
            "predictions": "road_predictions",
        }.get(value.role, "")

    def _stage(self, name: str) -> tuple[list[str], str]:
        needs, expression = _STAGES[name]
        if name == "road_rows" and "split" not in self._entries:
            expression = "(road_frame, road_frame)"
        told = {"label": json.dumps(self.label), "predicted": self._predicted}
        return [item.format(**told) for item in needs], expression.format(**told)

    def _can_make(self, stage: str) -> bool:
        """Whether the module has all functions that a stage is made by."""
        needs, expression = self._stage(stage)
        called = expression.partition("(")[0].removeprefix("_")
        if called and called not in self._entries:
            return False
        return "''" not in expression and all(map(self._can_make, needs))

    def conftest(self, names: Iterable[str]) -> str:
        """The source of fixtures for these names, without a header."""
        wanted = sorted(names)
        stages = self._stages(wanted)
        body = ""
        for stage in stages:
            needs, expression = self._stage(stage)
            body += f'\n\n@pytest.fixture(scope="session")\ndef {stage}({", ".join(needs)}):\n'
            body += f"    return {expression}\n"
        for name in wanted:
            value = self.of[name]
            body += f"\n\n@pytest.fixture\ndef {name}({_stage_of(value)}):\n"
            body += f"    return deepcopy({value})\n"
        used = {name for name in _HOMES if f"{name}(" in body}
        imports = {ImportLine("pytest"), ImportLine("copy", "deepcopy")}
        imports |= {ImportLine(f"..{_HOMES[name]}", name[1:], name) for name in used}
        docstring = "The notebook's values, for its tests: what the module makes of its data."
        return f'"""{docstring}"""\n\n{import_block(imports)}\n{body}'

    def _stages(self, names: Iterable[str]) -> list[str]:
        pending = [_stage_of(self.of[name]) for name in names]
        found: set[str] = set()
        while pending:
            stage = pending.pop()
            if stage in _STAGES and stage not in found:
                found.add(stage)
                pending += self._stage(stage)[0]
        return [stage for stage in _STAGES if stage in found]


def _stage_of(expression: str) -> str:
    """The stage that a value is taken from; "" for a parameter."""
    return expression.partition(".")[0].partition("[")[0] if expression[:5] == "road_" else ""
