"""Two encoded values laid side by side: where they differ, how far, and what cannot be told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nbprod.data.comparison import UNMEASURABLE, compare
from nbprod.extraction.proof.tables import INDEX, dense_frame_of, frame_of, shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pandas as pd

    from nbprod.records import Json

_TABLES = frozenset({"frame", "series", "array"})
_SCALARS = frozenset({"null", "bool", "int", "float", "text", "printed"})
_MOST_GAPS = 1000


@dataclass(frozen=True)
class Gap:
    """One place where two values differ: a part, a column, a row; both values; how far apart."""

    part: str  # "['AA']", ".mean_"; "" for the value itself
    column: str
    row: int  # position; -1 where it is not about one row
    label: str  # of the row, from the index
    expected: Any
    actual: Any
    distance: float
    tolerance: str
    rows: int = 1  # how many differ

    def __str__(self) -> str:
        where = "".join(
            [
                f" in {self.part}" if self.part else "",
                f" in column {self.column!r}" if self.column else "",
                f" at row {self.row}{self.label}" if self.row >= 0 else "",
            ]
        )
        measured = _is_number(self.expected) and self.distance < UNMEASURABLE
        apart = f" ({self.distance:g} apart)" if measured else ""
        more = f"; {self.rows:,} rows differ" if self.rows > 1 else ""
        told = f"the cells give {_told(self.expected)}, the module {_told(self.actual)}"
        return f"{told}{where}{apart}{more}"


@dataclass
class Side:
    """What comparing one value found."""

    folder: Path
    name: str  # of the value; its tolerance, where one is set
    tolerance: Mapping[str, str]
    gaps: list[Gap] = field(default_factory=list)
    compared: int = 0  # parts that were laid side by side
    distance: float = 0.0
    opaque: list[str] = field(default_factory=list)  # parts that cannot be compared, and why
    rows: Sequence[int] = ()  # positions of the training rows among all

    def compare(self, expected: Json, actual: Json, part: str = "") -> None:
        """Lay two encoded values side by side, part by part."""
        if "opaque" in (expected["t"], actual["t"]):
            why = expected if expected["t"] == "opaque" else actual
            self.opaque.append(f"{part + ': ' if part else ''}{why['why']}")
        elif len(self.gaps) >= _MOST_GAPS:
            return
        elif expected["t"] in _TABLES and actual["t"] == expected["t"]:
            self._tables(expected, actual, part)
        elif expected["t"] == "array" and actual["t"] in ("frame", "series") and not part:
            self._unnamed(expected, actual)
        elif expected["t"] in _SCALARS and actual["t"] in _SCALARS:
            self._scalars(expected, actual, part)
        elif expected["t"] != actual["t"] or expected.get("class") != actual.get("class"):
            self._gap(part, kind_of(expected), kind_of(actual))
        elif expected["t"] in ("dict", "object", "model"):
            self._pairs(expected, actual, part)
        elif expected["t"] == "again":
            self.compared += 1
        else:
            self._items(expected["items"], actual["items"], part)

    def _gap(self, part: str, expected: Any, actual: Any) -> None:
        self.gaps.append(Gap(part, "", -1, "", expected, actual, UNMEASURABLE, "exact"))

    def _tables(self, expected: Json, actual: Json, part: str) -> None:
        self.compared += 1
        if expected["t"] == "series":  # what a series is called is no value
            actual = {**actual, "names": expected["names"]}
        if expected == actual:  # files are named by their content
            return
        left, right = frame_of(expected, self.folder), frame_of(actual, self.folder)
        if self.rows and len(left) > len(right) == len(self.rows):
            left = left.iloc[list(self.rows)].reset_index(drop=True)
        elif expected.get("shape", actual.get("shape")) != actual.get("shape"):
            self._gap(part, kind_of(expected), kind_of(actual))
            return
        self._frames(left, right, part)

    def _unnamed(self, expected: Json, actual: Json) -> None:
        """An array of the cells, whose columns the module has given names and rows their index."""
        self.compared += 1
        left = dense_frame_of(expected, self.folder)
        right = frame_of({**actual, "index": []}, self.folder)
        if left.shape != right.shape:
            self._gap("", kind_of(expected), kind_of(actual))
            return
        left.columns = right.columns
        self._frames(left, right, "")

    def _frames(self, left: pd.DataFrame, right: pd.DataFrame, part: str) -> None:
        unnamed = self.name if list(left.columns[left.columns != INDEX]) == [""] else None
        limits = {**self.tolerance, INDEX: "exact"}
        if unnamed is not None and unnamed in limits:
            limits[""] = limits[unnamed]
        found = compare(left, right, limits)
        self.distance = max([self.distance, *(item.max_distance for item in found.distances)])
        for item in found.differences:
            label = ""
            if item.row >= 0 and INDEX in left and item.column != INDEX:
                label = f" (index {left[INDEX].iloc[item.row]})"
            both = item.expected, item.actual
            if item.kind == "rows":
                both = f"{item.expected:,} rows", f"{item.actual:,} rows"
            column = item.column if item.kind != "order" else "order of columns"
            self.gaps.append(
                Gap(part, column, item.row, label, *both, item.distance, item.tolerance, item.rows)
            )

    def _scalars(self, expected: Json, actual: Json, part: str) -> None:
        import pandas as pd

        self.compared += 1
        if expected == actual:
            return
        if expected["t"] != actual["t"] and "null" in (expected["t"], actual["t"]):
            gone = actual if expected["t"] == "null" else expected
            if gone["v"] == "nan" and gone["t"] == "float":
                return
        left, right = (pd.DataFrame({self.name: [shown(item)]}) for item in (expected, actual))
        for item in compare(left, right, self.tolerance).differences:
            gap = Gap(part, "", -1, "", *_both(expected, actual), item.distance, item.tolerance)
            self.gaps.append(gap)

    def _pairs(self, expected: Json, actual: Json, part: str) -> None:
        left, right = (
            {repr(shown(key)): item for key, item in side["items"]} for side in (expected, actual)
        )
        for key in dict.fromkeys([*left, *right]):
            name = key.strip("'")
            inner = f"{part}[{key}]" if expected["t"] == "dict" else f"{part}.{name}"
            if expected["t"] == "model":
                inner = f"{part}.{name}(features)"
            if key in left and key in right:
                self.compare(left[key], right[key], inner)
            elif name == "feature_names_in_":
                self.opaque.append(f"{inner}: an array of the cells has names in the module")
            else:
                self._gap(inner, *("it" if key in side else "nothing" for side in (left, right)))
        self.compared += not left and not right

    def _items(self, expected: list[Json], actual: list[Json], part: str) -> None:
        if len(expected) != len(actual):
            self._gap(part, f"{len(expected):,} items", f"{len(actual):,} items")
            return
        for number, (left, right) in enumerate(zip(expected, actual, strict=True)):
            self.compare(left, right, f"{part}[{number}]")
        self.compared += not expected


def kind_of(told: Json) -> str:
    """What an encoded value is, in a few words."""
    kind = str(told["t"])
    if kind == "frame":
        return f"frame {told['rows']:,} × {len(told['names']):,}"
    if kind == "series":
        return f"series {told['rows']:,}"
    if kind in ("array", "objects"):
        return f"array {' × '.join(f'{size:,}' for size in told['shape'])}".strip()
    if kind in ("dict", "set", "list", "tuple"):
        return f"{kind} of {len(told['items']):,}"
    if kind in ("object", "model"):
        return str(told["class"])
    return {"printed": str(told.get("of", "")), "again": "itself", "opaque": ""}.get(kind, kind)


def _both(expected: Json, actual: Json) -> tuple[Any, Any]:
    left, right = shown(expected), shown(actual)
    if expected["t"] != actual["t"]:
        return f"{left!r} ({kind_of(expected)})", f"{right!r} ({kind_of(actual)})"
    return left, right


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _told(value: Any) -> str:
    text = value if isinstance(value, str) and " " in value else repr(value)
    return text if len(text) <= 120 else f"{text[:117]}..."
