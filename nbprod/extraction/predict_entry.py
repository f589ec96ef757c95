"""``predict(model, features, state)``: from model and features to the answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbprod.extraction.chains import different_step
from nbprod.extraction.feature_chain import feature_chain, only_names_columns, refuse_mixed
from nbprod.extraction.hoisting import holds_statistic
from nbprod.extraction.meanings import has_effect, reads_only_index
from nbprod.extraction.output import find_output, reads_label
from nbprod.extraction.rules import finding, refusal
from nbprod.extraction.training_entry import one_frame_of_features

if TYPE_CHECKING:
    from nbprod.extraction.pieces import Piece
    from nbprod.extraction.program import Stop, Value
    from nbprod.extraction.workbench import Workbench


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
            indexed[name] = by  # for its columns: only_names_columns
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
        if only_names_columns(work, by) and _of_features(work, by):
            return False  # columns = [c for c in X.columns if ...]
        raise work.refuse_role(
            reader, name, by, "predict() is given the model, features and what fit cells learned"
        )

    return stop


def _of_features(work: Workbench, piece: Piece) -> bool:
    """Whether the columns that a statement names are those of the features."""
    frames = [
        (name, by)
        for name in work.program.needs(piece)
        if work.rows(name, by := work.program.writer(piece, name))
    ]
    return frames == [work.features]


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
    if (mixed := refuse_mixed(work)) is not None:
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
    training = feature_chain(work, work.features, "train", compared=True)
    other = feature_chain(work, value, rows, compared=True)
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
