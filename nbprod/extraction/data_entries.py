"""``load``, ``split`` and ``fit``: what happens before features are computed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbprod.extraction.feature_chain import check_lineage
from nbprod.extraction.meanings import has_effect
from nbprod.extraction.rules import refusal

if TYPE_CHECKING:
    from nbprod.extraction.pieces import Piece
    from nbprod.extraction.workbench import Workbench


def build_fit(work: Workbench) -> None:
    """Build fit(): from the training rows to the values that serving reads."""
    own = work.own_entry("fit", work.from_parameters)
    if own is not None:
        _check_own_fit(work, own)
        return

    def stop(name: str, by: Piece | None, reader: Piece | None) -> bool:
        base = work.anatomy.base(name, by)
        if base == "train" or (base == "frame" and work.anatomy.tangled):
            return True
        if base:
            rows = "held-out rows" if base == "holdout" else "all rows"
            raise work.refuse_input(
                reader, name, f"learns from {rows} ({name})", "learn from the training rows alone"
            )
        if work.is_parameter(name, by):
            return True
        if by is None or by.role in ("", "fit", "features"):
            return False
        if by.role == "train" and work.anatomy.is_label_chain(name, by, any_of_it=False):
            return False  # an encoder of the label, which predict() reads
        if by.role == "data" and not work.makes_base(by):
            return False
        raise work.refuse_role(
            reader, name, by, "a fit cell is given the training rows and parameters: use these"
        )

    targets = [(name, by) for name, by in work.learned.items() if not work.is_parameter(name, by)]
    roots = [piece for piece in work.loose("fit") if has_effect(piece)]
    part = work.program.slice(targets, stop, roots=roots)
    if work.anatomy.tangled:
        check_lineage(work, part, "train", "fit")
    entry = work.entry("fit", part, "State")
    work.bind(entry, part, work.frames(part), "parameters")


def _check_own_fit(work: Workbench, own: Piece) -> None:
    """The notebook's own fit() must return a State that has all that serving reads."""
    if "State" not in work.definitions.pieces:
        raise refusal(
            "NBX023",
            f"cell {own.cell_id} defines fit(), but no cell defines the class State",
            hint="define `@dataclass class State` with what fit() learns, and return it;"
            " or write fit's statements without a function",
            cell_id=own.cell_id,
            line=own.line,
        )
    for name in work.learned:
        raise refusal(
            "NBX023",
            f"features or predictions read the parameter {name}, which is not in State",
            hint=f"add {name} to the State that fit() returns, and read state.{name}",
            cell_id=own.cell_id,
            line=own.line,
        )


def build_split(work: Workbench) -> None:
    """Build split(): from the frame to the training and the held-out rows."""
    if work.own_entry("split", work.from_parameters) is not None:
        return
    train, holdout = work.anatomy.train, work.anatomy.holdout
    if train is None or holdout is None or train == work.anatomy.frame:
        return

    def stop(name: str, by: Piece | None, reader: Piece | None) -> bool:
        if work.anatomy.base(name, by) == "frame" or work.is_parameter(name, by):
            return True
        if by is None or by.role in ("", "split"):
            return False
        if by.role == "data" and not work.makes_base(by):
            return False
        raise work.refuse_role(
            reader, name, by, "split right after the rows are loaded, before anything is learned"
        )

    roots = [piece for piece in work.loose("split") if has_effect(piece)]
    part = work.program.slice([train, holdout], stop, roots=roots)
    entry = work.entry("split", part, f"{train[0]}, {holdout[0]}")
    work.bind(entry, part, work.frames(part), "parameters")


def build_load(work: Workbench) -> None:
    """Build load(): from parameters to the frame."""
    if work.own_entry("load", work.from_parameters) is not None:
        return
    frame = work.anatomy.frame
    if frame is None:
        work.missing("data", "no cell loads the data")
        return

    def stop(name: str, by: Piece | None, reader: Piece | None) -> bool:
        if work.is_parameter(name, by):
            return True
        if by is None or by.role in ("", "data"):
            return False
        raise work.refuse_role(reader, name, by, "load and prepare the data from parameters alone")

    roots = [piece for piece in work.loose("data") if has_effect(piece)]
    part = work.program.slice([frame], stop, roots=roots)
    entry = work.entry("load", part, frame[0])
    work.bind(entry, part, {}, "parameters")
