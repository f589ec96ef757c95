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

from nbprod.errors import DataError
from nbprod.predictor.predict import Predictor

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

SABOTAGE_VARIABLE = "NBPROD_SABOTAGE"
SNAPSHOT_VARIABLE = "NBPROD_GATE_SNAPSHOT"
DELAY_VARIABLE = "NBPROD_GATE_DELAY_MS"
SHUFFLED_LABELS = "shuffled_labels"
PREDICTOR_KINDS = ("constant", "shuffled_predictions", "swapped_column", "slow_predictions")
_SEED = 20
_ROWS_FOR_THE_MEAN = 2000


def sabotage() -> str:
    """The sabotage that this notebook runs under; empty in the real run."""
    return os.environ.get(SABOTAGE_VARIABLE, "")


def load_predictor(path: str | Path) -> Predictor:
    """The predictor of a bundle, damaged when the gate runs this notebook under a sabotage."""
    predictor = Predictor.load(Path(path))
    if (kind := sabotage()) not in PREDICTOR_KINDS:
        return predictor
    damaged: Any = _Damaged(predictor, kind)
    answer: Predictor = damaged
    return answer


def write_shuffled_labels(snapshot: Path, label: str, target: Path) -> None:
    """The snapshot with its label column in another order, written as parquet."""
    import numpy as np
    import pandas as pd

    frame = pd.read_parquet(snapshot)
    if label not in frame.columns:
        raise DataError(
            f"the snapshot has no column {label!r} to shuffle",
            hint="set [data] label in nbprod.toml, or name another sabotage",
        )
    order = np.random.default_rng(_SEED).permutation(len(frame))
    frame[label] = frame[label].to_numpy()[order]
    target.parent.mkdir(parents=True, exist_ok=True)
    frame.to_parquet(target)


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
        output = self._predictor.predict(frame)
        if self._kind == "slow_predictions":
            time.sleep(float(os.environ.get(DELAY_VARIABLE, "1000")) / 1000)
        elif self._kind == "shuffled_predictions":
            output = output.sample(frac=1, random_state=_SEED).set_axis(output.index)
        else:
            output = output.assign(**self._constants(output))
        return output

    def answer(self, rows: Sequence[Any], **options: Any) -> Any:
        """Damaged answers to rows as JSON gives them."""
        import dataclasses

        if self._kind == "swapped_column":
            return self._predictor.answer(_permuted_keys(rows), **options)
        answer = self._predictor.answer(rows, **options)
        if self._kind == "slow_predictions":
            time.sleep(float(os.environ.get(DELAY_VARIABLE, "1000")) / 1000)
            return answer
        outputs = list(answer.outputs)
        if self._kind == "shuffled_predictions":
            import numpy as np

            order = np.random.default_rng(_SEED).permutation(len(outputs))
            outputs = [outputs[place] for place in order]
        else:
            outputs = [self._one_constant(item) for item in outputs]
        return dataclasses.replace(answer, outputs=outputs)

    def _constants(self, output: pd.DataFrame) -> dict[str, Any]:
        """The predictor's mean answer on the snapshot; on the rows at hand outside a gate."""
        if not self._constant:
            snapshot = os.environ.get(SNAPSHOT_VARIABLE)
            known = output
            if snapshot:
                import pandas as pd

                known = self._predictor.predict(pd.read_parquet(snapshot).head(_ROWS_FOR_THE_MEAN))
            self._constant = {str(name): _middle(known[name]) for name in known.columns}
        return self._constant

    def _one_constant(self, output: Any) -> Any:
        import pandas as pd

        if isinstance(output, dict):
            return self._constants(pd.DataFrame([output]))
        return next(iter(self._constants(pd.DataFrame({"output": [output]})).values()))


def _middle(column: pd.Series[Any]) -> Any:
    """The mean of numbers, the most frequent of anything else."""
    import pandas as pd

    if pd.api.types.is_float_dtype(column.dtype):
        return float(column.mean())
    return column.mode().iloc[0]


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
