"""What every column may hold, and the rows that do not keep to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from nbprod.records.plain import Plain
from nbprod.records.record import Judgement, Record


@dataclass(frozen=True, kw_only=True)
class ColumnRule(Plain):
    """What one column may hold."""

    name: str
    dtype: Literal["int", "float", "str", "bool", "datetime"]
    nullable: bool = False
    required: bool = True
    minimum: float | None = None  # inclusive; for numbers
    maximum: float | None = None
    earliest: str | None = None  # inclusive, ISO 8601; for datetimes
    latest: str | None = None
    categories: tuple[str, ...] | None = None
    pattern: str | None = None
    unit: str = ""
    freshness: str = ""  # how old a moment may be when it is served, "1h"; "" = any age
    description: str = ""
    compiled: bool = True  # false: a custom check that only pandera can run


@dataclass(frozen=True, kw_only=True)
class DataContract(Record):
    """Schemas of raw input, features and output: one source for every way of serving."""

    package: str
    source_digest: str  # SHA-256 of schemas.py
    input: tuple[ColumnRule, ...] = ()
    features: tuple[ColumnRule, ...] = ()
    output: tuple[ColumnRule, ...] = ()
    key: tuple[str, ...] = ()
    strict: bool = True  # an extra input column is refused
    unique: tuple[tuple[str, ...], ...] = ()  # input columns that together name one row
    whole: tuple[str, ...] = ()  # parts with checks of whole rows that only pandera can run


@dataclass(frozen=True, kw_only=True)
class Violation(Plain):
    """One value that breaks the contract."""

    row: int
    column: str
    # type | null | range | category | pattern | freshness | unit | unique | missing | extra | check
    rule: str
    message: str
    value: Any = None

    def told(self) -> str:
        """It in one line: the row, the column unless the whole row is meant, and what is wrong."""
        column = f", {self.column}" if self.column else ""
        return f"row {self.row}{column}: {self.message}"


@dataclass(frozen=True, kw_only=True)
class ContractReport(Judgement):
    """A frame judged against the contract, every failure counted, some shown."""

    contract: str  # id of the contract
    part: Literal["input", "features", "output"]
    rows: int
    failures: dict[str, int] = field(default_factory=dict)  # "column: rule" -> rows
    samples: tuple[Violation, ...] = ()
