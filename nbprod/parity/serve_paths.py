"""A serve path as its author wrote it: for records, for a frame, or for one record at a time."""

from __future__ import annotations

import copy
import inspect
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from nbprod.parity.calls import Raised, quiet
from nbprod.parity.features import NoFrame, records_frame

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pandas as pd

    from nbprod.parity.calls import Subject
    from nbprod.parity.wire import Request

# What the first parameter is called, where its author follows a custom.
_NAMES = {
    "records": ("records", "rows", "instances", "requests", "batch", "payload", "body"),
    "frame": ("frame", "df", "data", "x", "X", "raw", "table", "features"),
    "record": ("record", "row", "request", "instance", "event", "payload", "r", "d", "item"),
}


class Served:
    """The features that a serve path gives for rows of a request, whichever way it takes them.

    The way is read off the first parameter's name, else found by trying: it is the first in
    which one row of features comes back for each row.
    """

    def __init__(self, call: Callable[..., Any], subject: Subject) -> None:
        self._call = call
        self._subject = subject
        self._way = ""

    def __call__(self, request: Request, positions: Sequence[int]) -> pd.DataFrame:
        """Features of the rows at these positions; Raised where the serve path raises."""
        if self._way:
            return self._asked(self._way, request, positions)
        raised: Raised | None = None
        for way in self._ways():
            try:
                answered = self._asked(way, request, positions)
            except Raised as error:
                raised = raised or error
                continue
            if len(answered) == len(positions):
                self._way = way
                return answered
        raise raised or Raised(f"it gives no row of features for each of {len(positions)} rows")

    def _ways(self) -> list[str]:
        names = list(_parameters(self._call))
        first = names[0] if names else ""
        named = [way for way, known in _NAMES.items() if first in known]
        return list(dict.fromkeys([*named, *_NAMES]))

    def _asked(self, way: str, request: Request, positions: Sequence[int]) -> pd.DataFrame:
        records = [copy.deepcopy(request.records[place]) for place in positions]
        more = (self._subject.state,) if _needs_state(self._call) else ()
        if way == "frame":
            frame = request.frame(positions)
            return quiet(lambda: self._call(frame, *more))
        if way == "records":
            return quiet(lambda: _listed(self._call(records, *more)))

        def one_by_one() -> pd.DataFrame:
            answers = [self._call(record, *more) for record in records]
            if any(answer is None or isinstance(answer, str) for answer in answers):
                raise NoFrame("the serve path returned no features for a record")
            return records_frame(answers)

        return quiet(one_by_one)


def _listed(result: Any) -> Any:
    return records_frame([*result]) if isinstance(result, list | tuple) else result


def _parameters(call: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    try:
        found = inspect.signature(call).parameters
    except (TypeError, ValueError):
        return {}
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return {name: item for name, item in found.items() if item.kind in kinds}


def _needs_state(call: Callable[..., Any]) -> bool:
    """Whether its second parameter is the state: it has no default, or that name."""
    more = list(_parameters(call).items())[1:2]
    return any(item.default is item.empty or name == "state" for name, item in more)


@contextmanager
def watched(transform: Callable[..., Any]) -> Iterator[list[Any]]:
    """Within, the states under which the transform is called, as they are then."""
    states: list[Any] = []
    code = getattr(inspect.unwrap(getattr(transform, "__func__", transform)), "__code__", None)
    if code is None or code.co_argcount < 2:
        yield states
        return
    skipped = 1 if hasattr(transform, "__self__") else 0
    names = code.co_varnames[skipped : code.co_argcount]

    def notice(frame: Any, event: str, _argument: Any) -> None:
        # the same source loaded twice makes two code objects that are equal
        if event == "call" and len(names) > 1 and frame.f_code == code:
            states.append(frame.f_locals.get(names[1]))

    before = sys.getprofile()
    sys.setprofile(notice)
    try:
        yield states
    finally:
        sys.setprofile(before)
