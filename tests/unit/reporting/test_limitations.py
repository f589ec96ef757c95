"""The limitations page: generated from the evidence, edited by people, neither loses a word."""

from __future__ import annotations

from nbprod.records import ColumnRule, DataContract
from nbprod.reporting.limitations import BEGIN, END, limitations, merged

CONTRACT = DataContract(
    package="tiny",
    source_digest="0" * 64,
    input=(ColumnRule(name="km", dtype="float", minimum=1.0, maximum=2000.0),),
)


def test_it_says_what_was_tested_and_where_not_to_trust(make_gate, make_check, samples) -> None:
    """Doubts, narrow passes, pools, the group served worst, the contract's ranges, open questions."""
    city = {"name": "skill", "threshold": "> 0"}
    page = limitations(
        make_gate(
            make_check(),
            make_check("inconclusive", name="brier", rows_needed=560),
            make_check(name="gap", value=0.09, threshold="<= 0.1", low=0.08, high=0.0999),
            make_check(slice={"city": "Bern"}, **(city | {"value": 0.5})),
            make_check(slice={"city": "(pooled)"}, **(city | {"value": 0.2})),
            notebooks={"nbprod:performance": "a", "notebooks/behaviour.ipynb": "b"},
        ),
        samples["run"],
        CONTRACT,
    )
    assert page.startswith(BEGIN)
    assert page.rstrip().endswith(END)
    for words in (
        "auc 0.9 (0.88 to 0.92) on 1,200 rows, required \\>= 0.7",
        "about 560 more rows would tell",
        "reaches \\<= 0.1 only just",
        "Small groups of city were judged together only",
        "Served worst: skill\\[city=(pooled)\\] 0.2",
        "`km` 1 to 2000",
        "no gate notebook `robustness` was run",
    ):
        assert words in page, words
    assert "no gate notebook `behaviour`" not in page
    assert "no gate notebook `slices`" not in page


def test_what_people_wrote_stays_to_the_letter() -> None:
    """Only what stands between the marks is written anew; a page of somebody's own is kept whole."""
    first = merged("", f"{BEGIN}\none\n{END}\n")
    assert "What people know" in first
    edited = "My title\n" + first.replace("What people know", "What we learnt")
    second = merged(edited, f"{BEGIN}\ntwo\n{END}\n")
    assert second == edited.replace("one", "two")
    assert merged(second, f"{BEGIN}\ntwo\n{END}\n") == second
    assert merged("# Mine\n", f"{BEGIN}\none\n{END}\n").endswith("\n# Mine\n")


def test_hostile_names_do_not_break_out(make_gate, samples, evil) -> None:
    """A name is text: no markup of its own, no way out of a code span."""
    page = limitations(make_gate(), samples["run"], CONTRACT)
    title = next(line for line in page.splitlines() if line.startswith("# "))
    assert "\\<script" in title
    learnt = next(line for line in page.splitlines() if line.startswith("* Learnt"))
    assert learnt.count("`") == 2
    assert page.count(BEGIN) == page.count(END) == 1
