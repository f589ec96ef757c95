"""What serving cannot know: columns no caller sends, and what happens after the prediction."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from nbprod.records import DataContract

# A column by one of these names is the label where nobody says which one is.
_CUSTOM = frozenset({"label", "labels", "target", "outcome", "ground_truth", "y_true", "y"})


def hidden_columns(
    rows: pd.DataFrame, contract: DataContract | None, named: Sequence[str]
) -> tuple[str, ...]:
    """The columns of the rows that no request has.

    Those that were named (the label, what is known only afterwards); with a contract, every
    column that is none of its inputs; without either, a column by a label's customary name.
    """
    known = [name for name in named if name]
    if contract is not None and contract.input:
        inputs = {rule.name for rule in contract.input}
        known += [str(name) for name in rows.columns if str(name) not in inputs]
    elif not known:
        plane = "x" in rows.columns  # beside x, y is a coordinate
        known = [
            str(name)
            for name in rows.columns
            if str(name).lower() in _CUSTOM and not (plane and name == "y")
        ]
    return tuple(dict.fromkeys(known))


def time_column(rows: pd.DataFrame, named: str) -> str:
    """The column that says when: the one named, else the only one of moments, where the rows
    stand in its order; "" where there is none."""
    if named:
        return named
    moments = [name for name in rows.columns if getattr(rows[name].dtype, "kind", "O") == "M"]
    if len(moments) != 1 or not isinstance(moments[0], str):
        return ""
    column = rows[moments[0]]
    return moments[0] if column.is_monotonic_increasing and column.nunique() > 1 else ""
