"""The rules of monitoring: each code has a severity and a next step."""

from __future__ import annotations

from nbprod.monitoring.rules import _RULES, FAILING, finding


def test_every_rule_has_a_hint() -> None:
    """Codes are in their family, and no finding leaves its reader without a next step."""
    for code in _RULES:
        made = finding(code, "message", column="x", rows=3)
        assert code.startswith("NBM")
        assert made.hint
        assert made.details == {"rows": 3}
    assert set(_RULES) >= FAILING
    assert all(_RULES[code][0] != "info" for code in FAILING)
