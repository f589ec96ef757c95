"""torch models by ``torch.export``: a program and its weights, and nothing that is unpickled.

``torch.export.load`` itself would unpickle whatever an archive brings along, and evaluate the
texts of its symbolic sizes: an archive is looked through before it is loaded.
"""

from __future__ import annotations

import io
import json
import re
import sys
import zipfile
from typing import TYPE_CHECKING, Any

from nbprod.errors import ExecutionError, TamperedReleaseError
from nbprod.predictor.placement import CPU, Placement, placed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_CONFIGS = ("model_weights_config.json", "model_constants_config.json")
_TENSORS = ("weight_", "tensor_")  # other members are objects, which only unpickling restores
# Sizes as sympy writes them: numbers, symbols, operators, and functions that are classes of sympy.
_SIZE = re.compile(r"[\w\s+\-*/%(),<>=!&|~]*")
_NAMED = re.compile(r"\bSymbol\('\w+'")
_CALLED = re.compile(r"([A-Za-z_]\w*)\s*\(")


def is_torch(model: Any) -> bool:
    """Whether a model is torch's; torch is not imported for that."""
    torch = sys.modules.get("torch")  # not imported: then the model cannot be torch's
    return torch is not None and isinstance(model, torch.nn.Module)


def save_torch(model: Any, path: Path, call: Callable[[Any], Any] | None) -> None:
    """Exports a model for the tensors that ``call`` hands to it; see ``save_model``.

    Raises ExecutionError with the reason where it cannot be traced, or not loaded again.
    """
    import torch

    model.eval()
    examples = _tensors_given_to(model, call)
    # zeros of the same shapes: the archive keeps its example, and rows are not for keeping
    shapes = tuple({0: torch.export.Dim.AUTO} if item.ndim else None for item in examples)
    zeros = tuple(torch.zeros_like(item) for item in examples)
    try:
        with torch.no_grad():
            program = torch.export.export(model, zeros, dynamic_shapes=shapes)
        torch.export.save(program, path)
    except Exception as error:  # torch.export raises whatever forward() does
        reason = str(error).strip().partition("\n")[0]
        raise ExecutionError(
            f"torch.export cannot trace its forward(): {reason}",
            hint="write forward() without Python branches on tensor values, see torch.export's "
            "guide",
        ) from error
    if found := next(_unsafe(path.read_bytes()), ""):
        raise ExecutionError(
            f"its archive could not be loaded safely: {found}",
            hint="keep tensors and numbers in the module, no other objects",
        )


def load_torch(path: Path, placement: Placement = CPU) -> Any:
    """The exported model, as a module that may be called; nothing in it was unpickled.

    ``placed_on`` of it is the device it computes on. Raises ServingError where that is missing.
    """
    import torch

    content = path.read_bytes()
    try:
        if found := next(_unsafe(content), ""):
            raise ValueError(found)
        program = torch.export.load(io.BytesIO(content))
    except (OSError, RuntimeError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise TamperedReleaseError(
            f"{path.name} cannot be loaded: {error}",
            hint="the file is not the one that was written, or another version of torch is "
            "installed: compare lock.txt",
        ) from error
    inner, device = placed(program, placement)

    class Exported(torch.nn.Module):  # type: ignore[misc]
        """An exported program that takes eval(), which the bare one refuses."""

        placed_on = device

        def forward(self, *arguments: Any) -> Any:
            return inner(*arguments)

    return Exported().eval()


def _unsafe(content: bytes) -> Iterator[str]:
    """What of an archive would be unpickled or evaluated by loading it."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = archive.namelist()
        if len(set(names)) != len(names):
            yield "it holds two members of one name"
        if any("/" not in name for name in names):
            yield "it is of a form that torch unpickled"
        for name in names:
            yield from _unsafe_member(archive, name)


def _unsafe_member(archive: zipfile.ZipFile, name: str) -> Iterator[str]:
    last = name.rpartition("/")[2]
    if last.endswith("_config.json"):
        folder = name.removesuffix(last)
        for entry in json.loads(archive.read(name))["config"].values():
            if last not in _CONFIGS or not entry["path_name"].startswith(_TENSORS):
                yield f"{entry['path_name']} is no tensor"
            elif entry["use_pickle"] and not _is_data(archive.read(folder + entry["path_name"])):
                yield f"{entry['path_name']} would run code"
    elif "/sample_inputs/" in name and not _is_data(archive.read(name)):
        yield f"{last} would run code"
    elif "/models/" in name:
        yield from _unsafe_sizes(json.loads(archive.read(name)))
    elif "/aotinductor/" in name or "/extra/" in name:
        yield f"{name} is compiled code or something else that no export of ours holds"


def _is_data(content: bytes) -> bool:
    """Whether torch reads a member without running code of its own."""
    import pickle

    import torch

    try:
        torch.load(io.BytesIO(content), weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError, OSError):
        return False
    return True


def _unsafe_sizes(value: Any) -> Iterator[str]:
    """Symbolic sizes that are more than arithmetic: sympy evaluates their text."""
    if isinstance(value, dict):
        text = value.get("expr_str")
        if isinstance(text, str) and not _is_size(text):
            yield f"the size {text[:40]!r} would be evaluated"
        for item in value.values():
            yield from _unsafe_sizes(item)
    elif isinstance(value, list):
        for item in value:
            yield from _unsafe_sizes(item)


def _is_size(text: str) -> bool:
    text = _NAMED.sub("Symbol(", text)
    if not _SIZE.fullmatch(text) or "__" in text:
        return False
    return all(name[0].isupper() for name in _CALLED.findall(text))


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
        raise ExecutionError(
            "predict() does not call it with tensors alone",
            hint="let inference.predict call model(tensor, …) with positional tensors",
        )
    return seen[0]
