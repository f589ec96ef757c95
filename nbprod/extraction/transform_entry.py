"""``transform(frame, state)``, ``predict(model, features, state)``: what serving runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from nbprod.extraction.arrays import as_frame
from nbprod.extraction.chains import different_step
from nbprod.extraction.hoisting import holds_statistic
from nbprod.extraction.lineage import moves_rows
from nbprod.extraction.meanings import (
    has_effect,
    learns,
    mentions_column,
    reads_only_columns,
    reads_only_index,
)
from nbprod.extraction.output import find_output, reads_label
from nbprod.extraction.positions import check_positions
from nbprod.extraction.rules import finding, refusal
from nbprod.extraction.training_entry import one_frame_of_features

if TYPE_CHECKING:
    from nbprod.extraction.pieces import Piece
    from nbprod.extraction.program import Slice, Stop, Value
    from nbprod.extraction.workbench import Workbench

_WRONG_ROWS = {
    "frame": "makes features from all rows, held-out ones included",
    "holdout": "makes features of training rows from held-out rows",
    "train": "makes features of held-out rows from training rows",
}


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
    part = _chain(work, work.features, "train")
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


def _chain(work: Workbench, target: Value, rows: str, *, compared: bool = False) -> Slice:
    """The statements that lead from rows to features, for the training or held-out rows.

    compared: with another chain; which columns the features have is the same for both then.
    """

    def stop(name: str, by: Piece | None, reader: Piece | None) -> bool:
        if compared and by is not None and _only_names_columns(work, by):
            return True
        base = work.anatomy.base(name, by)
        if base and work.anatomy.stands_for(base, rows):
            return True
        if base:
            raise work.refuse_input(
                reader,
                name,
                f"{_WRONG_ROWS[base]} ({name})",
                "learn it in a fit cell, and read that",
            )
        if work.is_parameter(name, by):
            work.learned.setdefault(name, by)
            return True
        if by is None or by.role in ("", "features"):
            return False
        if work.is_state(by):
            return True
        if by.role in ("fit", "data"):
            work.keep(name, by, reader)
            return True
        raise work.refuse_role(
            reader, name, by, "a transform is given rows and what fit cells learned"
        )

    part = work.program.slice([target], stop)
    if work.anatomy.tangled:
        check_lineage(work, part, rows, "features")
    return part


def _only_names_columns(work: Workbench, piece: Piece) -> bool:
    """Whether a features statement takes nothing but column names of the rows it reads."""
    frames = [
        name
        for name in work.program.needs(piece)
        if work.rows(name, work.program.writer(piece, name))
    ]
    named = [name for name in frames if reads_only_columns(piece, name)]
    return piece.role == "features" and bool(frames) and named == frames


def _of_features(work: Workbench, piece: Piece) -> bool:
    """Whether the columns that a statement names are those of the features."""
    frames = [
        (name, by)
        for name in work.program.needs(piece)
        if work.rows(name, by := work.program.writer(piece, name))
    ]
    return frames == [work.features]


def check_lineage(work: Workbench, part: Slice, rows: str, role: str) -> None:
    """After a late split, statements must not mix the chosen rows with all rows.

    A fit cell must read chosen rows only; a features cell may make features of all rows.
    """
    for piece in part.pieces:
        if piece.role != role or piece.notes.get("rows"):
            continue
        made_of = {
            name: work.rows(name, work.program.writer(piece, name))
            for name in work.program.needs(piece)
            if not reads_only_columns(piece, name)
        }
        kinds = frozenset[str]().union(*made_of.values())
        if role == "fit" and kinds == {"frame"}:
            _tell_all_rows(work, piece)
            continue
        wrong = kinds - {rows} if rows in kinds or role == "fit" else frozenset[str]()
        for name, kind in made_of.items():
            if kind & wrong:
                raise work.refuse_input(
                    piece,
                    name,
                    f"reads all rows ({name}) where only the {rows} rows may be read",
                    "compute it from the training rows in a fit cell",
                )


def _tell_all_rows(work: Workbench, piece: Piece) -> None:
    """Warn of what the cells learn before they split: in the module it is learned afterwards."""
    names = piece.names.mutates or piece.names.binds
    learned = ", ".join(names) or piece.first_line
    work.result.findings.append(
        finding(
            "NBX052",
            f"{learned} learns from all rows, held-out ones included: `{piece.first_line}`",
            hint="the module learns it from the training rows alone; split first, to have the same"
            " in the notebook",
            cell_id=piece.cell_id,
            line=piece.line,
        )
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


# ---------------------------------------------------------------- prediction


def build_predict(work: Workbench) -> None:
    """Build predict(): from the model and features to the last frame that predict cells assign."""
    if work.own_entry("predict", work.from_state) is not None:
        return
    pieces = work.loose("predict")
    if not pieces:
        work.missing("predict", "no cell predicts")
        return
    output, returned = find_output(work, pieces)
    found: dict[str, Piece | None] = {}
    indexed: dict[str, Piece | None] = {}
    roots = [piece for piece in pieces if has_effect(piece) and not reads_label(work, piece)]
    part = work.program.slice([output], _stop(work, found, indexed), roots=roots)
    _check_features(work, found, pieces)
    entry = work.entry("predict", part, output[0])
    arguments = dict.fromkeys([*found, *indexed], "features")
    if work.model in part.inputs:
        arguments[work.model] = "model"
    work.bind(entry, part, arguments, "state")
    entry.result = returned.format(entry.result)


def _stop(
    work: Workbench, found: dict[str, Piece | None], indexed: dict[str, Piece | None]
) -> Stop:
    """Where prediction's slice ends; the frames it reads as features are noted in ``found``."""

    def stop(name: str, by: Piece | None, reader: Piece | None) -> bool:
        if work.is_parameter(name, by):
            work.learned.setdefault(name, by)
            return True
        if by is None or by.role in ("", "predict"):
            return False
        if (name == work.model and by.role == "train") or work.is_state(by):
            return True
        if by.role == "train" and work.anatomy.is_label_chain(name, by):
            work.keep(name, by, reader)  # an encoder of the label: fit() learns it too
            return True
        if reader is not None and reader.role == "features" and (name, by) == work.features:
            indexed[name] = by  # for its columns: _only_names_columns
            return True
        other = bool(work.rows(name, by)) and (name, by) != work.features
        if other and reader is not None and reads_only_index(reader, name):
            indexed[name] = by
            return True
        if work.is_transformed(by) or work.rows(name, by):
            found[name] = by
            return True
        if by.role in ("fit", "data"):
            work.keep(name, by, reader)
            return True
        if _only_names_columns(work, by) and _of_features(work, by):
            return False  # columns = [c for c in X.columns if ...]
        raise work.refuse_role(
            reader, name, by, "predict() is given the model, features and what fit cells learned"
        )

    return stop


def _check_features(work: Workbench, found: dict[str, Piece | None], pieces: list[Piece]) -> None:
    """Prediction must read the same features as training, made in the same way."""
    for name, by in found.items() if len(found) > 1 else ():
        if by is not None and by.role == "train":
            raise work.refuse_input(
                pieces[-1],
                name,
                f"reads {name}, which the train cell {by.cell_id} computes beside the model",
                "train() returns one object: put both into one in the train cell, such as"
                f" `fitted = {{'model': {work.model}, {name!r}: {name}}}`, and predict with that",
            )
    value = one_frame_of_features(found, pieces)
    if work.features is None or "transform" in work.anatomy.own or value == work.features:
        return
    rows = work.rows(*value)
    if len(rows) == 1 and rows <= {"holdout", "train"}:
        _compare(work, value, next(iter(rows)))
        return
    if (mixed := work.refuse_mixed()) is not None:
        raise mixed
    raise refusal(
        "NBX023",
        f"the predict cells read {value[0]}, which is made of {' and '.join(sorted(rows))} rows",
        hint="predict on the features of the held-out rows",
        cell_id=pieces[-1].cell_id,
        line=pieces[-1].line,
    )


def _compare(work: Workbench, value: Value, rows: str) -> None:
    """The held-out rows' way to features must be the training rows' way."""
    assert work.features is not None
    name, writer = value
    training = _chain(work, work.features, "train", compared=True)
    other = _chain(work, value, rows, compared=True)
    cell_id, line = (writer.cell_id, writer.line) if writer else (None, None)
    differs, step = different_step(training, work.features[0], other, name, work.anatomy)
    if differs:
        told = (
            f", from cell {step.cell_id} line {step.line} on: `{step.first_line}`" if step else ""
        )
        raise refusal(
            "NBX013",
            f"{name} is not made like {work.features[0]}{told}: held-out rows would get other"
            " features than training rows",
            hint="training and held-out rows each have a value of their own here: learn it from the"
            " training rows in a fit cell, and use that for both"
            if step is not None and holds_statistic(step.node)
            else "make both by one function, or by the same statements",
            cell_id=step.cell_id if step else cell_id,
            line=step.line if step else line,
        )
    work.repeated = {id(piece) for piece in other.pieces}
    work.result.findings.append(
        finding(
            "NBX012",
            f"{name} is made like {work.features[0]}: both are transform()",
            cell_id=cell_id,
            line=line,
        )
    )


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
