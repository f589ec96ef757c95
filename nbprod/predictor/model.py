"""Saves a fitted model and loads it again: scikit-learn by skops, torch by ``torch.export``.

Anything else can only be pickled, which runs code when it is loaded: [model] allow_pickle must name
the model's type where it is trained and wherever it is loaded.
"""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, Any

from nbprod.errors import ExecutionError, ServingError, TamperedReleaseError
from nbprod.predictor.placement import CPU, Placement
from nbprod.predictor.sklearn_format import load_sklearn, save_sklearn
from nbprod.predictor.torch_format import is_torch, load_torch, save_torch

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from nbprod.records import Json

SKLEARN_FILE = "model.skops"
TORCH_FILE = "model.pt2"
PICKLE_FILE = "model.pkl"
PICKLED = "cloudpickle"  # the format that runs code when it is loaded
# What ``load_package`` adds to a package's name.
_LOADED_AS = re.compile(r"__\w{11,12}_[0-9a-f]{8}(?=\.)")
# Where a process is told which types may be unpickled: [model] allow_pickle, separated by commas.
ALLOW_PICKLE = "NBPROD_ALLOWED_PICKLES"


def save_model(
    model: Any,
    folder: Path,
    *,
    call: Callable[[Any], Any] | None = None,
    allow_pickle: Collection[str] | None = None,
) -> Json:
    """Writes a model into a folder; what ``load_model`` needs to know of it.

    model: a scikit-learn estimator or pipeline, a dict, list or tuple of such and of NumPy
        arrays, or a torch ``nn.Module``.
    call: runs the module's own ``predict`` on a few rows with the model it is given; a torch
        model is exported for the tensors that ``predict`` hands to it there.
    allow_pickle: types by their full name that may be pickled; see ``allowed_pickles``.
    Raises ExecutionError naming the type that cannot be saved.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if _name(model) in allowed_pickles(allow_pickle):
        return _save_pickle(model, folder)
    if is_torch(model):
        return _saved_torch(model, folder, call)
    try:
        trusted = save_sklearn(model, folder / SKLEARN_FILE)
    except ExecutionError as error:
        raise _refused(model, error.message, error.hint) from error
    except (TypeError, ValueError, AttributeError, LookupError) as error:
        raise _refused(model, str(error)) from error
    return {"format": "skops", "file": SKLEARN_FILE, "type": _name(model), "trusted": trusted}


def load_model(
    folder: Path,
    manifest: Json,
    *,
    allow_pickle: Collection[str] | None = None,
    placement: Placement = CPU,
) -> Any:
    """The model again; call it only after the folder's hashes were verified.

    manifest: what ``save_model`` returned; exactly the types it names are trusted. allow_pickle:
    types that may be unpickled, whatever the manifest says; see ``allowed_pickles``.
    placement: where a torch model computes; raises ServingError where it cannot.
    """
    if placement.device.startswith("cuda") and manifest["format"] != "torch.export":
        raise ServingError(
            f"[serving] device is {placement.device}, and {manifest['type']} computes on the CPU",
            hint='only torch models are placed: device = "auto"',
        )
    if manifest["format"] == PICKLED:
        return _load_pickle(folder / manifest["file"], manifest["type"], allow_pickle)
    if manifest["format"] == "skops":
        return load_sklearn(folder / manifest["file"], manifest["trusted"])
    if manifest["format"] == "torch.export":
        return load_torch(folder / manifest["file"], placement)
    raise TamperedReleaseError(
        f"the bundle names the unknown model format {manifest['format']!r}",
        hint="it was written by a newer nbprod: update this one, or train again",
    )


def allowed_pickles(named: Collection[str] | None) -> frozenset[str]:
    """The types that may be (un)pickled: those named, else those this process was told of."""
    if named is not None:
        return frozenset(named)
    return frozenset(os.environ.get(ALLOW_PICKLE, "").split(",")) - {""}


def _save_pickle(model: Any, folder: Path) -> Json:
    import cloudpickle

    # Classes of the notebook's own module have another name wherever they are loaded: they go
    # along.
    root = type(model).__module__.partition(".")[0]
    loaded = [name for name in sys.modules if name == root or name.startswith(f"{root}.")]
    own = [sys.modules[name] for name in loaded] if _LOADED_AS.search(f"{root}.") else []
    for module in own:
        cloudpickle.register_pickle_by_value(module)
    try:
        (folder / PICKLE_FILE).write_bytes(cloudpickle.dumps(model))
    except Exception as error:  # pickling runs the type's own code
        raise _refused(model, f"it cannot be pickled: {error}") from error
    finally:
        for module in own:
            cloudpickle.unregister_pickle_by_value(module)
    return {"format": PICKLED, "file": PICKLE_FILE, "type": _name(model), "trusted": []}


def _load_pickle(path: Path, type_name: str, allow_pickle: Collection[str] | None) -> Any:
    if type_name not in allowed_pickles(allow_pickle):
        raise TamperedReleaseError(
            f"{path.name} holds a pickled {type_name}, which may not be loaded here",
            hint="loading it runs code. Where it comes from your own training, allow it in "
            f'nbprod.toml:\n\n  [model]\n  allow_pickle = ["{type_name}"]',
        )
    import pickle

    try:
        return pickle.loads(path.read_bytes())  # noqa: S301 - hashes verified, and asked for by type
    except Exception as error:  # unpickling runs the type's own code
        raise TamperedReleaseError(
            f"{path.name} cannot be loaded: {type(error).__name__}: {error}",
            hint="another version of the library that made it is installed: compare lock.txt",
        ) from error


def _saved_torch(model: Any, folder: Path, call: Callable[[Any], Any] | None) -> Json:
    try:
        save_torch(model, folder / TORCH_FILE, call)
    except ExecutionError as error:
        raise _refused(model, error.message, error.hint) from error
    return {"format": "torch.export", "file": TORCH_FILE, "type": _name(model), "trusted": []}


def _refused(model: Any, reason: str, hint: str = "") -> ExecutionError:
    allowed = f'[model] allow_pickle = ["{_name(model)}"]'
    return ExecutionError(
        f"train() returned a {_name(model)} that cannot be saved: {reason}",
        hint=(hint or "return a scikit-learn estimator or pipeline, or a torch nn.Module")
        + f"; a pickle, which runs code when it is loaded, must be allowed: {allowed}",
        type=_name(model),
    )


def _name(value: Any) -> str:
    """A type's full name; of one of the module's own the name it has in its files."""
    return _LOADED_AS.sub("", f"{type(value).__module__}.{type(value).__qualname__}", count=1)
