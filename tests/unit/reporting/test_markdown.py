"""Markdown that stays a table whatever the names are."""

from __future__ import annotations

from nbprod.reporting.markdown import markdown


def test_the_verdict_comes_first_and_the_worst_check_on_top(make_gate, make_check) -> None:
    """Failed checks stand before passed ones."""
    text = markdown(
        make_gate(make_check(name="good"), make_check("failed", name="bad"), verdict="failed")
    )
    assert text.startswith("## ❌ Gate failed")
    assert text.index("| bad |") < text.index("| good |")


def test_hostile_names_stay_in_their_cell(samples, evil) -> None:
    """A pipe, a tag or a line break in a name adds no column and no markup."""
    text = markdown(samples["gate"])
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len({line.replace("\\|", "").count("|") for line in rows}) == 1
    assert "<script" not in text.replace("\\<", "")


def test_a_thousand_checks_are_bounded(make_gate, make_check) -> None:
    """The summary of a large gate has an end, and says what it leaves out."""
    text = markdown(make_gate(*(make_check(name=f"m{n}") for n in range(1000))))
    assert "and 950 more checks" in text
    assert len(text) < 20_000


def test_controls_are_told(make_gate, make_check) -> None:
    """A void check is bold, an untried one says so."""
    text = markdown(make_gate(make_check(caught=False), make_check(caught=None), make_check()))
    assert "**void**" in text
    assert "not tried" in text
    assert "fails as it must" in text
