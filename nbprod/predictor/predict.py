"""The predictor: rows in, answers out; what HTTP, batch, parity and golden requests share."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from nbprod.errors import TamperedReleaseError
from nbprod.predictor.accepting import Acceptance, features_of, select_inputs
from nbprod.predictor.answers import Answer, OutputJudge, output_error, shaped
from nbprod.predictor.bundle import Bundle, read_bundle, require_intact
from nbprod.predictor.calling import predict_rows, served_rows, transform_rows
from nbprod.predictor.model import load_model
from nbprod.predictor.modules import LoadedModule, load_package
from nbprod.predictor.placement import CPU, Placement
from nbprod.predictor.plain_frames import columns_of
from nbprod.predictor.state import load_state

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime
    from pathlib import Path

    import pandas as pd

    from nbprod.predictor.accepting import Row
    from nbprod.records import DataContract


class Predictor:
    """A bundle that answers rows."""

    def __init__(self, bundle: Bundle, module: LoadedModule, state: Any, model: Any) -> None:
        self.bundle = bundle
        self.module = module
        self.state = state
        self.model = model
        #: how far a golden answer may be from the one given in training, relative
        self.tolerance = CPU.tolerance("cpu")
        online = module.has_entry("features.transform_online")
        self._acceptance = Acceptance(bundle.contract, bundle.module_path, online=online)
        #: judges rows as JSON gives them, as `answer` does
        self.validator = self._acceptance.validator
        self._output_judge = OutputJudge(bundle.contract, bundle.module_path)
        # the two submodules are imported now, not while the first caller waits
        for entry in ("features.transform", "inference.predict"):
            module.entry_point(entry)

    @classmethod
    def load(
        cls,
        folder: str | Path,
        *,
        verify: bool = True,
        digest: str | None = None,
        trusted_keys: Sequence[str] = (),
        allow_pickle: Collection[str] | None = None,
        placement: Placement = CPU,
    ) -> Predictor:
        """The predictor of a bundle or release folder.

        verify: compare every file with its hash first.
        digest: the digest a record names; another one is refused.
        trusted_keys: public keys in base64; with any, the release must be signed by one of them.
        allow_pickle, placement: see ``load_model``.
        Raises TamperedReleaseError naming each file that is missing, changed or added.
        """
        bundle = read_bundle(folder)
        if verify:
            require_intact(folder, trusted_keys=trusted_keys)
        if digest is not None and digest != bundle.digest:
            raise TamperedReleaseError(
                f"{folder} has the digest {bundle.digest[:12]}, its record says {digest[:12]}",
                hint="restore the folder from a copy you trust, or train and release again",
            )
        module = load_package(bundle.module_path, bundle.module_version)
        state = load_state(module.entry_point("features.State"), bundle.folder / "state")
        model = load_model(
            bundle.folder / "model", bundle.model, allow_pickle=allow_pickle, placement=placement
        )
        predictor = cls(bundle, module, state, model)
        predictor.tolerance = placement.tolerance(getattr(model, "placed_on", "cpu"))
        return predictor

    @property
    def contract(self) -> DataContract:
        """The data contract the bundle was made under."""
        return self.bundle.contract

    @property
    def module_version(self) -> str:
        """The digest of the module's code."""
        return self.bundle.module_version

    @property
    def digest(self) -> str:
        """The digest over every file of the bundle."""
        return self.bundle.digest

    @property
    def name(self) -> str:
        """The model's name."""
        return self.bundle.name

    def transform(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Features of raw rows: columns that are not inputs are dropped, the index is kept.

        Raises DataError when an input column is missing, ExecutionError when transform raises.
        """
        return transform_rows(self.module, select_inputs(frame, self.contract.input), self.state)

    def features(self, rows: Sequence[Row]) -> pd.DataFrame:
        """Features of rows as JSON gives them: validated, typed by the contract, transformed.

        Raises DataError with every violation when a row breaks the contract.
        """
        return features_of(self.module, self.state, self.contract.input, self.validator, rows)

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Outputs of raw rows, one column for each output, the index kept.

        For gates and batches: the frame may carry further columns. Outputs are checked by the
        caller (``check_frame``); ``answer`` checks its own.
        """
        return self.predict_features(self.transform(frame))

    def predict_features(self, features: pd.DataFrame) -> pd.DataFrame:
        """Outputs of rows that are features already."""
        names = [rule.name for rule in self.contract.output]
        return predict_rows(self.module, self.model, features, self.state, names)

    def answer(
        self, rows: Sequence[Row], *, partial: bool = False, as_of: datetime | None = None
    ) -> Answer:
        """Answers rows as JSON gives them: the path that serves.

        The set is refused whole when one row breaks the contract, unless ``partial``: then the
        good rows are answered. The same rows give the same answer. as_of: the moment at which
        rows must be fresh, where the contract says how old they may be; None asks for no age.
        Raises ExecutionError when the user's code raises, or (unless ``partial``) when the
        model's output breaks the contract: such an output is never answered.
        """
        started = time.perf_counter()
        accepted = self._acceptance.of(rows, as_of)
        good, violations = accepted.good, accepted.violations
        if accepted.rows is None or (violations and not partial):
            return Answer([], [], violations, [])
        validated = time.perf_counter()
        features = served_rows(self.module, accepted.rows, self.contract.input, self.state)
        transformed = time.perf_counter()
        outputs = columns_of(self.predict_features(features))
        stage_s = {
            "validate": validated - started,
            "transform": transformed - validated,
            "predict": time.perf_counter() - transformed,
        }
        fed = columns_of(features)
        failed = self._output_judge.broken(outputs, good)
        if failed:
            if not partial:
                raise output_error(failed)
            broken = {violation.row for violation in failed}
            kept = [place for place, row in enumerate(good) if row not in broken]
            good = [good[place] for place in kept]
            outputs, fed = outputs.at(kept), fed.at(kept)
        return Answer(shaped(outputs), fed, violations, good, failed, stage_s)
