"""Every record can be read in a terminal, and none floods it."""

from __future__ import annotations

import dataclasses
import io
import sys
import typing

import pytest
from rich.console import Console

import nbprod.records
from nbprod.records import CellSummary, Finding, Inspection, Judgement, Record, Scaffold
from nbprod.reporting.html import health_page
from nbprod.reporting.page import number
from nbprod.reporting.terminal import show


def shown(record, width: int = 120) -> str:
    out = io.StringIO()
    show(record, Console(file=out, width=width, highlight=False))
    return out.getvalue()


def minimal(kind: type) -> object:
    """A value of a record type with only what it requires."""
    hints = typing.get_type_hints(kind)
    given = {}
    for item in dataclasses.fields(kind):
        required = (
            item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING
        )
        if required:
            given[item.name] = _value(hints[item.name])
    return kind(**given)


def _value(hint: object) -> object:
    if typing.get_origin(hint) is typing.Literal:
        return typing.get_args(hint)[0]
    if dataclasses.is_dataclass(hint):
        return minimal(hint)
    plain = {str: "text", int: 3, float: 0.5, bool: True}
    if hint in plain:
        return plain[hint]
    if type(None) in typing.get_args(hint):
        return None
    return (typing.get_origin(hint) or dict)() if hint is not typing.Any else 1


KINDS = [
    kind
    for kind in vars(nbprod.records).values()
    if dataclasses.is_dataclass(kind) and kind not in (Record, Judgement)
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_record_has_something_to_show(kind) -> None:
    """The emptiest record of each type prints, in a narrow terminal, too."""
    record = minimal(kind)
    assert shown(record).strip()
    assert shown(record, width=40).strip()


def test_hostile_names_are_only_text(samples, evil) -> None:
    """Markup in a name is printed, not obeyed."""
    for name, record in samples.items():
        if name != "parity":
            assert "[red]" in shown(record, width=400), name


def test_findings_come_last_errors_first_with_the_next_step(samples) -> None:
    """Code, message, place and hint are printed; errors before warnings."""
    findings = (
        Finding(code="NBM002", severity="warning", message="later"),
        Finding(
            code="NBM001",
            severity="error",
            message="first",
            hint="do this",
            notebook="n.ipynb",
            cell_id="c1",
            line=3,
            column="temp",
        ),
    )
    text = shown(dataclasses.replace(samples["health"], findings=findings))
    assert text.index("NBM001") < text.index("NBM002")
    assert "n.ipynb, cell c1, line 3, column temp" in text
    assert "→ do this" in text
    assert text.rstrip().splitlines()[-1].startswith("NBM002")


def test_cells_are_told_by_their_numbers(samples) -> None:
    """No editor shows an id: in words the number alone, at the place both."""
    found = Finding(
        code="NBX015",
        severity="error",
        message="cell ef98-a changes df",
        hint="give cell ef98-a a role, not cell other",
        cell_id="ef98-a",
    )
    record, text = dataclasses.replace(samples["health"], findings=(found,)), io.StringIO()
    show(record, Console(file=text, width=110), {"ef98-a": 6})
    assert "cell 6 changes df\n       cell 6 (ef98-a)\n" in text.getvalue()
    assert "→ give cell 6 a role, not cell other" in text.getvalue()


def test_too_few_rows_are_no_pass(samples) -> None:
    """A window that was not judged says so, in the terminal and on its page; no column is ok."""
    details = {"rows": 12, "needed": 100}
    few = Finding(code="NBM008", severity="info", message="few", details=details)
    health = samples["health"]
    columns = tuple(dataclasses.replace(c, drifted=False) for c in health.drift[0].columns)
    drift = dataclasses.replace(health.drift[0], passed=True, columns=columns, findings=(few,))
    told = dataclasses.replace(health, passed=True, findings=(few,), drift=(drift,))
    for text in (shown(told), health_page(told)):
        assert text.count("too few rows: 12 of 100 needed") == 2
        assert "passed" not in text
        assert "no drift" not in text
    assert " ok " not in shown(told)
    assert "passed" in shown(dataclasses.replace(told, drift=(*told.drift, health.drift[0])))


def test_long_records_are_cut_and_say_so(make_gate, make_check) -> None:
    """A thousand checks and findings print a bounded number of lines."""
    many = make_gate(
        *(make_check(name=f"m{n}") for n in range(1000)),
        findings=tuple(Finding(code="NBG004", severity="error", message=str(n)) for n in range(99)),
    )
    text = shown(many)
    assert len(text.splitlines()) < 80
    assert "and 960 more" in text
    assert "and 79 more findings" in text


def test_lists_of_records_are_shown(samples) -> None:
    """Predictions become a table; nothing found says so; other records follow one another."""
    text = shown([samples["prediction"]] * 3)
    assert text.count("champion") == 3
    assert "nothing found" in shown([])
    assert "12,345" in shown([samples["health"], samples["parity"]])


def test_the_gate_tells_void_checks(samples) -> None:
    """Whether each check was shown to fail is in the table."""
    text = shown(samples["gate"], width=300)
    assert "VOID" in text
    assert "sabotaged" in text


def test_a_proof_shows_what_differs_first() -> None:
    """Differences above what is the same; parameters counted, not listed; the tests' outcome."""
    rows = [
        ("alpha", "parameter", "same", ""),
        ("frame", "frame", "same", ""),
        ("middle", "state", "different", "the cells give 1, the module 2"),
        ("scale", "state", "not compared", "a function of the notebook"),
        ("auc", "", "not in the module", "nothing in the module needs it"),
    ]
    values = tuple(
        nbprod.records.ComparedValue(name=n, role=r, verdict=v, cell_id="c1", reason=why)
        for n, r, v, why in rows
    )
    told = shown(
        nbprod.records.Proof(
            notebook="a.ipynb",
            package="a",
            version="1",
            passed=False,
            values=values,
            tests={"failed": 2},
        )
    )
    counts = "2 values the same, 1 different, 1 not compared, 1 not in the module"
    assert counts in told
    assert told.index("middle") < told.index("frame ") < told.index("scale")
    assert "1 parameter" in told
    assert "alpha" not in told
    assert "2 failed" in told


def test_a_distance_that_cannot_be_measured_is_not_three_hundred_digits() -> None:
    """A column that is missing is infinitely far; a record says so by the largest float."""
    assert number(sys.float_info.max) == "∞"


def test_a_finding_of_a_notebook_names_its_cell_as_the_table_does() -> None:
    """By the number that `nbprod tag` takes, beside the id."""
    cell = CellSummary(cell_id="ab12", index=6, kind="code", role="", first_line="x = 1")
    finding = Finding(code="NBX009", severity="info", message="dropped", cell_id="ab12", line=2)
    text = shown(Inspection(notebook="n.ipynb", cells=(cell,), findings=(finding,)))
    assert "cell 7 (ab12), line 2" in text


def test_init_ends_with_what_to_type_next(tmp_path, monkeypatch) -> None:
    """From where the reader is; with proposals, how one of them is corrected."""
    monkeypatch.chdir(tmp_path)
    made = Scaffold(path=str(tmp_path / "my model"), files=("nbprod.toml", "n.ipynb"))
    road = "nbprod extract && nbprod parity && nbprod train && nbprod gate"
    last = [" ".join(line.split()) for line in shown(made).splitlines()][-2:]
    assert last == ["next cd 'my model'", road]
    proposed = dataclasses.replace(
        made, path=str(tmp_path), proposals=({"cell": "1", "role": "lib", "reason": "a"},)
    )
    last = [" ".join(line.split()) for line in shown(proposed).splitlines()][-3:]
    correct = "nbprod tag n.ipynb CELL ROLE # where a role is not right"
    assert last == ["next nbprod inspect", correct, road]
