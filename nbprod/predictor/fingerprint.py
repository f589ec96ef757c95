"""A digest of a value's content, the same in every process: no id, no address, no set order."""

from __future__ import annotations

import copyreg
from collections.abc import Iterator
from typing import Any

from nbprod.records import sha256


def fingerprint(value: Any) -> str:
    """SHA-256 over a value's content: its type, its parts, its arrays' bytes.

    Equal content gives the same digest in every process, and after it was saved and loaded;
    an object that Python cannot take apart (a lock, a generator) raises TypeError.
    """
    return sha256(_Walk().text(value))


class _Walk:
    """Each part becomes a short text; a container becomes the digest of its parts' texts."""

    def __init__(self) -> None:
        self._texts: dict[int, str] = {}
        self._kept: list[Any] = []  # ids stay unique only while their objects live

    def text(self, value: Any) -> str:
        if value is None or type(value) in (bool, int, float, complex, str, bytes):
            return f"{type(value).__name__} {value!r}"
        if id(value) not in self._texts:
            self._texts[id(value)] = "cycle"
            self._kept.append(value)
            self._texts[id(value)] = sha256(self._container(value))
        return self._texts[id(value)]

    def _container(self, value: Any) -> str:
        if isinstance(value, type) or (callable(value) and hasattr(value, "__qualname__")):
            return f"name {value.__module__}.{value.__qualname__}"
        if type(value) in (set, frozenset):
            return self._join(type(value).__name__, sorted(self.text(item) for item in value))
        if type(value) in (list, tuple):
            return self._join(type(value).__name__, [self.text(item) for item in value])
        if type(value) is dict:
            return self._join("dict", self._items(value))
        root = type(value).__module__.partition(".")[0]
        special = {"numpy": self._numpy, "pandas": self._pandas, "torch": self._tensor}.get(root)
        return (special(value) if special else None) or self._object(value)

    @staticmethod
    def _join(head: str, parts: list[str]) -> str:
        return "\n".join([f"{head} {len(parts)}", *parts])

    def _items(self, value: dict[Any, Any]) -> list[str]:
        return [f"{self.text(key)}: {self.text(item)}" for key, item in value.items()]

    def _numpy(self, value: Any) -> str | None:
        import numpy as np

        if isinstance(value, np.dtype):
            return f"dtype {value.descr if value.names else value.str}"
        if isinstance(value, np.random.RandomState):
            return f"RandomState {self.text(value.get_state(legacy=False))}"
        if isinstance(value, np.random.Generator):
            return f"Generator {self.text(value.bit_generator.state)}"
        if not isinstance(value, np.ndarray | np.generic):
            return None
        head = f"{type(value).__name__} {value.dtype.descr} {value.shape}"
        if value.dtype.names:  # field by field: the padding between fields holds anything
            array = np.asarray(value)
            return self._join(head, [self.text(array[name]) for name in value.dtype.names])
        if value.dtype.hasobject:
            items = np.asarray(value, dtype=object).ravel().tolist()
            return self._join(head, [self.text(item) for item in items])
        data = np.ascontiguousarray(value)
        if data.dtype.kind in "fc":  # one NaN is as good as another: 0 / 0 sets its sign
            data = np.where(np.isnan(data), np.array(np.nan, data.dtype), data)
        return f"{head} {sha256(data.tobytes())}"

    def _tensor(self, value: Any) -> str | None:
        import torch

        if not isinstance(value, torch.Tensor):
            return None
        data = value.detach().cpu().contiguous()
        content = sha256(data.reshape(-1).view(torch.uint8).numpy().tobytes())
        return f"tensor {data.dtype} {tuple(data.shape)} {content}"

    def _pandas(self, value: Any) -> str | None:
        import pandas as pd

        if isinstance(value, pd.DataFrame):
            columns = [self._column(value.iloc[:, place]) for place in range(value.shape[1])]
            head = f"DataFrame {self.text(value.columns)} {self.text(value.index)}"
            return self._join(head, columns)
        if isinstance(value, pd.Series):
            return f"Series {self.text(value.name)} {self.text(value.index)} {self._column(value)}"
        if isinstance(value, pd.RangeIndex):
            return f"RangeIndex {value!r}"
        if isinstance(value, pd.MultiIndex):
            return self._join(f"MultiIndex {list(value.names)!r}", [self.text(value.to_list())])
        if isinstance(value, pd.Index):
            return f"{type(value).__name__} {value.name!r} {self._column(value)}"
        if isinstance(value, pd.api.extensions.ExtensionArray):
            return f"{type(value).__name__} {self._column(value)}"
        return None

    def _column(self, column: Any) -> str:
        import numpy as np
        import pandas as pd

        dtype = column.dtype
        if isinstance(dtype, pd.CategoricalDtype):
            codes = np.asarray(getattr(column, "cat", column).codes)
            return f"category {dtype.ordered} {self.text(dtype.categories)} {self.text(codes)}"
        if isinstance(dtype, np.dtype) and not dtype.hasobject:
            return f"{dtype} {self.text(np.asarray(column))}"
        return self._join(f"{dtype!r}", [self.text(item) for item in column])

    def _object(self, value: Any) -> str:
        """Anything else, by the parts Python would rebuild it from."""
        registered = copyreg.dispatch_table.get(type(value))
        parts = registered(value) if registered else value.__reduce_ex__(4)
        if isinstance(parts, str):
            return f"global {parts}"
        build, arguments, *rest = parts
        texts = [self.text(build), self.text(arguments)]
        for place, part in enumerate(rest):
            if part is None or (isinstance(part, dict) and not part):
                continue  # an empty __dict__ comes into being when it is looked at
            if isinstance(part, dict):  # attributes: the order they were set in says nothing
                texts.append(self._join("attributes", sorted(self._items(part))))
            else:
                # list items and dict items come as iterators
                content = list(part) if isinstance(part, Iterator) else part
                texts.append(f"{place} {self.text(content)}")
        return self._join(f"object {type(value).__module__}.{type(value).__qualname__}", texts)
