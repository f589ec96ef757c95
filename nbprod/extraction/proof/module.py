"""The module, walked as training walks it, on the notebook's own parameters and rows.

What its functions compute on the way is seen too: the local names of an entry function are looked
at when it returns, so that the first value that is not the cells' own can be named.
"""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any

from nbprod.errors import ConfigError, ExecutionError
from nbprod.extraction.proof.cells import is_probe, probe_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from types import FrameType

    from nbprod.extraction.proof.encoding import Encoder
    from nbprod.extraction.proof.plan import Expected, Plan
    from nbprod.records import Json, Progress


class Walk:
    """One walk through a loaded package, which has ``has``, ``call`` and its files as attributes.

    label: the label column, "" where it is not known. hidden: columns that a transform never sees.
    load: gives the frame where the module has no load().
    """

    def __init__(
        self,
        package: Any,
        plan: Plan,
        encoder: Encoder,
        *,
        label: str,
        hidden: Collection[str],
        load: Callable[[], Any],
    ) -> None:
        self.package = package
        self.plan = plan
        self.encoder = encoder
        self.label = label
        self.hidden = frozenset(hidden)
        self.values: dict[str, Json] = {}
        self.rows: list[int] = []  # positions of the training rows in the frame
        self._load = load
        self._probes: list[Any] = []

    def run(self, *, seeded: Callable[[], None], progress: Progress) -> Json:
        """Walk: {"values": {key: encoded}, "rows": positions of the training rows}.

        Raises ExecutionError with the notebook's cell and line where the module raises.
        """
        package = self.package
        for file in ("parameters", "lib", "data", "features", "training", "inference"):
            if package.has(file):
                getattr(package, file)
        seeded()
        parameters = package.parameters.Parameters()
        self._constants(parameters)
        progress("the module: loading the data", 0.0)
        frame = self._call("data.load", parameters) if package.has("data") else self._load()
        train, holdout = self._split(frame, parameters)
        self.rows = _positions(frame, train)
        progress("the module: fitting and transforming", 0.2)
        state = self._call("features.fit", train, parameters)
        features = {}
        if self._has("features", "transform"):
            features["train"] = self._transform(train, state, "train")
        model = None
        if self._has("training", "train") and "train" in features:
            progress("the module: training", 0.4)
            label = self._label_of(train)
            model = self._call("training.train", features["train"], label, parameters)
        progress("the module: predicting", 0.8)
        wanted = {self.plan.predicted, *(value.rows for value in self.plan.values)}
        if features and holdout is not None and "holdout" in wanted:
            features["holdout"] = self._transform(holdout, state, "holdout")
        rows = self.plan.predicted
        if model is not None and rows in features and self._has("inference", "predict"):
            self._call("inference.predict", model, features[rows], state, rows=rows)
        return {"values": self.values, "rows": self.rows if self.plan.tangled else []}

    def _has(self, file: str, name: str) -> bool:
        return self.package.has(file) and hasattr(getattr(self.package, file), name)

    def _split(self, frame: Any, parameters: Any) -> tuple[Any, Any]:
        """Without a split of its own the notebook trains on all rows; so does the walk."""
        if not self._has("data", "split"):
            return frame, None
        parts = self._call("data.split", frame, parameters)
        if not isinstance(parts, tuple | list) or len(parts) != 2:
            raise ExecutionError(
                f"data.split() returned a {type(parts).__name__}, not (train, holdout)",
                hint="the split cells must leave two frames",
            )
        return parts[0], parts[1]

    def _transform(self, frame: Any, state: Any, rows: str) -> Any:
        inputs = frame[[name for name in frame.columns if name not in self.hidden]]
        return self._call("features.transform", inputs, state, rows=rows)

    def _label_of(self, train: Any) -> Any:
        if not self.label or self.label not in train:
            raise ConfigError(
                f"the data has no label column {self.label!r}"
                if self.label
                else "nothing says which column is the label",
                hint='name it in nbprod.toml: [data] label = "…"',
            )
        return train[self.label]

    # ------------------------------------------------------------ what is seen on the way

    def _constants(self, parameters: Any) -> None:
        for value in self.plan.values:
            if value.place == "parameters.Parameters":
                self._take(value, parameters)
            elif "." not in value.place:
                self._take(value, getattr(self.package, value.place))

    def _take(self, value: Expected, holder: Any) -> None:
        """Write down an attribute of something; what is not there gets no key."""
        with contextlib.suppress(AttributeError):
            self.values[value.key] = self.encoder.encode(getattr(holder, value.local))

    def _call(self, dotted: str, *arguments: Any, rows: str = "") -> Any:
        """Call an entry function and write down what it computes that the plan wants."""
        wanted = [
            value
            for value in self.plan.values
            if value.place == dotted and (not rows or value.rows in ("", rows))
        ]
        inside = [value for value in wanted if value.local]
        with _locals_of(
            self.package.entry_point(dotted), lambda names: self._locals(inside, names)
        ):
            result = self.package.call(dotted, *arguments)
        if dotted == "features.fit":
            for value in self.plan.values:
                if value.place == "features.State":
                    self._take(value, result)
        for value in wanted:
            if not value.local:
                parts = result if value.item >= 0 else [result]
                self._write(value, parts[max(value.item, 0)])
        return result

    def _locals(self, wanted: list[Expected], names: dict[str, Any]) -> None:
        for value in wanted:
            for local in (value.local, *value.others):
                if local in names:
                    self._write(value, names[local])
                    break

    def _write(self, value: Expected, held: Any) -> None:
        probes = self._probes if value.place.startswith(("training.", "inference.")) else ()
        self.values[value.key] = self.encoder.encode(held, probes)
        if is_probe(value):
            self._probes.append(probe_of(held))


def _positions(frame: Any, train: Any) -> list[int]:
    """Where the training rows stand in the frame, by their index; empty where it does not say."""
    index = getattr(frame, "index", None)
    if index is None or not hasattr(index, "get_indexer") or not index.is_unique:
        return []
    found = index.get_indexer(train.index).tolist()
    return found if -1 not in found else []


@contextlib.contextmanager
def _locals_of(function: Any, seen: Callable[[dict[str, Any]], None]) -> Iterator[None]:
    """Hand over the local names of a function when it returns."""
    code = getattr(function, "__code__", None)
    raised = False

    def inside(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal raised
        if event == "exception":
            raised = True
        elif event == "line":
            raised = False  # it was caught
        elif event == "return" and not raised:
            seen(dict(frame.f_locals))
        return inside

    def enter(frame: FrameType, event: str, _: Any) -> Any:
        return inside if event == "call" and frame.f_code is code else None

    before = sys.gettrace()
    sys.settrace(enter)
    try:
        yield
    finally:
        sys.settrace(before)
