"""How far rounding alone moves a feature: the distance that no tolerance in units can tell.

A difference of large terms (``x @ w - x``, a residual, a distance to a near centre) is noisy to
the size of its terms, which the feature itself does not show. So where a feature differs by
next to nothing beside the numbers of the rows, the rows' own numbers are moved by one unit in
the last place: an answer within a few times of what that does is as good as any (a backward
stable one; Higham, Accuracy and Stability of Numerical Algorithms, 1.5).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nbprod.data.comparison import UNMEASURABLE, is_single, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    import pandas as pd

    from nbprod.data.comparison import Difference

    Floats = np.ndarray[Any, np.dtype[np.float64]]

_DRAWS = 3
_TIMES = 64.0  # as many units as the default tolerance allows
_SHARE = 0.9  # of the rows: one that stands on a step may jump
_TINY = 4096.0  # units of the rows' largest number: what is farther apart is no rounding
_UNITS = {True: 2.0**-23, False: 2.0**-52}  # of a number in single, and in double precision


@dataclass
class Noise:
    """What rounding does to each feature of some rows; computed when it is first asked for."""

    rows: pd.DataFrame
    features: Callable[[pd.DataFrame], pd.DataFrame]  # may raise whatever the transform raises
    _known: dict[bool, dict[str, float]] = field(default_factory=dict)

    def allows(
        self, difference: Difference, expected: pd.DataFrame, actual: pd.DataFrame
    ) -> tuple[float, float] | None:
        """How far apart a column's values may be for rounding, and are; None if farther."""
        if difference.kind != "value" or difference.distance >= UNMEASURABLE:
            return None
        named = [name for name in expected.columns if str(name) == difference.column]
        left, right = (_floats(frame, named) for frame in (expected, actual))
        if left is None or right is None or (whole(left) and whole(right)):
            return None
        single = is_single(left, right)
        apart = _largest(left - right)
        if apart > _TINY * _UNITS[single] * _magnitude(self.rows):
            return None
        limit = _TIMES * self._of(single).get(difference.column, 0.0)
        return (limit, apart) if apart <= limit else None

    def _of(self, single: bool) -> Mapping[str, float]:
        if single not in self._known:
            try:
                self._known[single] = _measured(self.rows, self.features, _UNITS[single])
            except Exception:  # noqa: BLE001 - the user's code: then nothing is put down to rounding
                self._known[single] = {}
        return self._known[single]


def _measured(
    rows: pd.DataFrame, features: Callable[[pd.DataFrame], pd.DataFrame], unit: float
) -> dict[str, float]:
    """By how much each feature moves when every float of the rows moves by a unit.

    A feature that differs when nothing moved is left to the relation that repeats calls.
    """
    import numpy as np

    base, again = features(rows), features(rows)
    found: dict[str, float] = {}
    for seed in range(_DRAWS):
        moved = features(_shaken(rows, unit, np.random.default_rng(seed)))
        for name in base.columns:
            one, same, other = (_floats(frame, [name]) for frame in (base, again, moved))
            if one is None or same is None or other is None or len(one) != len(other):
                continue
            if np.array_equal(one, same, equal_nan=True):
                gaps = np.abs(one - other)
                gaps = gaps[np.isfinite(gaps)]
                gap = float(np.quantile(gaps, _SHARE)) if len(gaps) else 0.0
                found[str(name)] = max(found.get(str(name), 0.0), gap)
    return found


def _shaken(rows: pd.DataFrame, unit: float, rng: np.random.Generator) -> pd.DataFrame:
    moved = rows.copy()
    for name in _float_columns(rows):
        signs = rng.choice([-1.0, 1.0], len(rows))
        moved[name] = (rows[name] * (1.0 + unit * signs)).astype(rows[name].dtype)
    return moved


def _float_columns(rows: pd.DataFrame) -> list[Any]:
    return [name for name in rows.columns if getattr(rows[name].dtype, "kind", "O") == "f"]


def _magnitude(rows: pd.DataFrame) -> float:
    import numpy as np

    values = rows[_float_columns(rows)].to_numpy(dtype=np.float64, na_value=np.nan)
    return max(_largest(values.ravel()), 1.0)


def _floats(frame: pd.DataFrame, names: list[Any]) -> Floats | None:
    import numpy as np

    if len(names) != 1 or names[0] not in frame.columns:
        return None
    column = frame[names[0]]
    if getattr(column.dtype, "kind", "O") != "f":
        return None
    values: Floats = column.to_numpy(dtype=np.float64, na_value=np.nan)
    return values


def _largest(values: Floats) -> float:
    import numpy as np

    known = np.abs(values[np.isfinite(values)])
    return float(known.max()) if len(known) else 0.0
