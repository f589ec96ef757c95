"""Mergeable sketches of a frame's columns: the only place that knows whylogs.

Numbers are tracked as 64-bit floats and everything else as text, so that a column looks the same
whether it came from a Parquet file or from JSON: whylogs itself would tell 7 from 7.0.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, Self

from nbprod.errors import StoreError
from nbprod.records import new_id

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from pandas import DataFrame, Series

Kind = Literal["number", "category", "moment", "empty"]
_FEW_NUMBERS = 100
_LARGEST = 1e150
_MOMENT = "(moment)"  # stands for every datetime: their values are counted, not sketched


@dataclass(frozen=True)
class Distribution:
    """What a profile knows of one column."""

    rows: int
    nulls: int
    distinct: float  # an estimate
    _numbers: Any = None  # whylogs's distribution, where the column holds numbers
    _items: Any = None  # whylogs's frequent items

    @property
    def kind(self) -> Kind:
        """``number``, ``category`` (text, boolean), ``moment`` (datetime) or ``empty``."""
        if self._numbers is not None and self._numbers.n:
            return "number"
        items = self.items()
        if set(items) == {_MOMENT}:
            return "moment"
        return "category" if items else "empty"

    @property
    def numbers(self) -> int:
        """How many rows hold a number."""
        return 0 if self._numbers is None else int(self._numbers.n)

    @property
    def mean(self) -> float | None:
        """The mean of the numbers; None without any."""
        return float(self._numbers.mean.value) if self.numbers else None

    def quantiles(self, fractions: Sequence[float]) -> list[float]:
        """The numbers below which these fractions lie, within 0.3 percent of rank."""
        return list(self._numbers.kll.value.get_quantiles(list(fractions))) if self.numbers else []

    def below(self, points: Sequence[float]) -> list[float]:
        """For each point, ascending, the share of the numbers strictly below it, in [0, 1]."""
        if not self.numbers:
            return [0.0] * len(points)
        return list(self._numbers.kll.value.get_cdf(list(points)))[: len(points)]

    def items(self) -> dict[str, int]:
        """Frequent values and their counts, most frequent first; exact up to some 700 values.

        Numbers are written as Python writes them, ``7.0``, and are counted only where the rows
        that were tracked at once held at most a hundred different ones.
        """
        if self._items is None:
            return {}
        return {item.value: int(item.est) for item in self._items.strings}


class Profile:
    """Sketches of columns that can be merged, saved and compared.

    Columns are named by their part and their name: ``input.carrier``, ``output.late``.
    """

    def __init__(self, view: Any) -> None:
        self._view = view

    @classmethod
    def empty(cls) -> Self:
        """A profile of no rows."""
        return cls(_view({}))

    def track(
        self,
        frame: DataFrame,
        *,
        part: str = "",
        redact: Collection[str] = (),
        between: Callable[[], None] = lambda: None,
    ) -> Self:
        """Add the rows of a frame to this profile, and return it.

        part: ``input``, ``features`` or ``output``: put before each column's name.
        redact: columns that are left out, because a sketch keeps values.
        between: called after each column.
        """
        if len(frame):
            columns = {}
            for name in frame.columns:
                if name not in redact:
                    columns[f"{part}.{name}" if part else str(name)] = _sketch(_values(frame[name]))
                    between()
            self._view = self._view.merge(_view(columns))
        return self

    def merge(self, other: Profile) -> Profile:
        """A new profile of the rows of both; neither is changed."""
        return Profile(self._view.merge(other._view))

    @property
    def rows(self) -> int:
        """How many rows were tracked: the longest column's."""
        return max((self.distribution(name).rows for name in self.columns()), default=0)

    def columns(self) -> tuple[str, ...]:
        """The names of the columns, sorted."""
        return tuple(sorted(self._view.get_columns()))

    def distribution(self, column: str) -> Distribution:
        """What is known of one column; of a column it never saw, nothing."""
        found = self._view.get_column(column)
        if found is None:
            return Distribution(0, 0, 0.0)
        counts = found.get_metric("counts")
        cardinality = found.get_metric("cardinality")
        return Distribution(
            rows=int(counts.n.value),
            nulls=int(counts.null.value),
            distinct=float(cardinality.estimate or 0.0) if cardinality else 0.0,
            _numbers=found.get_metric("distribution"),
            _items=found.get_metric("frequent_items"),
        )

    def save(self, path: Path) -> None:
        """Write the profile to a file, which appears whole or not at all; StoreError otherwise."""
        aside = path.parent / f".{path.name}.{new_id()}"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                with aside.open("xb") as file:
                    file.write(self._view.serialize())
                    file.flush()
                    os.fsync(file.fileno())
                aside.replace(path)
            finally:
                aside.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(
                f"{path} cannot be written: {error.strerror or error}",
                hint="make room on the disk and check who may write there, then try again",
            ) from error

    @classmethod
    def load(cls, path: Path) -> Self:
        """The profile in a file; StoreError when there is none, or it is no profile."""
        whylogs = _whylogs()
        unreadable: tuple[type[Exception], ...] = (OSError, *whylogs.not_a_profile)
        try:
            return cls(whylogs.view.deserialize(path.read_bytes()))
        except unreadable as error:
            raise StoreError(
                f"{path} is not a readable profile: {error}",
                hint="train again for a reference profile; delete a window's damaged file",
            ) from error


@dataclass(frozen=True)
class _Values:
    """A column's values without the missing ones, as numbers or as text."""

    rows: int
    numbers: NDArray[np.float64] | None = None
    texts: list[str] | None = None


def _values(column: Series[Any]) -> _Values:
    import pandas as pd
    from pandas.api import types

    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.cat.categories.dtype)
    rows, column = len(column), column.dropna()
    kind = types.infer_dtype(column) if column.dtype == object else ""
    if types.is_datetime64_any_dtype(column.dtype) or kind in {"datetime", "datetime64", "date"}:
        return _Values(rows, texts=[_MOMENT] * len(column))
    number = types.is_numeric_dtype(column.dtype) and not types.is_bool_dtype(column.dtype)
    if number or kind in {"integer", "floating", "mixed-integer-float", "decimal"}:
        return _Values(rows, numbers=_finite(column.to_numpy(dtype="float64")))
    return _Values(rows, texts=[v if type(v) is str else str(v) for v in column.tolist()])


def _finite(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    """What has no finite square counts as missing: one such makes mean or variance infinite."""
    import numpy as np

    return np.ascontiguousarray(numbers[np.abs(numbers) < _LARGEST])


def _sketch(values: _Values) -> Any:
    """Whylogs's view of one column.

    Its metrics are fed directly. ``DatasetProfile.track`` reads ``numpy.unicode_``, which NumPy 2
    does not have, and asks of each value in Python what is known of the column here.
    """
    whylogs = _whylogs()
    column = whylogs.column()
    column.len = values.rows
    metrics = [whylogs.counts, whylogs.cardinality, whylogs.frequent_items]
    if values.numbers is not None:
        metrics.append(whylogs.distribution)
        column.null_count = values.rows - len(values.numbers)
        if len(values.numbers):
            column.numpy.floats = values.numbers
    else:
        texts = values.texts or []
        column.null_count = values.rows - len(texts)
        column.list.strings = texts
    found = {metric.namespace: metric for metric in (make() for make in metrics)}
    for name, metric in found.items():
        if name == "frequent_items" and values.numbers is not None:
            _count_few(metric, values.numbers)
        else:
            metric.columnar_update(column)
    return whylogs.column_view(metrics=found, success_count=values.rows, failure_count=0)


def _count_few(metric: Any, numbers: NDArray[np.float64]) -> None:
    """Count numbers as items where they are few; many are no categories, and slow to count.

    Whylogs would write them with six decimals, which makes one item of 1e-7 and 2e-7.
    """
    import numpy as np

    known, times = np.unique(numbers + 0.0, return_counts=True)  # -0.0 + 0.0 is 0.0
    if len(known) <= _FEW_NUMBERS:
        for number, count in zip(known.tolist(), times.tolist(), strict=True):
            metric.frequent_strings.value.update(repr(number), count)


def _view(columns: dict[str, Any]) -> Any:
    now = datetime.now(UTC)
    return _whylogs().view(columns=columns, dataset_timestamp=now, creation_timestamp=now)


@dataclass(frozen=True)
class _Whylogs:
    column: Any
    column_view: Any
    view: Any
    counts: Any
    cardinality: Any
    frequent_items: Any
    distribution: Any
    not_a_profile: tuple[type[Exception], ...]


@cache
def _whylogs() -> _Whylogs:
    """The classes of whylogs that are used, imported with its telemetry off."""
    os.environ["WHYLOGS_NO_ANALYTICS"] = "1"  # it calls home on import
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
    from whylogs.core.errors import DeserializationError
    from whylogs.core.metrics import StandardMetric
    from whylogs.core.preprocessing import PreprocessedColumn
    from whylogs.core.view.column_profile_view import ColumnProfileView
    from whylogs.core.view.dataset_profile_view import DatasetProfileView

    return _Whylogs(
        column=PreprocessedColumn,
        column_view=ColumnProfileView,
        view=DatasetProfileView,
        counts=StandardMetric.counts.value.zero,
        cardinality=StandardMetric.cardinality.value.zero,
        frequent_items=StandardMetric.frequent_items.value.zero,
        distribution=StandardMetric.distribution.value.zero,
        not_a_profile=(DeserializationError, DecodeError, ValueError),
    )
