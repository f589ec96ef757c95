"""The way of a request: rows as JSON text, read back, given the contract's dtypes."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from nbprod.data.row_frames import frame_of
from nbprod.data.row_texts import typed
from nbprod.data.row_validation import RowValidator
from nbprod.parity.calls import Raised, Subject, first
from nbprod.parity.outcome import Outcome
from nbprod.parity.relations import pick
from nbprod.parity.rules import breakage, divergence
from nbprod.parity.saying import sayable, through_json
from nbprod.parity.shrink import smallest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pandas as pd

    from nbprod.data.custom_checks import CustomChecks
    from nbprod.parity.saying import Record
    from nbprod.records import DataContract, Finding

_SINGLES = 40
_FEW = 8  # and each column's null and extremes


@dataclass
class Request:
    """The subject's rows as a service receives them.

    ``records`` are what JSON gave back; ``positions`` are those that the contract allows.
    """

    records: list[Record]
    positions: list[int]
    contract: DataContract | None
    refused: list[str] = field(default_factory=list)  # why rows are not among the positions
    checks: CustomChecks | None = None  # what the contract asks beyond its rules

    @classmethod
    def of(
        cls,
        subject: Subject,
        contract: DataContract | None,
        not_sent: Sequence[str],
        checks: CustomChecks | None = None,
    ) -> Request:
        """The request of all rows; Raised when a value cannot be said in JSON."""
        names = [name for name in subject.rows.columns if name not in not_sent]
        if contract is not None:
            allowed = {rule.name for rule in contract.input}
            names = [name for name in names if str(name) in allowed]
        records = through_json(subject.rows[sayable(subject, names)])
        if contract is None:
            return cls(records, list(range(len(records))), None)
        good, violations = RowValidator(contract.input, contract.strict, checks).check(records)
        positions = [place for place, row in enumerate(good) if row is not None]
        refused = list(dict.fromkeys(f"{v.column}: {v.rule}" for v in violations))
        return cls(records, positions, contract, refused, checks)

    def allowed(self, records: Sequence[Record]) -> list[Record | None]:
        """Records in the contract's types, None where it refuses one."""
        assert self.contract is not None
        validator = RowValidator(self.contract.input, self.contract.strict, self.checks)
        return validator.check(records)[0]

    def frame(self, positions: Sequence[int]) -> pd.DataFrame:
        """These rows as the endpoint's frame: the contract's dtypes, or those of all rows."""
        if self.contract is None:
            places = [self.positions.index(place) for place in positions]
            return self._inferred.iloc[places].reset_index(drop=True)
        return self.frame_of([self.records[place] for place in positions])

    @cached_property
    def _inferred(self) -> pd.DataFrame:
        return self.frame_of([self.records[place] for place in self.positions])

    def frame_of(self, records: Sequence[Record]) -> pd.DataFrame:
        """Records as the endpoint's frame."""
        import pandas as pd

        if self.contract is None:
            return pd.DataFrame(list(records))
        good = self.allowed(records)
        return frame_of([row for row in good if row is not None], self.contract.input)


def wire(subject: Subject, request: Request) -> Outcome:
    """All rows through JSON text give the same features (NBP006)."""
    outcome = Outcome("wire", rows=len(request.positions))
    if not request.positions:
        why = ", ".join(request.refused[:3])
        return outcome.impossible(f"the contract refuses every row: {why}")
    if len(request.positions) < len(request.records):
        refused = len(request.records) - len(request.positions)
        outcome.reason = f"the contract refuses {refused} rows: {', '.join(request.refused[:3])}"
    outcome.findings.extend(_wired(subject, request, request.positions))
    for name, frame, positions in _other_wires(subject, request):
        if not outcome.findings and positions:
            outcome.findings.extend(_carried(subject, name, frame, positions))
    return outcome


def _other_wires(
    subject: Subject, request: Request
) -> Iterator[tuple[str, pd.DataFrame, list[int]]]:
    """The rows as Arrow and, where a contract types its texts, as CSV carry them."""
    import pyarrow as pa

    names = [name for name in subject.rows.columns if str(name) in (request.records or [{}])[0]]
    sent = subject.rows[names].iloc[request.positions]
    try:
        with warnings.catch_warnings():  # how pyarrow asks for values is not the user's business
            warnings.simplefilter("ignore", DeprecationWarning)
            table = pa.Table.from_pandas(sent, preserve_index=False)
    except (pa.ArrowException, TypeError, ValueError):  # cells that Arrow has no type for
        table = None
    if request.contract is None:
        if table is not None and not subject.nested:
            yield "Arrow", table.to_pandas(ignore_metadata=True), request.positions
        return
    rules = {rule.name: rule.dtype for rule in request.contract.input}
    texts = [_texts(request.records[place], rules) for place in request.positions]
    carried = [] if table is None else [("Arrow", table.to_pylist())]
    for name, records in (*carried, ("CSV", texts)):
        good = request.allowed(records)
        kept = [number for number, row in enumerate(good) if row is not None]
        frame = frame_of([row for row in good if row is not None], request.contract.input)
        yield name, frame, [request.positions[number] for number in kept]


def _texts(record: Record, rules: Mapping[str, str]) -> Record:
    """A record as CSV gives it back; an empty text and a null look the same there."""
    texts = {
        name: "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in record.items()
    }
    return {name: typed(text, rules.get(name, "str")) for name, text in texts.items()}


def _carried(
    subject: Subject, name: str, frame: pd.DataFrame, positions: list[int]
) -> list[Finding]:
    try:
        found = subject.compare(base_of(subject, positions), subject.features(frame))
    except Raised as raised:
        where = f"for rows that came as {name}"
        return [breakage(subject, "NBP006", raised, where=where, positions=positions[:1])]
    if not found.differences:
        return []
    difference = first(found)
    return [
        divergence(
            subject,
            "NBP006",
            difference,
            columns=sorted(found.columns),
            where=f"as the frame holds it and as it came through {name}",
            positions=[positions[max(difference.row, 0)]],
        )
    ]


def wire_alone(subject: Subject, request: Request) -> list[Finding]:
    """Rows that come alone through JSON give the same features; after the batch relation.

    Without a contract pandas guesses types from values, and of one row's any null would be an
    object: a row then comes under the types that all rows have together.
    """
    if not request.positions or subject.breaks_alone:
        return []
    count = _SINGLES if request.contract is not None else _FEW
    chosen = pick(subject.rows.iloc[request.positions], count)
    for place in chosen:
        found = _wired(subject, request, [request.positions[place]])
        if found and not (request.contract is None and found[0].details.get("kind") == "order"):
            return found
    return []


def _wired(subject: Subject, request: Request, positions: list[int]) -> list[Finding]:
    try:
        base = base_of(subject, positions)
    except Raised:
        return []  # the transform's own failure on these rows: the batch relation tells it
    try:
        found = subject.compare(base, subject.features(request.frame(positions)))
    except Raised as raised:

        def raises(places: list[int]) -> bool:
            try:
                subject.features(request.frame(places))
            except Raised:
                return True
            return False

        where = "for rows that came as JSON"
        shrunk = smallest(positions, raises)
        return [breakage(subject, "NBP006", raised, where=where, positions=shrunk)]
    if not found.differences:
        return []
    difference, shrunk = first(found), positions
    if len(positions) > 1:

        def shows(places: list[int]) -> bool:
            try:
                wired = subject.features(request.frame(places))
                return bool(subject.compare(subject.at(places), wired).differences)
            except Raised:
                return False

        one = [positions[max(difference.row, 0)]]
        shrunk = one if shows(one) else smallest(positions, shows)
    return [
        divergence(
            subject,
            "NBP006",
            difference,
            columns=sorted(found.columns),
            where="as the frame holds it and as it came through JSON",
            positions=shrunk,
        )
    ]


def base_of(subject: Subject, positions: list[int]) -> pd.DataFrame:
    """Features of the rows at these positions on the train path."""
    if len(positions) == len(subject.rows):
        return subject.base
    return subject.at(positions)
