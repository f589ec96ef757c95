"""Whether a release accepts what callers send today: its input contract against the champion's."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbprod.records import ColumnRule, DataContract

_WIDENING = {("int", "float")}  # what was an int is a float too


def broken_callers(champion: DataContract, release: DataContract) -> list[str]:
    """What the champion accepts and the release would refuse, a sentence for each column."""
    now = {rule.name: rule for rule in champion.input}
    then = {rule.name: rule for rule in release.input}
    found = [
        f"{name} is needed; callers do not send it yet"
        for name, rule in then.items()
        if name not in now and rule.required
    ]
    found += [
        f"{name} is refused as an extra column"
        for name in now
        if name not in then and release.strict
    ]
    for name, rule in then.items():
        if name in now:
            found += [f"{name} {what}" for what in _narrower(now[name], rule)]
    return found


def _narrower(before: ColumnRule, after: ColumnRule) -> list[str]:
    found = []
    if after.dtype != before.dtype and (before.dtype, after.dtype) not in _WIDENING:
        found.append(f"is {after.dtype}, it was {before.dtype}")
    if before.nullable and not after.nullable:
        found.append("may not be null any more")
    if after.required and not before.required:
        found.append("may not be left out any more")
    for name, tighter in (("minimum", max), ("maximum", min), ("earliest", max), ("latest", min)):
        old, new = getattr(before, name), getattr(after, name)
        if new is not None and (old is None or (new != old and tighter(old, new) == new)):
            shown = "unlimited" if old is None else old
            found.append(f"has {name} {new}, it was {shown}")
    if after.categories is not None:
        gone = set(before.categories or ()) - set(after.categories)
        if before.categories is None:
            found.append(f"is one of {len(after.categories)} categories only, it was any text")
        elif gone:
            found.append(f"does not take {', '.join(sorted(gone)[:5])} any more")
    if after.pattern and after.pattern != before.pattern:
        found.append(f"has to match {after.pattern!r}")
    return found
