"""What a shadow would have answered, against what the champion did answer, row by row."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

from nbprod.records import FieldDifference, ShadowExample, ShadowReport, SliceDifference

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nbprod.records import Prediction

_RELATIVE = 1e-6  # float32 sums differ by so much between batch sizes; it is the same answer
_EXAMPLES = 10
_BINS = 12
_WORST_SLICES = 10
_LEAST_SLICE = 20
_MOST_VALUES = 50  # a column with more values than that is no slice


def compare_shadow(
    release: str, live: Iterable[Prediction], shadows: Iterable[Prediction]
) -> ShadowReport:
    """Pair each shadow's record with the live one it was made beside, and compare.

    shadows: records whose ``shadow_of`` is the id of a live one. A live record of which no shadow
    record is known counts as unpaired.
    """
    by_id = {record.id: record for record in live}
    pairs = [(by_id[record.shadow_of], record) for record in shadows if record.shadow_of in by_id]
    unpaired = len(by_id) - len({champion.id for champion, _ in pairs})
    if not pairs:
        return ShadowReport(release=release, pairs=0, unpaired=unpaired, agreement=None)
    same = [_agree(champion.output, shadow.output) for champion, shadow in pairs]
    return ShadowReport(
        release=release,
        pairs=len(pairs),
        unpaired=unpaired,
        agreement=sum(same) / len(same),
        fields=_fields(pairs),
        slices=_slices(pairs, same),
        examples=_examples(pairs, same),
        predictions=_predictions(pairs),
        latency_ms={
            role: _quantiles([record.latency_ms for record in records])
            for role, records in zip(("champion", "shadow"), zip(*pairs, strict=True), strict=True)
        },
    )


def _agree(one: Any, other: Any) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_agree(one[k], other[k]) for k in one)
    if _is_number(one) and _is_number(other):
        return math.isclose(one, other, rel_tol=_RELATIVE, abs_tol=_RELATIVE)
    return bool(one == other)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _fields(pairs: Sequence[tuple[Prediction, Prediction]]) -> tuple[FieldDifference, ...]:
    outputs = [(_named(champion.output), _named(shadow.output)) for champion, shadow in pairs]
    names = dict.fromkeys(name for one, other in outputs for name in (*one, *other))
    return tuple(_field(name, [(o.get(name), s.get(name)) for o, s in outputs]) for name in names)


def _predictions(pairs: Sequence[tuple[Prediction, Prediction]]) -> dict[str, dict[str, int]]:
    """Both roles' answers, of the first field where there are several, in the same bins."""
    answers: dict[str, list[Any]] = {
        "champion": [next(iter(_named(champion.output).values()), None) for champion, _ in pairs],
        "shadow": [next(iter(_named(shadow.output).values()), None) for _, shadow in pairs],
    }
    every = [value for values in answers.values() for value in values]
    if not all(_is_number(value) for value in every) or len(set(every)) <= _BINS:
        return {role: dict(Counter(map(str, values))) for role, values in answers.items()}
    low, high = min(every), max(every)
    width = (high - low) / _BINS or 1.0

    def bin_of(value: float) -> str:
        place = min(int((value - low) / width), _BINS - 1)
        return f"{low + place * width:.3g}"

    counted = {role: Counter(map(bin_of, values)) for role, values in answers.items()}
    names = dict.fromkeys(map(bin_of, sorted(every)))
    return {role: {name: found[name] for name in names} for role, found in counted.items()}


def _named(output: Any) -> dict[str, Any]:
    return output if isinstance(output, dict) else {"prediction": output}


def _field(name: str, values: Sequence[tuple[Any, Any]]) -> FieldDifference:
    agreement = sum(_agree(one, other) for one, other in values) / len(values)
    numbers = [other - one for one, other in values if _is_number(one) and _is_number(other)]
    if len(numbers) < len(values):
        return FieldDifference(name=name, agreement=agreement)
    distances = [abs(number) for number in numbers]
    return FieldDifference(
        name=name,
        agreement=agreement,
        mean_difference=math.fsum(numbers) / len(numbers),
        mean_distance=math.fsum(distances) / len(distances),
        max_distance=max(distances),
    )


def _slices(
    pairs: Sequence[tuple[Prediction, Prediction]], same: Sequence[bool]
) -> tuple[SliceDifference, ...]:
    """The slices that agree least, of input columns with few values."""
    counted: dict[tuple[str, str], list[int]] = {}
    values: dict[str, Counter[str]] = {}
    for (champion, _), agreed in zip(pairs, same, strict=True):
        for column, value in champion.inputs.items():
            if isinstance(value, float):
                continue
            seen = values.setdefault(column, Counter())
            if len(seen) > _MOST_VALUES:
                continue
            seen[str(value)] += 1
            count = counted.setdefault((column, str(value)), [0, 0])
            count[0] += 1
            count[1] += agreed
    found = [
        SliceDifference(column=column, value=value, rows=rows, agreement=agreed / rows)
        for (column, value), (rows, agreed) in counted.items()
        if rows >= _LEAST_SLICE and 1 < len(values[column]) <= _MOST_VALUES
    ]
    return tuple(sorted(found, key=lambda one: (one.agreement, -one.rows))[:_WORST_SLICES])


def _examples(
    pairs: Sequence[tuple[Prediction, Prediction]], same: Sequence[bool]
) -> tuple[ShadowExample, ...]:
    apart = [
        ShadowExample(
            champion_id=champion.id,
            shadow_id=shadow.id,
            inputs=champion.inputs,
            champion=champion.output,
            shadow=shadow.output,
            distance=_distance(champion.output, shadow.output),
        )
        for (champion, shadow), agreed in zip(pairs, same, strict=True)
        if not agreed
    ]
    apart.sort(key=lambda one: -(math.inf if one.distance is None else one.distance))
    return tuple(apart[:_EXAMPLES])


def _distance(one: Any, other: Any) -> float | None:
    mine, theirs = _named(one), _named(other)
    distances = [
        abs(theirs[name] - mine[name])
        for name in mine
        if name in theirs and _is_number(mine[name]) and _is_number(theirs[name])
    ]
    return max(distances) if distances else None


def _quantiles(values: Sequence[float]) -> dict[str, float]:
    ordered = sorted(values)
    return {
        name: ordered[min(math.ceil(q * len(ordered)) - 1, len(ordered) - 1)]
        for name, q in (("p50", 0.5), ("p99", 0.99))
    }
