"""``nbprod.toml`` + environment -> one frozen ``Settings``.

Precedence: argument > ``NBPROD_<SECTION>_<KEY>`` in the environment > file > default.
Unknown keys are refused with "did you mean"; every error names file, line and key.
"""

from nbprod.config.places import FILE_NAME
from nbprod.config.reading import load_settings, setting_values
from nbprod.config.sections import (
    SECTIONS,
    Data,
    Envelope,
    Gate,
    Model,
    Module,
    Monitor,
    Notebooks,
    Parity,
    Retrain,
    Rollout,
    Serving,
    Settings,
    Store,
)
from nbprod.config.values import duration_s

__all__ = [
    "FILE_NAME",
    "SECTIONS",
    "Data",
    "Envelope",
    "Gate",
    "Model",
    "Module",
    "Monitor",
    "Notebooks",
    "Parity",
    "Retrain",
    "Rollout",
    "Serving",
    "Settings",
    "Store",
    "duration_s",
    "load_settings",
    "setting_values",
]
