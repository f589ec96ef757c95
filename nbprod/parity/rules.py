"""What each parity code says, and the fix it asks for; and findings made of differences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbprod.data.comparison import UNMEASURABLE, Difference
from nbprod.data.row_values import plain
from nbprod.parity.origins import origin_of
from nbprod.records import REDACTED, Finding, Json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbprod.notebook.places import Place
    from nbprod.parity.calls import Raised, Subject

_SHOWN_ROWS = 5
_SHOWN_COLUMNS = 20

# code -> what is wrong, and what to do
RULES: dict[str, tuple[str, str]] = {
    "NBP001": (
        "train path and serve path give different values for the same row",
        "let both paths call the same transform; where serving needs its own code, correct it",
    ),
    "NBP002": (
        "a row's features depend on the other rows of the batch",
        (
            "learn it once in a cell tagged nbprod:fit (means, modes, vocabularies, categories) "
            "and read it from the state"
        ),
    ),
    "NBP003": (
        "the features depend on the order of the rows",
        "a request has one row and no neighbours: bring what it needs in the row, or in the state",
    ),
    "NBP004": (
        "the same call gives other features",
        (
            "take random numbers and the clock out of the transform; a time of reference belongs "
            "in the row, a random choice in the state"
        ),
    ),
    "NBP005": (
        "the transform changes what it was given, or remembers earlier calls",
        "work on `frame.copy()`, and let only nbprod:fit write to the state or to globals",
    ),
    "NBP006": (
        "the way through JSON changes the features",
        (
            "cast at the top of the transform (dates by pd.to_datetime, numbers by astype), and "
            "state the column's type in the contract"
        ),
    ),
    "NBP007": (
        "names, order or types of the columns are not always the same",
        "end the transform by selecting the columns in a fixed order and casting each to its type",
    ),
    "NBP008": (
        "another process computes other features",
        (
            "do not rely on the machine's time zone or locale, nor on the order of a set: name the "
            "zone, sort the values"
        ),
    ),
    "NBP009": (
        "an input that is allowed breaks the transform",
        (
            "handle the value in the transform (fillna, a default for unseen categories), or "
            "forbid it in the contract"
        ),
    ),
    "NBP010": (
        "the state is not the one that training fitted",
        "fit on the same rows with a fixed seed, and save the state that trained the model",
    ),
    "NBP011": (
        "a feature reads what is not known at prediction time",
        "compute it from columns known before the prediction, and what needs labels in nbprod:fit",
    ),
}


def divergence(
    subject: Subject,
    code: str,
    difference: Difference,
    *,
    columns: Sequence[str],
    where: str,
    positions: Sequence[int] = (),
    hint: str = "",
    **details: Any,
) -> Finding:
    """The finding of a difference; its columns count as explained from here on.

    where: how the two values came about, "alone, in a batch of 3". positions: the smallest
    input that shows it, rows of the subject.
    """
    subject.explained.update(columns)
    subject.order_explained = subject.order_explained or difference.kind == "order"
    what, fix = RULES[code]
    made = origin(subject, difference.column, positions[:_SHOWN_ROWS])
    place = made.pop("place", None)
    more = f" (and {len(columns) - 1} more columns)" if len(columns) > 1 else ""
    return Finding(
        code=code,
        severity="error",
        message=f"{what}: {told(difference)}{more} {where}".rstrip(),
        hint=hint or fix,
        column=difference.column or None,
        details={
            "kind": difference.kind,
            "expected": difference.expected,
            "actual": difference.actual,
            "distance": None if difference.distance >= UNMEASURABLE else difference.distance,
            "tolerance": difference.tolerance,
            "apart": _apart(difference),
            "columns": sorted(columns)[:_SHOWN_COLUMNS],
            **smallest_input(subject, positions),
            **made,
            **details,
        },
        **_placed(place),
    )


def breakage(
    subject: Subject,
    code: str,
    error: Raised | str,
    *,
    where: str,
    positions: Sequence[int] = (),
    hint: str = "",
    column: str | None = None,
    **details: Any,
) -> Finding:
    """The finding of a call that raised where another did not."""
    text = error if isinstance(error, str) else error.text
    if text.startswith("MemoryError"):  # whatever was being tried, this is why
        code = "NBP009"
    what, fix = RULES[code]
    place = None if isinstance(error, str) else error.place
    moved = details.get("columns") or []
    made = origin(subject, moved[0]) if place is None and moved else {}
    place = made.pop("place", None) or place
    return Finding(
        code=code,
        severity="error",
        message=f"{what}: it raises {text} {where}".rstrip(),
        hint=hint or fix,
        column=column,
        details={"error": text, **smallest_input(subject, positions), **made, **details},
        **_placed(place),
    )


def smallest_input(subject: Subject, positions: Sequence[int]) -> Json:
    """Rows of the subject as a finding can hold them."""
    if not positions:
        return {}
    shown = subject.rows.iloc[list(positions[:_SHOWN_ROWS])]
    return {
        "smallest_rows": len(positions),
        "positions": [int(position) for position in positions[:_SHOWN_COLUMNS]],
        "rows": [
            {
                str(name): REDACTED if name in subject.redact else plain(value)
                for name, value in row.items()
            }
            for row in shown.to_dict("records")
        ],
    }


def told(difference: Difference) -> str:
    """A difference in words: both values, how far apart, and how far they may be."""
    name = f"column {difference.column!r}"
    expected, actual = difference.expected, difference.actual
    if difference.kind == "rows":
        return f"{expected} rows became {actual}"
    if difference.kind == "missing":
        return f"{name} is missing"
    if difference.kind == "extra":
        return f"{name} appears"
    if difference.kind == "order":
        return f"the columns stand in another order, from {name} on"
    if difference.kind == "dtype":
        return f"{name} is {expected}, then {actual}"
    shown = f"{name} is {expected!r}, then {actual!r}"
    if difference.distance >= UNMEASURABLE or isinstance(expected, str):
        return f"{shown} (tolerance {difference.tolerance})"
    apart = _apart(difference)
    gap = f"{apart:.3g} apart, " if apart is not None else ""
    unit = difference.tolerance.partition(":")[0]
    if unit in ("rel", "ulp"):
        gap += f"{difference.distance:.3g} {'units in the last place' if unit == 'ulp' else unit}, "
    return f"{shown} ({gap}tolerance {difference.tolerance})"


def _apart(difference: Difference) -> float | None:
    """The plain distance of the two values shown, where they are numbers."""
    shown = difference.expected, difference.actual
    if difference.kind != "value" or not all(isinstance(value, int | float) for value in shown):
        return None
    apart = abs(float(shown[0]) - float(shown[1]))
    return apart if apart < UNMEASURABLE else None


def origin(subject: Subject, column: str | None, positions: Sequence[int] = ()) -> Json:
    """The fields of a finding that say which statement made the column."""
    found = origin_of(subject, column, positions) if column else None
    return {} if found is None else {"step": found.to_json(), "place": found.place}


def _placed(place: Place | None) -> dict[str, Any]:
    if place is None:
        return {}
    return {"notebook": place.notebook, "cell_id": place.cell_id, "line": place.line}
