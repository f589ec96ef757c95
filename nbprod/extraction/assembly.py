"""The entry functions of the module, each a slice of the notebook between two of its values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbprod.extraction.data_entries import build_fit, build_load, build_split
from nbprod.extraction.dependence import tell_dependence
from nbprod.extraction.predict_entry import build_predict
from nbprod.extraction.rules import finding
from nbprod.extraction.training_entry import build_train
from nbprod.extraction.transform_entry import build_online, build_transform
from nbprod.extraction.workbench import Workbench

if TYPE_CHECKING:
    from nbprod.extraction.definitions import Definitions
    from nbprod.extraction.selection import Selection


def assemble(selection: Selection, definitions: Definitions, label: str) -> Workbench:
    """Every entry function that the notebook's cells give, in the workbench's ``result``.

    label: the label column, "" where it is not known.
    """
    work = Workbench(selection, definitions, label)
    build_train(work)
    build_transform(work)
    build_predict(work)
    build_online(work)
    build_fit(work)
    build_split(work)
    build_load(work)
    work.result.state = _ordered_state(work)
    _tell_unused(work)
    tell_dependence(work)
    return work


def _ordered_state(work: Workbench) -> list[str]:
    """Learned names as the notebook first assigns them, then frozen parameters as it lists them."""
    program = work.program
    frozen = [name for name in program.parameters if name in work.learned]
    frozen = [name for name in frozen if work.is_parameter(name, work.learned[name])]
    first: dict[str, int] = {}
    for piece in program.steps:
        for name in piece.names.binds:
            first.setdefault(name, piece.order)
    learned = [name for name in work.learned if name not in frozen]
    return [*sorted(learned, key=lambda name: (first[name], name)), *frozen]


def _tell_unused(work: Workbench) -> None:
    used = {id(piece) for entry in work.result.entries.values() for piece in entry.pieces}
    used |= work.anatomy.calls.keys() | work.repeated
    for piece in work.program.steps:
        if id(piece) not in used and not piece.notes.get("rows"):
            work.result.findings.append(
                finding(
                    "NBX010",
                    f"dropped: {piece.first_line} (nothing in the module needs it)",
                    cell_id=piece.cell_id,
                    line=piece.line,
                )
            )
