"""A notebook read, its cells made a module, module and cells compared and brought together."""

from __future__ import annotations

from dataclasses import dataclass, field

from nbprod.records.plain import Plain
from nbprod.records.record import Judgement, Record


@dataclass(frozen=True, kw_only=True)
class CellSummary(Plain):
    """One cell as `inspect` shows it."""

    cell_id: str
    index: int  # 0-based position in the notebook
    kind: str  # code | markdown | raw
    role: str  # the tag without its prefix; "" when the cell stays in the notebook
    defines: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    first_line: str = ""


@dataclass(frozen=True, kw_only=True)
class Inspection(Record):
    """What a notebook holds: cells, roles, the data flow between cells, findings."""

    notebook: str
    cells: tuple[CellSummary, ...] = ()
    # consumer cell id -> {name it reads: id of the cell that defines it}
    flow: dict[str, dict[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Extraction(Record):
    """The act of writing the module; ``version`` is the digest of the code that runs."""

    notebook: str
    package: str
    version: str
    files: dict[str, str] = field(default_factory=dict)  # path in the package -> SHA-256
    cells: tuple[str, ...] = ()  # ids of the cells that were carried over
    entry_points: tuple[str, ...] = ()  # "features.transform", ...
    changed: tuple[str, ...] = ()  # files written this time
    diff: str = ""  # of --check, or of a hand-edited module


@dataclass(frozen=True, kw_only=True)
class ComparedValue(Plain):
    """One value that the tagged cells leave, beside the module's."""

    name: str  # in the notebook
    role: str  # parameter, constant, frame, train, holdout, state, features, model, predictions, …
    verdict: str  # same | different | not compared | not in the module
    cell_id: str
    line: int = 0  # 1-based, in the cell, of the statement that writes it
    place: str = ""  # in the module: "mean_gain in features.fit()"
    kind: str = ""  # what the value is: a frame and its shape, a class
    parts: int = 0  # how many parts of it were laid side by side
    distance: float = 0.0  # the largest
    tolerance: str = "exact"
    reason: str = ""  # the first difference, or what was not compared and why


@dataclass(frozen=True, kw_only=True)
class Proof(Judgement):
    """The module run beside the tagged cells: every value compared, and the inline tests."""

    notebook: str
    package: str
    version: str
    values: tuple[ComparedValue, ...] = ()
    tests: dict[str, int] = field(default_factory=dict)  # passed, failed, … of the inline tests
    durations_s: dict[str, float] = field(default_factory=dict)

    def count(self, verdict: str) -> int:
        """How many values have this verdict."""
        return sum(value.verdict == verdict for value in self.values)


@dataclass(frozen=True, kw_only=True)
class Sync(Judgement):
    """Hand edits of the module brought back into the notebook; all of them or, not passed, none."""

    notebook: str
    package: str
    version: str = ""  # of the module as it is then; "" where nothing was synced
    edited: tuple[str, ...] = ()  # files of the module that were edited by hand
    cells: dict[str, str] = field(default_factory=dict)  # cell id -> the diff of its source
    changed: tuple[str, ...] = ()  # files of the module whose bytes changed: headers, the manifest
    written: bool = False
