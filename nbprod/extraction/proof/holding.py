"""What an object holds: everything that makes it up, by the name of the field that has it."""

from __future__ import annotations

import copyreg
import dataclasses
import re
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
# Their own state holds pointers into memory; what they were made of tells them.
# What a vectorizer keeps of its stop words beside them: where in memory they lay.
_ADDRESSES = frozenset({"_stop_words_id"})
_MADE_OF = {"cKDTree": ("data", "leafsize", "boxsize"), "KDTree": ("data", "leafsize", "boxsize")}


def fields_of(value: Any) -> dict[str, Any]:
    """The fields of any object; none for one that holds nothing.

    Whatever the object raises while it is asked (a lock, a generator, an open file) goes through:
    it does not tell what it holds.
    """
    if _is_network(value):  # its layers by their text, which has their settings
        return {"repr()": _ADDRESS.sub("", repr(value)), **value.state_dict()}
    if hasattr(value, "bit_generator"):
        return dict(value.bit_generator.state)
    if dataclasses.is_dataclass(value):
        return {item.name: getattr(value, item.name) for item in dataclasses.fields(value)}
    if type(value).__module__.startswith("scipy.") and type(value).__name__ in _MADE_OF:
        return {name: getattr(value, name) for name in _MADE_OF[type(value).__name__]}
    return _reduced(value)


def fields_beside(value: Any) -> dict[str, Any]:
    """What a dictionary, list or set of an own kind holds beside its items."""
    beside = dict(getattr(value, "__dict__", {}))
    if (factory := getattr(value, "default_factory", None)) is not None:
        beside["default_factory"] = factory
    return beside


def _is_network(value: Any) -> bool:
    return hasattr(value, "parameters") and callable(getattr(value, "state_dict", None))


def _reduced(value: Any) -> dict[str, Any]:
    """What pickle would write of an object, which also knows what objects written in C hold."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some kinds will not be told in a later Python
        reduce = copyreg.dispatch_table.get(type(value))
        told = _called(reduce, value) if reduce else value.__reduce_ex__(4)
    if isinstance(told, str):
        return {"": told}
    arguments, state, items, pairs = (*told[1:5], None, None, None)[:4]
    fields = {name: item for name, item in _state(state).items() if name not in _ADDRESSES}
    if given := [item for item in _given(arguments) if item is not type(value)]:
        fields["arguments"] = given
    if items is not None:
        fields["items"] = list(items)
    if pairs is not None:
        fields["pairs"] = dict(pairs)
    return fields


def _called(function: Callable[[Any], Any], value: Any) -> Any:
    return function(value)


def _given(arguments: Sequence[Any]) -> Sequence[Any]:
    """Arguments without those that are empty, as of a class that takes none."""
    return [item for item in arguments if not (isinstance(item, tuple | dict) and not item)]


def _state(state: Any) -> dict[str, Any]:
    if isinstance(state, tuple) and len(state) == 2 and isinstance(state[1], dict):
        own, slots = state  # an object with __slots__
        return {**(own if isinstance(own, dict) else {}), **slots}
    if isinstance(state, Mapping):
        return {str(name): item for name, item in state.items()}
    return {} if state is None else {"": state}
