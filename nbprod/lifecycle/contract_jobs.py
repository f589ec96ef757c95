"""What the job that checks a table against the contract leaves out of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nbprod.data import sources

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nbprod.config import Settings
    from nbprod.records import DataContract


def of_training(
    project: Settings, rules: DataContract, columns: Iterable[str], uri: str
) -> list[str]:
    """Columns of a table that are no part of a caller's row, and yet not foreign to the project.

    What only training may know (the label), and what the training table has beside the inputs.
    Any other column that the contract does not name is an extra one.
    """
    inputs = {rule.name for rule in rules.input}
    others = [name for name in columns if name not in inputs]
    foreign = {name for name in others if name not in project.not_inputs}
    train = project.data.train
    if uri == train or not foreign or not rules.strict:
        return others
    if train:
        base = Path(project.project_path)
        foreign -= set(sources.load_frame(train, base=base, query=project.data.query).columns)
    return [name for name in others if name not in foreign]
