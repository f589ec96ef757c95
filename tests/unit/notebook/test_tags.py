"""Tags name roles; papermill's own tag is one of them."""

from __future__ import annotations

import pytest

from nbprod.errors import ConfigError
from nbprod.notebook.tags import ROLES, role_of, roles_of, tag_of, with_role


def test_roles_and_tags_go_both_ways() -> None:
    """Every role has a tag that names it."""
    for role in ROLES:
        assert role_of([tag_of(role)]) == role


def test_other_tags_are_no_roles() -> None:
    """A cell without a role has the empty one; the first of several counts."""
    assert role_of([]) == ""
    assert role_of(["hide-input", "injected-parameters"]) == ""
    assert roles_of(["a", "nbprod:fit", "parameters", "nbprod:fit"]) == ("fit", "parameters")


def test_with_role_replaces() -> None:
    """A new role takes the place of the old; tags of others stay."""
    assert with_role(("x", "nbprod:fit"), "data") == ("x", "nbprod:data")
    assert with_role(("parameters", "x"), "none") == ("x",)


def test_unknown_role() -> None:
    """A role that does not exist is told with those that do."""
    with pytest.raises(ConfigError) as caught:
        tag_of("featurs")
    assert "features" in caught.value.hint
