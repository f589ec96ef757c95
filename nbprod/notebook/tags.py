"""Which role a cell plays on the road, by its tag."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from nbprod.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

PREFIX = "nbprod:"

# Role -> what it means. The order is the road's.
ROLES: dict[str, str] = {
    "parameters": "hyperparameters and URIs (papermill's tag): typed defaults",
    "lib": "constants, functions and classes that everything may use",
    "schema": "pandera models of input, features and output",
    "data": "load and prepare the frame",
    "split": "which rows train and which are held out",
    "fit": "learn from training data what a transform needs",
    "features": "raw rows to features: the one transform that training and serving share",
    "features-online": "the serving path's own transform, where it really needs one",
    "train": "features and label to a fitted model",
    "predict": "model and features to predictions",
    "test": "unit and behavioural tests",
    "skip": "stays in the notebook",
}


def role_of(tags: Iterable[str]) -> str:
    """The role that a cell's tags name: "" for a cell without one; unknown roles stay as written.

    ``nbprod:features`` is "features"; papermill's ``parameters`` is "parameters". Where several
    tags name a role, the first counts (``roles_of`` gives them all).
    """
    roles = roles_of(tags)
    return roles[0] if roles else ""


def roles_of(tags: Iterable[str]) -> tuple[str, ...]:
    """Every role that a cell's tags name, in their order, each once."""
    return _roles_of(tuple(tags))


@lru_cache(maxsize=1024)
def _roles_of(tags: tuple[str, ...]) -> tuple[str, ...]:
    named = (
        tag.removeprefix(PREFIX).strip()
        for tag in tags
        if tag.startswith(PREFIX) or tag == "parameters"
    )
    return tuple(dict.fromkeys(named))


def tag_of(role: str) -> str:
    """The tag that gives a cell this role; ConfigError for a role that does not exist."""
    role = role.removeprefix(PREFIX)
    if role not in ROLES:
        raise ConfigError(
            f"there is no role {role!r}",
            hint=f"use one of: {', '.join(ROLES)}; or none, to remove the role",
        )
    return "parameters" if role == "parameters" else PREFIX + role


def with_role(tags: Iterable[str], role: str) -> tuple[str, ...]:
    """The tags with exactly this role; "" or "none" removes the role; other tags are kept."""
    kept = tuple(tag for tag in tags if tag != "parameters" and not tag.startswith(PREFIX))
    return kept if role in ("", "none") else (*kept, tag_of(role))
