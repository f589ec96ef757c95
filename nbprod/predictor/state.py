"""Saves a ``State`` by a typed codec: JSON, npy, Arrow, skops, torch weights; never pickle."""

from __future__ import annotations

import dataclasses
import json
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.errors import ExecutionError, NbprodError, TamperedReleaseError
from nbprod.predictor import scalars, tables
from nbprod.predictor.fingerprint import fingerprint
from nbprod.predictor.sklearn_format import load_sklearn, save_sklearn

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbprod.records import Json

FILE = "state.json"


def save_state(state: Any, folder: Path) -> None:
    """Writes a State dataclass into a folder: ``state.json`` and one file for each array or table.

    What was written is read again and compared, so a value that would come back changed is
    refused here. ExecutionError names the field, the type and a way out.
    """
    if not dataclasses.is_dataclass(state) or isinstance(state, type):
        raise ExecutionError(
            f"fit() returned a {_type_name(state)}, not the module's State",
            hint="fit(frame, parameters) must return State(...) from features.py",
        )
    folder.mkdir(parents=True, exist_ok=True)
    fields = {}
    for item in dataclasses.fields(state):
        value = getattr(state, item.name)
        fields[item.name] = _saved_field(value, item.name, folder)
    text = json.dumps({"format": 1, "fields": fields}, indent=1, sort_keys=True)
    (folder / FILE).write_text(text + "\n", encoding="utf-8")


def load_state(cls: Any, folder: Path) -> Any:
    """The State again, of the class the module defines.

    Raises ExecutionError when the saved fields are not the class's own.
    """
    try:
        saved = json.loads((folder / FILE).read_text(encoding="utf-8"))["fields"]
    except (OSError, ValueError, KeyError) as error:
        raise TamperedReleaseError(
            f"{folder / FILE} cannot be read: {error}", hint="train again, or restore the bundle"
        ) from error
    expected = {item.name for item in dataclasses.fields(cls)}
    if expected != set(saved):
        raise ExecutionError(
            f"State has the fields {sorted(expected)}, the saved state {sorted(saved)}",
            hint="the state belongs to another version of the module: train again",
        )
    return cls(**{name: _Reader(folder).decode(value) for name, value in saved.items()})


def state_digest(state: Any) -> str:
    """The fingerprint of a State's content: equal in every process for equal content."""
    fields = {item.name: getattr(state, item.name) for item in dataclasses.fields(state)}
    return fingerprint(fields)


def _saved_field(value: Any, name: str, folder: Path) -> Any:
    try:
        encoded = _Writer(folder, name).encode(value)
        back = _Reader(folder).decode(encoded)
        if fingerprint(back) == fingerprint(value):
            return encoded
        reason = "it would come back changed"
    except NbprodError as error:
        reason = error.message
    except (TypeError, ValueError, ArithmeticError, LookupError, RecursionError) as error:
        # pyarrow's and skops's own refusals derive from these
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
    raise ExecutionError(
        f"State.{name} is a {_type_name(value)} that cannot be saved: {reason}",
        hint="keep in State only plain values, NumPy arrays, pandas tables, fitted scikit-learn "
        "objects or torch tensors: compute the rest in transform() or put it in an nbprod:lib cell",
        field=name,
        type=_type_name(value),
    )


def _type_name(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")


class _Writer:
    """Encodes one field; arrays and tables become files named after it."""

    def __init__(self, folder: Path, field: str) -> None:
        self._folder = folder
        self._field = field
        self._count = 0

    def encode(self, value: Any) -> Any:
        kind = "torch" if _is_state_dict(value) else None
        if kind is None:
            known, encoded = scalars.encode(value, self.encode)
            if known:
                return encoded
            kind = _kind_of(value)
        if kind is None:
            raise TypeError(f"{_type_name(value)} is not a type the state codec knows")
        return {scalars.TAG: kind, **_KINDS[kind].write(value, self)}

    def new_file(self, suffix: str) -> Path:
        """A path for the next file of this field."""
        self._count += 1
        number = "" if self._count == 1 else f".{self._count}"
        return self._folder / f"{self._field}{number}{suffix}"


class _Reader:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def decode(self, value: Any) -> Any:
        if isinstance(value, dict) and value.get(scalars.TAG) in _KINDS:
            return _KINDS[value[scalars.TAG]].read(value, self)
        return scalars.decode(value, self.decode)

    def file(self, value: Json) -> Path:
        """The file a value names, inside the state's own folder."""
        name = str(value["file"])
        if Path(name).name != name:
            raise TamperedReleaseError(
                f"the state names a file outside its folder: {name}",
                hint="restore the bundle, or train again",
            )
        return self._folder / name


@dataclasses.dataclass(frozen=True)
class _Kind:
    """How one family of values goes to files and comes back."""

    write: Callable[[Any, _Writer], Json]
    read: Callable[[Json, _Reader], Any]


def _is_state_dict(value: Any) -> bool:
    """An OrderedDict that carries torch's ``_metadata`` beside its tensors."""
    return isinstance(value, OrderedDict) and hasattr(value, "_metadata")


def _kind_of(value: Any) -> str | None:
    """The family a value belongs to, told by the module of its type: nothing is imported."""
    root = type(value).__module__.partition(".")[0]
    if root == "numpy":
        import numpy as np

        return _numpy_kind(value) if isinstance(value, np.ndarray) else None
    if root == "pandas":
        import pandas as pd

        kinds = {
            pd.DataFrame: "frame",
            pd.Series: "series",
            pd.Index: "index",
            pd.api.extensions.ExtensionArray: "pandas-array",
        }
        return next((kind for cls, kind in kinds.items() if isinstance(value, cls)), None)
    if root == "torch":
        import torch

        return "torch" if type(value) in (torch.Tensor, torch.nn.Parameter) else None
    return "sklearn" if root in ("sklearn", "scipy") else None


def _numpy_kind(value: Any) -> str:
    return "object-array" if value.dtype.hasobject else "array"


def _write_array(value: Any, writer: _Writer) -> Json:
    import numpy as np

    path = writer.new_file(".npy")
    np.save(path, value, allow_pickle=False)
    return {"file": path.name}


def _read_array(value: Json, reader: _Reader) -> Any:
    import numpy as np

    return np.load(reader.file(value), allow_pickle=False)


def _write_objects(value: Any, writer: _Writer) -> Json:
    return {"shape": list(value.shape), "items": [writer.encode(item) for item in value.ravel()]}


def _read_objects(value: Json, reader: _Reader) -> Any:
    import numpy as np

    items = np.empty(len(value["items"]), dtype=object)
    for place, item in enumerate(value["items"]):
        items[place] = reader.decode(item)
    return items.reshape(value["shape"])


def _write_sklearn(value: Any, writer: _Writer) -> Json:
    path = writer.new_file(".skops")
    return {"file": path.name, "trusted": save_sklearn(value, path)}


def _read_sklearn(value: Json, reader: _Reader) -> Any:
    return load_sklearn(reader.file(value), value["trusted"])


def _write_tensor(value: Any, writer: _Writer) -> Json:
    import torch

    path = writer.new_file(".pt")
    torch.save(value, path)
    return {"file": path.name}


def _read_tensor(value: Json, reader: _Reader) -> Any:
    import torch

    return torch.load(reader.file(value), weights_only=True)


_KINDS = {
    "array": _Kind(_write_array, _read_array),
    "object-array": _Kind(_write_objects, _read_objects),
    "frame": _Kind(tables.write_frame, tables.read_frame),
    "series": _Kind(tables.write_series, tables.read_series),
    "index": _Kind(tables.write_index, tables.read_index),
    "pandas-array": _Kind(tables.write_array, tables.read_array),
    "sklearn": _Kind(_write_sklearn, _read_sklearn),
    "torch": _Kind(_write_tensor, _read_tensor),
}
