"""A State is frozen into every release: a secret in it would be in all of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from nbprod.errors import ExecutionError
from nbprod.masking import is_named_so, mask

_MOST_TEXTS = 50_000  # of one field; a vocabulary beyond it is looked at in part
_MOST_DEPTH = 6


def check_state(state: Any) -> None:
    """Refuses a State that holds what looks like a secret; ExecutionError names the field.

    Looked at are texts in plain values, NumPy arrays and pandas tables: what stands under a name
    that says it is secret, values of environment variables with such a name, passwords and tokens
    in URLs, and the forms of tokens that detect-secrets knows. The value itself is not told.
    """
    if not dataclasses.is_dataclass(state):
        return  # the codec refuses it, and says what it should be
    for item in dataclasses.fields(state):
        place = _secret_in(getattr(state, item.name), item.name)
        if place:
            raise ExecutionError(
                f"State.{place} looks like a secret, and would be frozen into every release",
                hint="read it from the environment in the nbprod:data cells; what fit learns and "
                "features cells read must not hold it",
                field=item.name,
            )


def _secret_in(value: Any, name: str) -> str:
    """Where in a field a secret lies; "" where none does."""
    texts = list(islice(_texts(value, name, _MOST_DEPTH), _MOST_TEXTS))
    joined = "\n".join(text.replace("\n", " ") for _, text in texts)
    if mask(joined) != joined:
        return next((place for place, text in texts if mask(text) != text), name)
    return next((place for place, text in texts if is_named_so(place.rpartition(".")[2], text)), "")


def _texts(value: Any, place: str, depth: int) -> Iterator[tuple[str, str]]:
    """Every text of a value, with the way to it."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, bytes):
        yield place, value.decode("latin-1")
    elif depth and isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _texts(inner, f"{place}.{key}", depth - 1)
            if isinstance(key, str):
                yield place, key
    elif depth and isinstance(value, list | tuple | set | frozenset):
        for inner in value:
            yield from _texts(inner, place, depth - 1)
    else:
        yield from ((place, text) for text in _column_texts(value))


def _column_texts(value: Any) -> Iterator[str]:
    """Texts in an array, a column or a table; numbers are passed over whole."""
    if hasattr(value, "columns"):
        for name in value.columns:
            yield from _column_texts(value[name])
        return
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    if kind in "OSUT" and kind and hasattr(value, "tolist"):
        yield from (item for item in value.tolist() if isinstance(item, str))
