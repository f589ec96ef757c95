"""Negative controls: damage done on purpose, which a check must notice to count.

A notebook does nothing for it: under a sabotage the gate swaps the snapshot's labels, and
`load_predictor` gives a predictor whose answers are damaged. A sabotage of the notebook's own
making is any other name; the notebook asks `sabotage()` whether it is on.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.predictor.predict import Predictor

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

SABOTAGE_VARIABLE = "NBPROD_SABOTAGE"
SNAPSHOT_VARIABLE = "NBPROD_GATE_SNAPSHOT"
CANDIDATE_VARIABLE = "NBPROD_GATE_CANDIDATE"
DELAY_VARIABLE = "NBPROD_GATE_DELAY_MS"
PREDICTOR_KINDS = (
    "constant",
    "shuffled_predictions",
    "swapped_column",
    "slow_predictions",
    "biased_predictions",
    "jittery_predictions",
    "nan_predictions",
)
_SEED = 20
_ROWS_FOR_THE_MEAN = 2000


def sabotage() -> str:
    """The sabotage that this notebook runs under; empty in the real run."""
    return os.environ.get(SABOTAGE_VARIABLE, "")


def load_predictor(path: str | Path) -> Predictor:
    """The predictor of a bundle, damaged when the gate runs this notebook under a sabotage.

    Only the candidate's is: a champion beside it answers as it always does.
    """
    predictor = Predictor.load(Path(path))
    if (kind := sabotage()) not in PREDICTOR_KINDS or not _is_candidate(Path(path)):
        return predictor
    damaged: Any = _Damaged(predictor, kind)
    answer: Predictor = damaged
    return answer


def _is_candidate(path: Path) -> bool:
    candidate = os.environ.get(CANDIDATE_VARIABLE)
    return not candidate or Path(candidate).resolve() == path.resolve()


class _Damaged:
    """A predictor that answers wrongly in one known way; all else is the real one's."""

    def __init__(self, predictor: Predictor, kind: str) -> None:
        self._predictor = predictor
        self._kind = kind
        self._constant: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._predictor, name)

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Damaged outputs for a frame, index and columns as the real predictor's."""
        if self._kind == "swapped_column":
            return self._predictor.predict(_permuted_columns(frame))
        return self._spoiled(self._predictor.predict(frame), frame)

    def answer(self, rows: Sequence[Any], **options: Any) -> Any:
        """Damaged answers to rows as JSON gives them."""
        import dataclasses

        import pandas as pd

        if self._kind == "swapped_column":
            return self._predictor.answer(_permuted_keys(rows), **options)
        answer = self._predictor.answer(rows, **options)
        shaped = [item if isinstance(item, dict) else {"output": item} for item in answer.outputs]
        fed = pd.DataFrame(answer.features)
        spoiled = self._spoiled(pd.DataFrame(shaped), fed).to_dict("records")
        plain = bool(answer.outputs) and not isinstance(answer.outputs[0], dict)
        outputs = [item["output"] if plain else item for item in spoiled]
        return dataclasses.replace(answer, outputs=outputs)

    def _spoiled(self, output: pd.DataFrame, asked: pd.DataFrame) -> pd.DataFrame:
        """Right answers made wrong; ``asked`` is what they answer, one row for each."""
        if self._kind == "slow_predictions":
            time.sleep(float(os.environ.get(DELAY_VARIABLE, "1000")) / 1000)
            return output
        if self._kind == "shuffled_predictions":
            return output.sample(frac=1, random_state=_SEED).set_axis(output.index)
        if self._kind == "constant":
            return output.assign(**self._constants(output))
        changes = {"biased_predictions": _biased, "nan_predictions": _holed}
        change = changes.get(self._kind)
        noise = None if change else _noise_of(asked)
        return output.assign(
            **{
                str(name): change(output[name]) if change else _jittered(output[name], noise)
                for name in output.columns
            }
        )

    def _constants(self, output: pd.DataFrame) -> dict[str, Any]:
        """The predictor's mean answer on the snapshot; on the rows at hand outside a gate."""
        if not self._constant:
            snapshot = os.environ.get(SNAPSHOT_VARIABLE)
            known = output
            if snapshot:
                import pandas as pd

                known = self._predictor.predict(pd.read_parquet(snapshot).head(_ROWS_FOR_THE_MEAN))
            self._constant = {str(name): _middle(known[name]) for name in known.columns}
        if set(self._constant) != set(output.columns):  # an answer's only output has no name
            return dict(zip(map(str, output.columns), self._constant.values(), strict=True))
        return self._constant


def _middle(column: pd.Series[Any]) -> Any:
    """The mean of numbers, the most frequent of anything else."""
    import pandas as pd

    if pd.api.types.is_float_dtype(column.dtype):
        return float(column.mean())
    return column.mode().iloc[0]


def _biased(column: pd.Series[Any]) -> pd.Series[Any]:
    """Every answer too high: probabilities half-way to one, other numbers by their own size."""
    values = column.astype("float64")
    if values.between(0, 1).all():
        return values + (1 - values) / 2
    return values + max(float(values.abs().mean()), 1.0)


def _holed(column: pd.Series[Any]) -> pd.Series[Any]:
    """Every tenth answer is missing, the first one among them."""
    import numpy as np

    values = column.astype("float64").to_numpy().copy()
    values[::10] = np.nan
    return column.astype("float64").mask(np.isnan(values))


def _noise_of(asked: pd.DataFrame) -> Any:
    """A number in [0, 1) for each row that depends on every bit of it: chaos, but repeatable."""
    import pandas as pd

    return pd.util.hash_pandas_object(asked, index=False).to_numpy() % 1_000_003 / 1_000_003


def _jittered(column: pd.Series[Any], noise: Any) -> pd.Series[Any]:
    """The least change of an input throws the answer anywhere between the lowest and highest."""
    values = column.astype("float64")
    low, high = (0.0, 1.0) if values.between(0, 1).all() else (values.min(), values.max() + 1)
    thrown: pd.Series[Any] = low + (high - low) * noise + 0 * values
    return thrown


def _permuted_columns(frame: pd.DataFrame) -> pd.DataFrame:
    """Every column in an order of its own: each value valid, no row what it was."""
    import numpy as np

    rng = np.random.default_rng(_SEED)
    return frame.assign(
        **{str(name): frame[name].array.take(rng.permutation(len(frame))) for name in frame.columns}
    )


def _permuted_keys(rows: Sequence[Any]) -> list[dict[str, Any]]:
    import numpy as np

    rng = np.random.default_rng(_SEED)
    mixed: list[dict[str, Any]] = [dict(row) for row in rows]
    for key in rows[0] if rows else ():
        for target, source in zip(mixed, rng.permutation(len(rows)), strict=True):
            if key in rows[source]:
                target[key] = rows[source][key]
    return mixed
