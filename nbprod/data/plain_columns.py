"""Rows kept as columns: a hundred cost little more than one while nobody asks for one alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Self, overload

if TYPE_CHECKING:
    from nbprod.records import Json


class PlainColumns(Sequence["Json"]):
    """A sequence of rows, each a mapping of plain values, that holds them column by column.

    columns: name -> as many values as there are rows. height: how many rows. Equal to a list of
    the same rows; a row that is taken out is a new dict.
    """

    __slots__ = ("columns", "height")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, columns: Mapping[str, list[Any]], height: int) -> None:
        self.columns = columns
        self.height = height

    @classmethod
    def of(cls, rows: Sequence[Mapping[str, Any]]) -> Self | None:
        """The columns of rows that all have the same names; None for others, and without rows."""
        if not rows or set(map(len, rows)) != {len(rows[0])} or not rows[0]:
            return None
        names = list(rows[0])
        try:
            if len(names) == 1:
                return cls({names[0]: [row[names[0]] for row in rows]}, len(rows))
            values = zip(*map(itemgetter(*names), rows), strict=True)
        except KeyError:
            return None
        return cls(dict(zip(names, map(list, values), strict=True)), len(rows))

    def __len__(self) -> int:
        return self.height

    @overload
    def __getitem__(self, place: int) -> Json: ...

    @overload
    def __getitem__(self, place: slice) -> PlainColumns: ...

    def __getitem__(self, place: int | slice) -> Json | PlainColumns:
        if isinstance(place, slice):
            cut = {name: values[place] for name, values in self.columns.items()}
            return PlainColumns(cut, len(range(*place.indices(self.height))))
        number = range(self.height)[place]
        return {name: values[number] for name, values in self.columns.items()}

    def at(self, places: Sequence[int]) -> PlainColumns:
        """The rows at these places, in this order."""
        taken = {name: [values[at] for at in places] for name, values in self.columns.items()}
        return PlainColumns(taken, len(places))

    def rows(self) -> list[Json]:
        """Every row as a dict of its own."""
        if not self.columns:
            return [{} for _ in range(self.height)]
        each = zip(*self.columns.values(), strict=True)
        return [dict(zip(self.columns, values, strict=True)) for values in each]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, PlainColumns):
            return self.rows() == other.rows()
        return self.rows() == other if isinstance(other, list) else NotImplemented

    def __repr__(self) -> str:
        return f"PlainColumns({self.rows()!r})"
