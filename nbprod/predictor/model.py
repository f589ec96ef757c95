"""Saves a fitted model and loads it again: scikit-learn by skops, torch by ``torch.export``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from nbprod.errors import ExecutionError, TamperedReleaseError
from nbprod.predictor.sklearn_format import load_sklearn, save_sklearn

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nbprod.records import Json

SKLEARN_FILE = "model.skops"
TORCH_FILE = "model.pt2"


def save_model(model: Any, folder: Path, *, call: Callable[[Any], Any] | None = None) -> Json:
    """Writes a model into a folder; what ``load_model`` needs to know of it.

    model: a scikit-learn estimator or pipeline, a dict, list or tuple of such and of NumPy
        arrays, or a torch ``nn.Module``.
    call: runs the module's own ``predict`` on a few rows with the model it is given; a torch
        model is exported for the tensors that ``predict`` hands to it there.
    Raises ExecutionError naming the type that cannot be saved.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if _is_torch(model):
        return _save_torch(model, folder, call)
    try:
        trusted = save_sklearn(model, folder / SKLEARN_FILE)
    except ExecutionError as error:
        raise _refused(model, error.message, error.hint) from error
    except (TypeError, ValueError, AttributeError, LookupError) as error:
        raise _refused(model, str(error)) from error
    return {"format": "skops", "file": SKLEARN_FILE, "type": _name(model), "trusted": trusted}


def load_model(folder: Path, manifest: Json) -> Any:
    """The model again; call it only after the folder's hashes were verified.

    manifest: what ``save_model`` returned; exactly the types it names are trusted.
    """
    if manifest["format"] == "skops":
        return load_sklearn(folder / manifest["file"], manifest["trusted"])
    if manifest["format"] == "torch.export":
        return _load_torch(folder / manifest["file"])
    raise TamperedReleaseError(
        f"the bundle names the unknown model format {manifest['format']!r}",
        hint="it was written by a newer nbprod: update this one, or train again",
    )


def _refused(model: Any, reason: str, hint: str = "") -> ExecutionError:
    return ExecutionError(
        f"train() returned a {_name(model)} that cannot be saved: {reason}",
        hint=hint or "return a scikit-learn estimator or pipeline, or a torch nn.Module",
        type=_name(model),
    )


def _name(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"


def _is_torch(model: Any) -> bool:
    torch = sys.modules.get("torch")  # not imported: then the model cannot be torch's
    return torch is not None and isinstance(model, torch.nn.Module)


def _save_torch(model: Any, folder: Path, call: Callable[[Any], Any] | None) -> Json:
    import torch

    model.eval()
    examples = _tensors_given_to(model, call)
    # zeros of the same shapes: the archive keeps its example, and rows are not for keeping
    shapes = tuple({0: torch.export.Dim.AUTO} if item.ndim else None for item in examples)
    zeros = tuple(torch.zeros_like(item) for item in examples)
    try:
        with torch.no_grad():
            program = torch.export.export(model, zeros, dynamic_shapes=shapes)
        torch.export.save(program, folder / TORCH_FILE)
    except Exception as error:  # torch.export raises whatever forward() does
        reason = str(error).strip().partition("\n")[0]
        raise _refused(
            model,
            f"torch.export cannot trace its forward(): {reason}",
            "write forward() without Python branches on tensor values, see torch.export's guide",
        ) from error
    return {"format": "torch.export", "file": TORCH_FILE, "type": _name(model), "trusted": []}


def _tensors_given_to(model: Any, call: Callable[[Any], Any] | None) -> tuple[Any, ...]:
    """The tensors ``predict`` passes to the model's forward(), seen by a hook."""
    import torch

    seen: list[tuple[Any, ...]] = []

    def hook(_: Any, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        seen.append((*arguments, *keywords.values()) if not keywords else ())

    handle = model.register_forward_pre_hook(hook, with_kwargs=True)
    try:
        if call is not None:
            call(model)
    finally:
        handle.remove()
    if not seen or not seen[0] or not all(isinstance(item, torch.Tensor) for item in seen[0]):
        raise _refused(
            model,
            "predict() does not call it with tensors alone",
            "let inference.predict call model(tensor, …) with positional tensors",
        )
    return seen[0]


def _load_torch(path: Path) -> Any:
    import torch

    try:
        program = torch.export.load(path)
    except (OSError, RuntimeError, ValueError) as error:
        raise TamperedReleaseError(
            f"{path.name} cannot be loaded: {error}",
            hint="the file is not the one that was written, or another version of torch is "
            "installed: compare lock.txt",
        ) from error
    inner = program.module()

    class Exported(torch.nn.Module):  # type: ignore[misc]
        """An exported program that takes eval(), which the bare one refuses."""

        def __init__(self) -> None:
            super().__init__()
            object.__setattr__(self, "_inner", inner)

        def forward(self, *arguments: Any) -> Any:
            return inner(*arguments)

    return Exported().eval()
