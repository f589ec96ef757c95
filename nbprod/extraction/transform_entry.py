"""``transform(frame, state)``, ``transform_online(record, state)``: from rows to features."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from nbprod.extraction.arrays import as_frame
from nbprod.extraction.feature_chain import feature_chain
from nbprod.extraction.lineage import moves_rows
from nbprod.extraction.meanings import learns, mentions_column
from nbprod.extraction.positions import check_positions
from nbprod.extraction.rules import finding, refusal

if TYPE_CHECKING:
    from nbprod.extraction.pieces import Piece
    from nbprod.extraction.program import Value
    from nbprod.extraction.workbench import Workbench


def build_transform(work: Workbench) -> None:
    """Build transform(): from the training rows to the features that training reads."""
    if work.own_entry("transform", work.from_state) is not None:
        return
    if work.features is None:
        raise refusal(
            "NBX016",
            "no cell makes features that could be extracted",
            hint="tag the cells that turn rows into features: `nbprod tag NOTEBOOK CELL features`",
        )
    part = feature_chain(work, work.features, "train")
    if not work.frames(part):
        _refuse_without_rows(work.features)
    entry = work.entry("transform", part, work.features[0])
    work.bind(entry, part, work.frames(part), "state")
    entry.drop_label_safely = bool(work.label)
    as_frame(entry, part, work.features, work.program)
    for piece in part.pieces:
        _check_transform(work, piece)


def _refuse_without_rows(features: Value) -> NoReturn:
    """Features that come from fit cells alone would be the training rows', at every request."""
    name, writer = features
    raise refusal(
        "NBX023",
        f"{name} is made of what fit cells computed, not of rows that a transform could be given",
        hint="tag the cells that compute features of each row `features`; a fit cell only learns",
        cell_id=writer.cell_id if writer else None,
        line=writer.line if writer else None,
    )


def _check_transform(work: Workbench, piece: Piece) -> None:
    """A transform must not learn from the rows of a request, call others, or lose rows."""
    if learns(piece.node):
        raise refusal(
            "NBX021",
            f"features cell {piece.cell_id} line {piece.line} learns: `{piece.first_line}`",
            hint="fit it in a fit cell, and only .transform() in the features cell",
            cell_id=piece.cell_id,
            line=piece.line,
        )
    check_positions(work, piece)
    if called := work.anatomy.calls.get(id(piece)):
        raise refusal(
            "NBX023",
            f"cell {piece.cell_id} line {piece.line} calls {called}() among loose statements",
            hint="define transform() in the features cell as well",
            cell_id=piece.cell_id,
            line=piece.line,
        )
    names_label = set(piece.names.binds) <= work.anatomy.column.held_by and bool(piece.names.binds)
    if (
        work.label
        and not names_label
        and any(
            mentions_column(item, work.label, work.anatomy.column.held_by)
            for item in (piece, *_called(work, piece))
        )
    ):
        work.result.findings.append(
            finding(
                "NBX026",
                f"features read the label {work.label!r}: `{piece.first_line}`",
                hint="a request has no label; what is learned from it belongs in a fit cell",
                cell_id=piece.cell_id,
                line=piece.line,
            )
        )
    if what := moves_rows(piece.node):
        work.result.findings.append(
            finding(
                "NBX019",
                f"{what} in features may drop or move rows: `{piece.first_line}`;"
                " each row of a request wants an answer",
                hint="drop rows in a data cell; fill nulls in the features cell",
                cell_id=piece.cell_id,
                line=piece.line,
            )
        )


def _called(work: Workbench, piece: Piece) -> list[Piece]:
    """The notebook's functions that a statement uses, through others too."""
    reached = work.definitions.reach(piece.names.needs)
    found = [work.definitions.pieces[name] for name in reached]
    return [item for item in found if item.is_definition and f"if {work.label!r}" not in item.code]


def build_online(work: Workbench) -> None:
    """Take over transform_online(), where a features-online cell defines it."""
    if work.own_entry("transform_online", work.from_state) is not None:
        return
    defined = [p for p in work.definitions.pieces.values() if p.role == "features-online"]
    for piece in (*work.loose("features-online"), *defined)[:1]:
        raise refusal(
            "NBX023",
            f"cell {piece.cell_id} is tagged features-online, but defines no transform_online",
            hint="define `def transform_online(record, state)`, returning a dict of features",
            cell_id=piece.cell_id,
            line=piece.line,
        )
