"""The predictor: rows in, answers out; what HTTP, batch, parity and golden requests share."""

from __future__ import annotations

import inspect
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from nbprod.data.contract import CustomChecks, RowValidator, frame_of, needs_pandera
from nbprod.data.row_columns import ColumnValidator
from nbprod.data.row_frames import frame_of_columns
from nbprod.data.row_values import is_null
from nbprod.errors import DataError, ExecutionError, TamperedReleaseError
from nbprod.predictor.bundle import Bundle, read_bundle, require_intact
from nbprod.predictor.model import load_model
from nbprod.predictor.modules import LoadedModule, load_package
from nbprod.predictor.placement import CPU, Placement
from nbprod.predictor.state import load_state
from nbprod.records import ColumnRule, DataContract, Json, Violation

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import datetime
    from pathlib import Path

    import pandas as pd

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Answer:
    """What became of the rows of one request.

    ``outputs``, ``features`` and ``good`` run in parallel: one entry for each answered row, in
    the order of the request. Every other row is named in ``violations`` (its input breaks the
    contract) or in ``failed`` (the model's output does). ``stage_s``: seconds of validate,
    transform and predict.
    """

    outputs: list[Any]  # a scalar where Output has one column, else {column: value}
    features: list[Json]  # what the model was fed, as plain JSON values
    violations: list[Violation]
    good: list[int]  # positions of the answered rows in the request
    failed: list[Violation] = field(default_factory=list)
    stage_s: dict[str, float] = field(default_factory=dict, compare=False)


class Predictor:
    """A bundle that answers rows."""

    def __init__(self, bundle: Bundle, module: LoadedModule, state: Any, model: Any) -> None:
        self.bundle = bundle
        self.module = module
        self.state = state
        self.model = model
        #: how far a golden answer may be from the one given in training, relative
        self.tolerance = CPU.tolerance("cpu")
        #: judges rows as JSON gives them, as `answer` does
        self.validator = row_validator(bundle.contract, "input", bundle.module_path)
        online = module.has_entry("features.transform_online")
        self._columns = None if online else _column_validator(bundle.contract, "input")
        self._output_columns = _column_validator(bundle.contract, "output")
        self._output_validator = row_validator(bundle.contract, "output", bundle.module_path)
        self._inputs = [rule.name for rule in bundle.contract.input]
        # the two submodules are imported now, not while the first caller waits
        for entry in ("features.transform", "inference.predict"):
            module.entry_point(entry)

    @classmethod
    def load(
        cls,
        folder: str | Path,
        *,
        verify: bool = True,
        digest: str | None = None,
        trusted_keys: Sequence[str] = (),
        allow_pickle: Collection[str] | None = None,
        placement: Placement = CPU,
    ) -> Predictor:
        """The predictor of a bundle or release folder.

        verify: compare every file with its hash first.
        digest: the digest a record names; another one is refused.
        trusted_keys: public keys in base64; with any, the release must be signed by one of them.
        allow_pickle, placement: see ``load_model``.
        Raises TamperedReleaseError naming each file that is missing, changed or added.
        """
        bundle = read_bundle(folder)
        if verify:
            require_intact(folder, trusted_keys=trusted_keys)
        if digest is not None and digest != bundle.digest:
            raise TamperedReleaseError(
                f"{folder} has the digest {bundle.digest[:12]}, its record says {digest[:12]}",
                hint="restore the folder from a copy you trust, or train and release again",
            )
        module = load_package(bundle.module_path, bundle.module_version)
        state = load_state(module.entry_point("features.State"), bundle.folder / "state")
        model = load_model(
            bundle.folder / "model", bundle.model, allow_pickle=allow_pickle, placement=placement
        )
        predictor = cls(bundle, module, state, model)
        predictor.tolerance = placement.tolerance(getattr(model, "placed_on", "cpu"))
        return predictor

    @property
    def contract(self) -> DataContract:
        """The data contract the bundle was made under."""
        return self.bundle.contract

    @property
    def module_version(self) -> str:
        """The digest of the module's code."""
        return self.bundle.module_version

    @property
    def digest(self) -> str:
        """The digest over every file of the bundle."""
        return self.bundle.digest

    @property
    def name(self) -> str:
        """The model's name."""
        return self.bundle.name

    def transform(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Features of raw rows: columns that are not inputs are dropped, the index is kept.

        Raises DataError when an input column is missing, ExecutionError when transform raises.
        """
        return transform_rows(self.module, select_inputs(frame, self.contract.input), self.state)

    def features(self, rows: Sequence[Row]) -> pd.DataFrame:
        """Features of rows as JSON gives them: validated, typed by the contract, transformed.

        Raises DataError with every violation when a row breaks the contract.
        """
        return _checked_features(self.module, self.state, self.contract.input, self.validator, rows)

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Outputs of raw rows, one column for each output, the index kept.

        For gates and batches: the frame may carry further columns. Outputs are checked by the
        caller (``check_frame``); ``answer`` checks its own.
        """
        return self.predict_features(self.transform(frame))

    def predict_features(self, features: pd.DataFrame) -> pd.DataFrame:
        """Outputs of rows that are features already."""
        names = [rule.name for rule in self.contract.output]
        return predict_rows(self.module, self.model, features, self.state, names)

    def answer(
        self, rows: Sequence[Row], *, partial: bool = False, as_of: datetime | None = None
    ) -> Answer:
        """Answers rows as JSON gives them: the path that serves.

        The set is refused whole when one row breaks the contract, unless ``partial``: then the
        good rows are answered. The same rows give the same answer. as_of: the moment at which
        rows must be fresh, where the contract says how old they may be; None asks for no age.
        Raises ExecutionError when the user's code raises, or (unless ``partial``) when the
        model's output breaks the contract: such an output is never answered.
        """
        started = time.perf_counter()
        accepted, good, violations = self._accepted(rows, as_of)
        if accepted is None or (violations and not partial):
            return Answer([], [], violations, [])
        validated = time.perf_counter()
        features = served_rows(self.module, accepted, self.contract.input, self.state)
        transformed = time.perf_counter()
        outputs = records_of(self.predict_features(features))
        stage_s = {
            "validate": validated - started,
            "transform": transformed - validated,
            "predict": time.perf_counter() - transformed,
        }
        failed = self._broken_outputs(outputs, good)
        fed = records_of(features)
        if failed:
            if not partial:
                raise _output_error(failed)
            broken = {violation.row for violation in failed}
            kept = [place for place, row in enumerate(good) if row not in broken]
            good = [good[place] for place in kept]
            outputs = [outputs[place] for place in kept]
            fed = [fed[place] for place in kept]
        return Answer(self._shaped(outputs), fed, violations, good, failed, stage_s)

    def _accepted(
        self, rows: Sequence[Row], as_of: datetime | None
    ) -> tuple[pd.DataFrame | list[Row] | None, list[int], list[Violation]]:
        """The good rows, None without any; their places; what the others break."""
        rules = self.contract.input
        columns = self._columns.columns(rows) if self._columns is not None else None
        if columns is not None:
            return frame_of_columns(columns, rules, len(rows)), list(range(len(rows))), []
        checked, violations = self.validator.check(rows, as_of=as_of)
        good = [place for place, row in enumerate(checked) if row is not None]
        if not good:
            return None, [], violations
        return [row for row in checked if row is not None], good, violations

    def _broken_outputs(self, outputs: list[Json], good: list[int]) -> list[Violation]:
        """Outputs the contract forbids, named by their row in the request."""
        if self._output_columns is not None and self._output_columns.columns(outputs) is not None:
            return []
        failed = [
            Violation(
                row=good[place],
                column=column,
                rule="type",
                message=f"the model's {column} is {value}, not a finite number",
                value=str(value),
            )
            for place, output in enumerate(outputs)
            for column, value in output.items()
            if isinstance(value, float) and not math.isfinite(value)
        ]
        if not self.contract.output:
            return failed
        _, violations = self._output_validator.check(outputs)
        known = {(violation.row, violation.column) for violation in failed}
        for found in violations:
            if (good[found.row], found.column) not in known:
                plain = found.to_json() | {"row": good[found.row]}
                failed.append(Violation.from_json(plain))
        return failed

    def _shaped(self, outputs: list[Json]) -> list[Any]:
        if outputs and len(outputs[0]) == 1:
            return [next(iter(output.values())) for output in outputs]
        return list(outputs)


def row_validator(
    contract: DataContract, part: Literal["input", "output"], package: Path
) -> RowValidator:
    """What judges a caller's rows or the model's answers.

    The package's schemas.py is executed where it has checks that no rule states.
    """
    custom = None
    if needs_pandera(contract, part):
        custom = CustomChecks.load(package / "schemas.py", part)
    strict = contract.strict or part == "output"
    return RowValidator(getattr(contract, part), strict, custom)


def _column_validator(
    contract: DataContract, part: Literal["input", "output"]
) -> ColumnValidator | None:
    """The quick yes to a batch, where nothing but the rules has to be asked."""
    rules = getattr(contract, part)
    if not rules or needs_pandera(contract, part) or any(rule.freshness for rule in rules):
        return None
    return ColumnValidator(rules, contract.strict or part == "output")


def checked_features(
    module: LoadedModule, state: Any, contract: DataContract, rows: Sequence[Row]
) -> pd.DataFrame:
    """Features of rows as JSON gives them, for a module that is not in a bundle yet.

    The same steps as ``Predictor.features``: validated, typed by the contract, transformed.
    Raises DataError with every violation when a row breaks the contract.
    """
    validator = row_validator(contract, "input", module.path)
    return _checked_features(module, state, contract.input, validator, rows)


def _checked_features(
    module: LoadedModule,
    state: Any,
    rules: tuple[ColumnRule, ...],
    validator: RowValidator,
    rows: Sequence[Row],
) -> pd.DataFrame:
    checked, violations = validator.check(rows)
    if violations:
        first = violations[0]
        raise DataError(
            first.told()
            + (f" ({len(violations)} violations in all)" if len(violations) > 1 else ""),
            hint="send what the contract allows: `nbprod contract show`",
            violations=[violation.to_json() for violation in violations],
        )
    return served_rows(module, [row for row in checked if row is not None], rules, state)


def select_inputs(frame: pd.DataFrame, rules: Sequence[ColumnRule]) -> pd.DataFrame:
    """The contract's input columns of a raw frame, in the contract's order.

    An optional column that is absent stays absent; a required one raises DataError.
    """
    missing = [rule.name for rule in rules if rule.required and rule.name not in frame]
    if missing:
        raise DataError(
            f"the frame has no column {', '.join(map(repr, missing))}",
            hint=f"it has: {', '.join(map(str, frame.columns))}; the contract's inputs: "
            "`nbprod contract show`",
        )
    return frame[[rule.name for rule in rules if rule.name in frame]]


def served_rows(
    module: LoadedModule,
    accepted: pd.DataFrame | Sequence[Row],
    rules: tuple[ColumnRule, ...],
    state: Any,
) -> pd.DataFrame:
    """Features of a request's rows, which the contract accepted, as serving computes them.

    By the module's ``transform_online``, one record at a time, where the notebook has one: a
    record has the contract's types (datetimes are `datetime.datetime`). Else by its transform.
    Raises ExecutionError where either raises, or does not give a mapping or a row for each row.
    """
    import pandas as pd

    if isinstance(accepted, pd.DataFrame):
        return transform_rows(module, accepted, state)
    if not module.has_entry("features.transform_online"):
        return transform_rows(module, frame_of(accepted, rules), state)
    answers = []
    for row in accepted:
        answer = module.call("features.transform_online", dict(row), state)
        if not isinstance(answer, Mapping):
            raise ExecutionError(
                f"features.transform_online() returned a {type(answer).__name__}, not a dict",
                hint="return {feature: value} for the record",
            )
        answers.append(answer)
    return pd.DataFrame(answers)


def transform_rows(module: LoadedModule, frame: pd.DataFrame, state: Any) -> pd.DataFrame:
    """The module's transform on a frame; one row of features for each row, the index kept.

    Raises ExecutionError when it raises, or when rows were dropped, added or reordered: then
    an answer could not be matched with its request, nor a label with its features.
    """
    import pandas as pd

    features = module.call("features.transform", frame, state)
    if not isinstance(features, pd.DataFrame):
        raise ExecutionError(
            f"features.transform() returned a {type(features).__name__}, not a DataFrame",
            hint="the features cells must leave one frame with a row for each raw row",
        )
    if not features.index.equals(frame.index):
        raise ExecutionError(
            f"features.transform() changed the rows: {len(frame)} in, {len(features)} out"
            + ("" if len(features) != len(frame) else ", with another index"),
            hint="keep one row for each raw row and its index: drop or sort rows in the data cell",
        )
    return features


def predict_rows(
    module: LoadedModule, model: Any, features: pd.DataFrame, state: Any, names: Sequence[str] = ()
) -> pd.DataFrame:
    """The module's predict on features: a frame with one column for each output.

    names: the outputs' names, where predict returns an array or an unnamed Series.
    Raises ExecutionError when it raises, or returns something else than one row for each row.
    """
    import numpy as np
    import pandas as pd

    predict = module.entry_point("inference.predict")
    arguments = (model, features, state)[: 3 if _takes_state(predict) else 2]
    result = module.call("inference.predict", *arguments)
    if isinstance(result, pd.Series):
        result = result.to_frame(names[0] if result.name is None and names else result.name)
    elif (
        isinstance(result, np.ndarray | list)
        and np.ndim(result) <= 2
        and len(result) == len(features)
    ):
        columns = list(names) if np.ndim(result) == 2 else [*names, "prediction"][:1]
        result = pd.DataFrame(result, index=features.index, columns=columns or None)
    if not isinstance(result, pd.DataFrame) or len(result) != len(features):
        raise ExecutionError(
            f"inference.predict() returned a {type(result).__name__}"
            + (f" of {len(result)} rows for {len(features)}" if hasattr(result, "__len__") else ""),
            hint="return a DataFrame with features.index and one column for each output",
        )
    if not result.index.equals(features.index):
        raise ExecutionError(
            "inference.predict() returned another index than its features have",
            hint="build the result with index=features.index",
        )
    return result


@lru_cache(maxsize=64)
def _takes_state(predict: Callable[..., Any]) -> bool:
    return len(inspect.signature(predict).parameters) > 2


def records_of(frame: pd.DataFrame) -> list[Json]:
    """A frame's rows as plain JSON values: null for missing, ISO 8601 text for moments.

    Infinities stay floats, for the caller to refuse.
    """
    # One array of everything: a Series for each column would be what a small frame costs.
    whole = frame.to_numpy(dtype=object).T.tolist()
    columns = [_plain_column(*one) for one in zip(whole, frame.dtypes, strict=True)]
    names = [str(name) for name in frame.columns]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def _plain_column(values: list[Any], dtype: Any) -> list[Any]:
    """The values of one column; whole numbers, and floats without NaN, are plain already."""
    import numpy as np

    if isinstance(dtype, np.dtype):
        if dtype.kind in "iub":
            return values
        if dtype.kind == "f" and not math.isnan(sum(values)):
            return values
    return [_plain(value) for value in values]


def _plain(value: Any) -> Any:
    kind = type(value)
    if kind is float:
        return None if value != value else value  # NaN alone differs from itself
    if kind is str or kind is int or kind is bool or value is None:
        return value
    if is_null(value):
        return None
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if hasattr(value, "item"):  # a NumPy scalar
        return _plain(value.item())
    return str(value)


def _output_error(failed: list[Violation]) -> ExecutionError:
    first = failed[0]
    return ExecutionError(
        f"the model's answer to row {first.row} breaks the contract: {first.message}",
        hint="the answer was withheld; look at the row with `nbprod why`, at the Output schema "
        "and at the predict cell",
        violations=[violation.to_json() for violation in failed],
    )
