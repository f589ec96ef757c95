"""A bundle that answers rows: what HTTP, batch, stream, parity and golden requests share."""

from nbprod.predictor.accepting import checked_features, select_inputs
from nbprod.predictor.answers import Answer
from nbprod.predictor.bundle import (
    Bundle,
    compare_files,
    digest_of,
    file_hashes,
    read_bundle,
    verify_bundle,
    write_bundle,
)
from nbprod.predictor.calling import predict_rows, transform_rows
from nbprod.predictor.fingerprint import fingerprint
from nbprod.predictor.golden import golden_requests, load_golden, replay_golden, save_golden
from nbprod.predictor.model import load_model, save_model
from nbprod.predictor.modules import LoadedModule, load_package
from nbprod.predictor.plain_frames import columns_of, records_of
from nbprod.predictor.predict import Predictor
from nbprod.predictor.state import load_state, save_state, state_digest

__all__ = [
    "Answer",
    "Bundle",
    "LoadedModule",
    "Predictor",
    "checked_features",
    "columns_of",
    "compare_files",
    "digest_of",
    "file_hashes",
    "fingerprint",
    "golden_requests",
    "load_golden",
    "load_model",
    "load_package",
    "load_state",
    "predict_rows",
    "read_bundle",
    "records_of",
    "replay_golden",
    "save_golden",
    "save_model",
    "save_state",
    "select_inputs",
    "state_digest",
    "transform_rows",
    "verify_bundle",
    "write_bundle",
]
