"""The transform, called under control: on a copy, quietly, and always giving a frame."""

from __future__ import annotations

import copy
import inspect
import traceback
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nbprod.data.comparison import Comparison, Difference, compare, typical
from nbprod.notebook.places import Place, places_of
from nbprod.parity.confinement import Conduct
from nbprod.parity.features import NoFrame, as_frame
from nbprod.parity.memory import Memory
from nbprod.parity.noise import Noise
from nbprod.records import REDACTED, ColumnDistance

if TYPE_CHECKING:
    import pandas as pd

Transform = Callable[..., Any]
_PLAIN = (str, bytes, int, float, bool, type(None))  # cells that cannot be changed in place


class Raised(Exception):  # noqa: N818 - control flow of this room: the user's code raised
    """The user's code raised, or returned no frame."""

    def __init__(self, text: str, *, frame: bool = True, place: Place | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.place = place  # in the notebook, where the code was made from one
        self.frame = frame  # False: it returned something that is no frame

    @classmethod
    def of(cls, error: BaseException) -> Raised:
        """The error in one line, with the user's own line that raised it."""
        frames = traceback.extract_tb(error.__traceback__)
        users = [
            frame
            for frame in frames
            if "site-packages" not in frame.filename and "nbprod/parity" not in frame.filename
        ]
        message = str(error).partition("\n")[0][:300]
        place = f" (line {users[-1].lineno}: {users[-1].line})" if users and users[-1].line else ""
        cells = places_of(error)
        if cells:
            place = f" ({cells[-1]}: {cells[-1].source})"
        text = f"{type(error).__name__}: {message}{place}"
        return cls(text, place=cells[-1] if cells else None)


@dataclass
class Subject:
    """One transform under examination, its rows, and what is known to be wrong already.

    ``explained`` are feature columns whose difference already has a finding: no later relation
    reports them again.
    """

    transform: Transform
    state: Any
    rows: pd.DataFrame
    tolerance: Mapping[str, str]
    redact: Collection[str] = ()  # raw columns whose values no finding may show
    fresh_state: bool = False  # the transform changes its state: give each call a copy
    breaks_alone: bool = False  # a batch of one row fares otherwise: nothing alone is tried again
    learns: bool = False  # each call fits the state again: what then differs is explained
    fresh_memory: bool = False  # the transform remembers: make each call the first
    memory: Memory = field(default_factory=Memory)
    explained: set[str] = field(default_factory=set)
    order_explained: bool = False  # another order names another column as the first one moved
    distances: dict[str, tuple[str, float, int]] = field(default_factory=dict)
    noise: Noise | None = None  # what rounding does to the features, once that was asked

    conduct: Conduct = field(default_factory=Conduct)
    origins: dict[Any, Any] = field(default_factory=dict)  # of columns; see `origins`

    nested: frozenset[Any] = field(init=False)  # columns whose cells are lists, dicts, arrays
    base: pd.DataFrame = field(init=False)  # features of all rows in one call
    scales: dict[str, float] = field(init=False)  # the typical magnitude of each of them

    def __post_init__(self) -> None:
        self.nested = _nested(self.rows)

    def rebase(self) -> None:
        """Compute the features of all rows in one call."""
        self.base = self.features(self.rows)
        self.scales = {str(name): typical(column) for name, column in self.base.items()}

    def features(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Features of a copy of these rows, index reset; Raised when the transform raises."""
        return self.call(
            self.own(frame), copy.deepcopy(self.state) if self.fresh_state else self.state
        )

    def own(self, frame: pd.DataFrame) -> pd.DataFrame:
        """A copy that shares nothing: pandas leaves lists and dicts in cells as they are."""
        import pandas as pd

        copied = frame.copy()
        for name in self.nested.intersection(frame.columns):
            cells = [copy.deepcopy(cell) for cell in frame[name].tolist()]
            copied[name] = pd.Series(cells, index=frame.index, dtype=object)
        return copied

    def call(self, frame: pd.DataFrame, state: Any) -> pd.DataFrame:
        """Features of this very frame under this very state."""
        if self.fresh_memory:
            self.memory.restore()
        return quiet(lambda: invoke(self.transform, frame, state))

    def at(self, positions: Sequence[int]) -> pd.DataFrame:
        """Features of the rows at these positions, as one batch of their own."""
        return self.features(self.part(positions))

    def part(self, positions: Sequence[int]) -> pd.DataFrame:
        """The rows at these positions as a request would bring them: numbered from zero."""
        part = self.rows.iloc[list(positions)]
        return part.reset_index(drop=True) if is_numbered(self.rows) else part

    def shown(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """A row as a finding may show it."""
        return {name: REDACTED if name in self.redact else value for name, value in record.items()}

    def compare(self, expected: pd.DataFrame, actual: pd.DataFrame) -> Comparison:
        """Two feature frames within tolerance, without the columns already explained.

        Where nobody named a column's tolerance, what rounding alone does is no difference.
        """
        found = compare(expected, actual, self.tolerance, scales=self.scales)
        kept = []
        rounding: dict[str, ColumnDistance] = {}
        for difference in found.differences:
            if difference.column in self.explained:
                continue
            if difference.kind == "order" and self.order_explained:
                continue
            if (item := self._rounding(difference, expected, actual)) is None:
                kept.append(difference)
            else:
                rounding[difference.column] = item
        for item in found.distances:
            if item.column not in self.explained:
                self._note(rounding.get(item.column, item))
        return Comparison(found.distances, tuple(kept))

    def _rounding(
        self, difference: Difference, expected: pd.DataFrame, actual: pd.DataFrame
    ) -> ColumnDistance | None:
        if self.tolerance.get(difference.column, self.tolerance.get("*")) is not None:
            return None
        if self.noise is None or self.noise.rows is not self.rows:
            self.noise = Noise(self.rows, self.features)
        allowed = self.noise.allows(difference, expected, actual)
        if allowed is None:
            return None
        apart = allowed[1]
        return ColumnDistance(
            column=difference.column,
            tolerance=f"abs:{allowed[0]:.2g}",
            max_distance=apart,
            rows=len(expected),
        )

    def _note(self, item: ColumnDistance) -> None:
        """Keep a column's largest distance; one in rounding's own measure stays in it."""
        limit, largest, rows = self.distances.get(item.column, (item.tolerance, 0.0, 0))
        if item.tolerance.startswith("abs:") and limit != item.tolerance:
            limit, largest = item.tolerance, 0.0
        if limit == item.tolerance:
            largest = max(largest, item.max_distance)
        self.distances[item.column] = limit, largest, max(rows, item.rows)


def _nested(frame: pd.DataFrame) -> frozenset[Any]:
    """The columns whose cells can be changed in place: lists, dicts, arrays."""
    import numpy as np

    odd = [
        name
        for place, name in enumerate(frame.columns)
        if isinstance(frame.dtypes.iloc[place], np.dtype)
        and frame.dtypes.iloc[place].kind == "O"
        and not frame.iloc[:, place].map(lambda cell: isinstance(cell, _PLAIN)).all()
    ]
    return frozenset(odd)


def is_numbered(frame: pd.DataFrame) -> bool:
    """Whether the index only numbers the rows."""
    import pandas as pd

    return isinstance(frame.index, pd.RangeIndex) or (
        frame.index.name is None and pd.api.types.is_integer_dtype(frame.index)
    )


def invoke(transform: Transform, frame: pd.DataFrame, state: Any) -> Any:
    """Call with frame and state, or with the frame alone where it takes no state."""
    if state is None and _takes_one(transform):
        return transform(frame)
    return transform(frame, state)


def _takes_one(transform: Transform) -> bool:
    try:
        parameters = inspect.signature(transform).parameters.values()
    except (TypeError, ValueError):
        return False
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return False
    return len(positional) < 2


def quiet(call: Callable[[], Any]) -> pd.DataFrame:
    """What a call returns, as a frame numbered from zero; its warnings are not ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return as_frame(call())
        except NoFrame as error:
            raise Raised(str(error), frame=False) from error
        except (Exception, SystemExit) as error:  # sys.exit() in a cell must not end the caller
            raise Raised.of(error) from error


def first(comparison: Comparison) -> Difference:
    """The difference to tell: a value's before a type's, the columns in their order."""
    return min(comparison.differences, key=lambda found: found.kind in ("dtype", "order"))
