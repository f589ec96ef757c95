"""Where a torch model computes: on the CPU, or on a GPU that is there and has room for it.

A module's own code hands the model tensors in the host's memory and reads the answer there; what
lies between is this file's business. Pinned staging buffers and non-blocking copies follow torch's
"A guide on good usage of non_blocking and pin_memory()".
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from nbprod.errors import ServingError

if TYPE_CHECKING:
    from collections.abc import Callable

Autocast = Literal["off", "bfloat16", "float16"]
_DEVICE = re.compile(r"cpu|cuda(:\d+)?")
# How far a golden answer may be from the one that the CPU gave in training, relative. Another
# processor may round the last bits of a sum differently; more is another answer.
RELATIVE_TOLERANCE = 1e-9
_ON_GPU, _NARROW = 1e-3, 5e-2
_CXX = ("g++", "clang++")


@dataclass(frozen=True)
class Placement:
    """Where a model is to compute.

    device: ``auto`` (the first GPU that this process may use, else the CPU), ``cpu``, ``cuda`` or
    ``cuda:1``. autocast: the narrower numbers in which torch may multiply. share: of the GPU's
    memory that this process may take, in (0, 1]; 0 or more than 1: all of it. compile: let torch
    make code of the model for its device, which takes seconds to minutes when it is first called.
    """

    device: str = "cpu"
    autocast: Autocast = "off"
    share: float = 0.0
    compile: bool = False

    def chosen(self) -> str:
        """The device by torch's name: ``cpu`` or ``cuda:<number>``.

        Raises ServingError for a GPU that is named and not there.
        """
        if self.device == "cpu":
            return "cpu"
        import torch

        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if self.device == "auto":
            return "cuda:0" if count else "cpu"
        if not _DEVICE.fullmatch(self.device):
            raise ServingError(
                f"[serving] device is {self.device!r}",
                hint='one of "auto", "cpu", "cuda", "cuda:0"',
            )
        number = int(self.device.partition(":")[2] or 0)
        if number >= count:
            why = "" if torch.backends.cuda.is_built() else ", and this torch is built without CUDA"
            raise ServingError(
                f"[serving] device is {self.device}, and this process sees {count} GPUs{why}",
                hint='device = "auto" computes on the CPU where there is none; on Ray a replica '
                "sees only what [serving] gpus reserves",
            )
        return f"cuda:{number}"

    def tolerance(self, device: str) -> float:
        """The relative difference that a golden answer may have on a chosen device."""
        if self.autocast != "off":
            return _NARROW
        return RELATIVE_TOLERANCE if device == "cpu" and not self.compile else _ON_GPU

    def require_compiler(self, device: str) -> None:
        """Raises ServingError where torch would find no compiler for a device."""
        if device != "cpu":
            found = importlib.util.find_spec("triton") is not None
            missing, hint = "triton", "install torch's own triton: `pip install triton`"
        else:
            found = any(map(shutil.which, filter(None, (os.environ.get("CXX"), *_CXX))))
            missing, hint = "a C++ compiler", "install g++ where the replicas run, or name one: CXX"
        if not found:
            raise ServingError(
                f"[serving] compile needs {missing}, which is not here",
                hint=f"{hint}; compile = false serves without",
            )


CPU = Placement()


def placed(program: Any, placement: Placement) -> tuple[Callable[..., Any], str]:
    """An exported program as a function of tensors in the host's memory, and its device.

    Raises ServingError where the GPU is missing, or has no room for the weights, and where there
    is no compiler for a model that is to be compiled.
    """
    device = placement.chosen()
    if placement.compile:
        placement.require_compiler(device)
    if device == "cpu":
        made = _Placed(program.module(), placement, device)
    else:
        made = _on_gpu(program, placement, device)
    if placement.compile:
        _compiled(made, program)
    return made, device


def _on_gpu(program: Any, placement: Placement, device: str) -> _Placed:
    import torch
    from torch.export.passes import move_to_device_pass

    if 0 < placement.share < 1:
        torch.cuda.set_per_process_memory_fraction(placement.share, device)
    try:
        return _Placed(move_to_device_pass(program, device).module(), placement, device)
    except torch.cuda.OutOfMemoryError as error:
        free, total = torch.cuda.mem_get_info(device)
        raise ServingError(
            f"the model does not fit into {device}: {free >> 20} of {total >> 20} MiB are free"
            + (f", and this process may take {placement.share:g} of it" if placement.share else ""),
            hint="reserve more of it, [serving] gpus, or serve fewer models on this GPU",
        ) from error


class _Placed:
    """Calls a module on its device: copies in, computes, copies the answer out."""

    def __init__(self, module: Any, placement: Placement, device: str) -> None:
        self._module = module
        self._device = device
        self._autocast = placement.autocast
        self._buffers: dict[int, Any] = {}  # place of the argument -> pinned memory

    def compile(self) -> None:
        """Let torch make code of the module when it is called next."""
        import torch

        self._module = torch.compile(self._module, dynamic=True)

    def __call__(self, *arguments: Any) -> Any:
        import torch
        from torch.utils._pytree import tree_map

        kind = self._device.partition(":")[0]
        narrow = self._autocast != "off"
        dtype = getattr(torch, self._autocast) if narrow else None
        with torch.inference_mode(), torch.autocast(kind, dtype=dtype, enabled=narrow):
            result = self._module(*(self._there(*one) for one in enumerate(arguments)))
        # Outside: what the module's own code gets may be written to, and is float32 again.
        return tree_map(self._back, result)

    def _there(self, place: int, value: Any) -> Any:
        """An argument on the device; its copy goes on while the next one is staged."""
        import torch

        if self._device == "cpu" or not isinstance(value, torch.Tensor):
            return value
        if value.device.type != "cpu" or value.ndim == 0:
            return value.to(self._device)
        buffer = self._buffers.get(place)
        if (
            buffer is None
            or buffer.dtype != value.dtype
            or buffer.shape[1:] != value.shape[1:]
            or buffer.shape[0] < value.shape[0]
        ):
            buffer = torch.empty(value.shape, dtype=value.dtype, pin_memory=True)
            self._buffers[place] = buffer
        # Written again only by the next call, and that one comes after the answer's copy, which
        # waits for everything before it.
        staged = buffer[: value.shape[0]].copy_(value)
        return staged.to(self._device, non_blocking=True)

    def _back(self, value: Any) -> Any:
        import torch

        if not isinstance(value, torch.Tensor):
            return value
        if self._autocast != "off" and value.dtype in (torch.bfloat16, torch.float16):
            value = value.float()
        return value.clone() if value.device.type == "cpu" else value.cpu()


def _compiled(placed_module: _Placed, program: Any) -> None:
    """Have the code made now, not while the first caller waits: the first call makes it.

    One code is for all sizes of a batch; for a single row torch makes another.
    """
    import torch

    placed_module.compile()
    arguments = program.example_inputs[0] if program.example_inputs else ()
    if not arguments:
        return
    placed_module(*arguments)
    if program.range_constraints:  # the exported size is not the only one
        placed_module(*(one[:1] if isinstance(one, torch.Tensor) else one for one in arguments))
