"""What a proof compares: each value that the cells leave, and where the module computes it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbprod.records import Json


@dataclass(frozen=True)
class Expected:
    """One value: as which name, after which line, the cells leave it; where the module has it."""

    key: str
    name: str  # in the notebook
    role: str  # frame, train, holdout, state, features, model, predictions; "fit step" and such
    cell_id: str  # of the statement that writes it
    line: int
    place: str  # "parameters", "lib", …: a file's constant; "features.fit": an entry function
    local: str  # its name there; "" for what the function returns
    rows: str = ""  # of which rows the function is called: "train" or "holdout"
    item: int = -1  # its place in what the function returns, -1 for the whole
    others: tuple[str, ...] = ()  # local names that stand for it, where it has none of its own
    unclear: str = ""  # why the cells' value is not the module's, though both have the name
    after: tuple[str, int] = ("", 0)  # cell and line of the statement after which it is taken

    @property
    def where(self) -> str:
        """Where the module has it, for a person."""
        if not self.local:
            rows = {"train": " of the training rows", "holdout": " of the held-out rows"}
            return f"{self.place}()" + rows.get(self.rows, "")
        if self.place in ("features.State", "parameters.Parameters"):
            return f"{self.place.partition('.')[2]}.{self.local}"
        if "." not in self.place:
            return f"{self.place}.{self.local}"
        return f"{self.local} in {self.place}()"


@dataclass(frozen=True)
class Plan:
    """Every value to compare, in the order of the road, and what the module has no need of."""

    values: tuple[Expected, ...]
    unneeded: tuple[tuple[str, str], ...]  # (name, cell id)
    tangled: bool  # the cells compute features of all rows, and split then
    predicted: str  # which rows' features the predict cells read: "train", "holdout"; "" for others

    def to_json(self) -> Json:
        """The plan as plain data, for a child process."""
        return asdict(self)

    @classmethod
    def from_json(cls, told: Json) -> Plan:
        """The plan again from plain data."""
        values = (
            Expected(**{**item, "others": tuple(item["others"]), "after": tuple(item["after"])})
            for item in told["values"]
        )
        unneeded = tuple((name, cell_id) for name, cell_id in told["unneeded"])
        return cls(**{**told, "values": tuple(values), "unneeded": unneeded})
