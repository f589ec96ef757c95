"""Rows to features, the way a run does it: shared with contract inference and parity."""

from __future__ import annotations

import difflib
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from nbprod.data.frames import split_holdout
from nbprod.data.sources import load_frame
from nbprod.errors import ConfigError, DataError, ExecutionError
from nbprod.predictor import LoadedModule, select_inputs, transform_rows
from nbprod.training.environment import set_seeds
from nbprod.training.parameters import checked_parameters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import pandas as pd

    from nbprod.config import Settings
    from nbprod.records import DataContract, Progress


@dataclass(frozen=True)
class Prepared:
    """Everything before the model: rows, split, state, and what the model will be fed."""

    frame: pd.DataFrame  # as load() gave it
    train: pd.DataFrame  # raw rows that train, label and all
    holdout: pd.DataFrame  # raw rows the training never sees
    inputs: pd.DataFrame  # the training rows without label and what is known only afterwards
    state: Any
    features: pd.DataFrame  # transform(inputs, state); the index of train
    label: pd.Series
    parameters: Any
    durations_s: dict[str, float] = field(default_factory=dict)


def prepare(
    package: LoadedModule,
    settings: Settings,
    parameters: Mapping[str, Any],
    *,
    contract: DataContract | None = None,
    seed: int = 0,
    blind: bool = True,
    trains: bool = False,
    read: Callable[[Callable[[], pd.DataFrame]], pd.DataFrame] | None = None,
    progress: Progress | None = None,
) -> Prepared:
    """Load, split, fit and transform by the module.

    contract: transform then sees the contract's input columns alone, as it does at serving.
    blind: transform sees neither the label nor what is known only afterwards; without it, it sees
    all, which is only for finding out what it reads.
    trains: a model will be trained next; whoever only wants features does not import what trains.
    read: the frame, from what loads it; for who must look at it before anything is made of it.
    parameters: see ``checked_parameters``. The working directory is the one that relative paths
    in the notebook mean; the caller sets it.
    Raises ConfigError for a wrong parameter or label, DataError for data without rows or label,
    ExecutionError when the module's code raises.
    """
    tell = progress or (lambda _message, _fraction: None)
    durations: dict[str, float] = {}
    values = checked_parameters(package, parameters)
    _import(package, trains=trains)  # before seeding: torch is seeded where it is imported
    set_seeds(seed)
    tell("loading the data", 0.0)
    with timed(durations, "load"):
        load = partial(load_rows, package, settings, values)
        frame = read(load) if read else load()
    with timed(durations, "split"):
        train, holdout = split_rows(package, settings, frame, values)
    label = _label_of(train, settings)
    tell(f"fitting the state on {len(train):,} rows", 0.15)
    with timed(durations, "fit"):
        state = package.call("features.fit", train, values)
    inputs = input_rows(train, settings, contract) if blind else train
    tell("transforming", 0.25)
    with timed(durations, "transform"):
        features = transform_rows(package, inputs, state)
    return Prepared(
        frame, train, holdout, inputs, state, features, label, values, durations_s=durations
    )


def load_rows(package: LoadedModule, settings: Settings, parameters: Any) -> pd.DataFrame:
    """The frame the module's ``load`` gives; without a data cell the one [data] train names."""
    import pandas as pd

    if package.has("data"):
        frame = package.call("data.load", parameters)
    elif settings.data.train:
        frame = load_frame(
            settings.data.train, base=settings.project_path, query=settings.data.query
        )
    else:
        raise ConfigError(
            "nothing says where the data is",
            hint='tag the cell that loads it nbprod:data, or set [data] train = "…"',
        )
    if not isinstance(frame, pd.DataFrame):
        raise ExecutionError(
            f"data.load() returned a {type(frame).__name__}, not a DataFrame",
            hint="the data cells must leave one frame",
        )
    if frame.empty:
        raise DataError(
            "the data has no rows", hint="check the path and the filters in the data cell"
        )
    return frame


def split_rows(
    package: LoadedModule, settings: Settings, frame: pd.DataFrame, parameters: Any
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Training and holdout rows, by the module's ``split`` or by [data] holdout."""
    if not (package.has("data") and hasattr(package.data, "split")):
        return split_holdout(frame, time=settings.data.time, holdout=settings.data.holdout)
    parts = package.call("data.split", frame, parameters)
    if not isinstance(parts, tuple | list) or len(parts) != 2:
        raise ExecutionError(
            f"data.split() returned a {type(parts).__name__}, not (train, holdout)",
            hint="the split cells must leave two frames",
        )
    train, holdout = parts
    if not len(train) or not len(holdout):
        raise DataError(
            f"data.split() gave {len(train)} rows to train on and {len(holdout)} to hold out",
            hint="both need rows: check the split cell against the data's time range",
        )
    return train, holdout


def input_rows(
    frame: pd.DataFrame, settings: Settings, contract: DataContract | None = None
) -> pd.DataFrame:
    """What a transform may see of raw rows: never the label, nor what is known only afterwards."""
    if contract is not None and contract.input:
        return select_inputs(frame, contract.input)
    hidden = {*settings.not_inputs, label_name(settings)}
    return frame[[name for name in frame.columns if name not in hidden]]


def label_name(settings: Settings) -> str:
    """The label column: [data] label, else [model] outcome; ConfigError without either."""
    name = settings.data.label or settings.model.outcome
    if not name:
        raise ConfigError(
            "nothing says which column is the label",
            hint='add to nbprod.toml:\n\n  [data]\n  label = "…"',
            key="data.label",
        )
    return name


@contextmanager
def timed(durations: dict[str, float], step: str) -> Iterator[None]:
    """Notes how many seconds the block took."""
    start = time.perf_counter()
    yield
    durations[step] = round(time.perf_counter() - start, 4)


def _label_of(train: pd.DataFrame, settings: Settings) -> pd.Series:
    name = label_name(settings)
    if name not in train.columns:
        known = list(map(str, train.columns))
        close = difflib.get_close_matches(name, known, n=1)
        raise DataError(
            f"the data has no label column {name!r}",
            hint=f"did you mean {close[0]!r}?" if close else f"it has: {', '.join(known)}",
        )
    label = train[name]
    if missing := int(label.isna().sum()):
        raise DataError(
            f"{missing:,} of {len(label):,} training rows have no {name!r}",
            hint="drop them in the data cell, or say there what a missing label means",
        )
    return label


def _import(package: LoadedModule, *, trains: bool) -> None:
    further = ("training", "inference") if trains else ()
    for name in ("parameters", "lib", "data", "features", *further):
        if package.has(name):
            getattr(package, name)
