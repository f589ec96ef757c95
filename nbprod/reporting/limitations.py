"""The limitations page: what a model was tested on, and where it must not be trusted.

Generated from the evidence of a gate as Markdown. What people write outside the marks is theirs
and stays; what stands between them is written anew for each candidate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbprod.reporting.junit import check_title
from nbprod.reporting.markdown import cell, short_number

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nbprod.records import ColumnRule, DataContract, GateCheck, GateResult, TrainingRun

BEGIN, END = "<!-- nbprod:begin -->", "<!-- nbprod:end -->"
_POOLED = "(pooled)"
# What a gate may ask, by the names of nbprod's own notebooks; what was not asked is said.
_QUESTIONS = {
    "slices": "whether every group is served, and groups are treated alike",
    "behaviour": "what must and what must not change an answer",
    "robustness": "noise, missing inputs, the edges of the contract",
    "calibration": "whether promised and observed frequencies agree",
    "envelope": "latency at the promised load, memory, cold start",
    "data": "whether the rows it was judged on are like those it learnt from",
}
_YOURS = """
## What people know

Write here what no measurement shows: whom the model was not made for, what it was once used
for in error, what to do when it is unsure. This part stays as you write it, and is frozen with
each release.
"""
_MOST_NAMED = 12
_CLOSE = 0.15  # of the interval's width: an end so near to its threshold passed narrowly


def limitations(gate: GateResult, run: TrainingRun, contract: DataContract | None) -> str:
    """The generated part, between its marks."""
    parts = [
        BEGIN,
        f"# {cell(run.candidate.name)} {run.candidate.number}: what it is good for, and what not",
        "",
        f"Written from gate `{gate.id}` ({gate.verdict}) of candidate "
        f"`{gate.candidate_digest[:12]}`.",
        "",
        "## What it was tested on",
        "",
        *_tested(gate, run),
        "",
        "## Where it must not be trusted",
        "",
        *_listed(_untrusted(gate, contract), "Nothing was found."),
        "",
        "## What was not tested",
        "",
        *_listed(_untested(gate), "Every question that nbprod's own gates ask was asked."),
        END,
    ]
    return "\n".join(parts) + "\n"


def merged(existing: str, generated: str) -> str:
    """The page with its generated part replaced; everything else stays to the letter.

    A page without marks is somebody's own: the generated part is put before it.
    """
    if not existing.strip():
        return generated + _YOURS
    before, begin, rest = existing.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        return generated + "\n" + existing
    return before + generated.rstrip("\n") + after


def _tested(gate: GateResult, run: TrainingRun) -> Iterator[str]:
    snapshot = run.snapshot
    span = f", {snapshot.time_start} to {snapshot.time_end}" if snapshot.time_start else ""
    yield f"* {run.holdout_rows:,} rows that training never saw (`{gate.data_digest[:12]}`)."
    yield f"* Learnt from {run.train_rows:,} rows of {_code(snapshot.uri)}{span}."
    shown = [check for check in gate.checks if not check.slice][:_MOST_NAMED]
    for check in shown:
        yield f"* {_said(check)}, required {cell(check.threshold)}."


def _said(check: GateCheck) -> str:
    text = f"{cell(check_title(check))} {short_number(check.value)}"
    if check.low is not None and check.high is not None:
        text += f" ({short_number(check.low)} to {short_number(check.high)})"
    return text + (f" on {check.rows:,} rows" if check.rows else "")


def _untrusted(gate: GateResult, contract: DataContract | None) -> Iterator[str]:
    yield from _doubts(gate)
    yield from _pools(gate)
    yield from _weakest(gate)
    if contract is not None:
        yield from _ranges(contract.input)
    for item in gate.findings:
        if item.severity == "warning" and item.code != "NBG005":
            yield f"{cell(item.message)} ({item.code})."


def _doubts(gate: GateResult) -> Iterator[str]:
    """Checks that failed, that could not tell, and that passed narrowly."""
    for check in gate.checks:
        said, required = _said(check), cell(check.threshold)
        if check.verdict == "failed":
            yield f"**{said}**: does not reach {required}."
        elif check.verdict == "inconclusive":
            rows = check.rows_needed
            more = f", about {rows:,} more rows would tell" if rows else ""
            yield f"{said}: too few rows to say whether it is {required}{more}."
        elif _narrow(check):
            yield f"{said}: reaches {required} only just."


def _narrow(check: GateCheck) -> bool:
    """Whether the pessimistic end of the interval lies close to the threshold."""
    try:
        limit = float(check.threshold.lstrip("<>= "))
    except ValueError:
        return False
    if check.low is None or check.high is None or check.high <= check.low:
        return False
    end = check.low if check.threshold.startswith(">") else check.high
    return abs(end - limit) < _CLOSE * (check.high - check.low)


def _pools(gate: GateResult) -> Iterator[str]:
    """Groups too small to be judged alone: the pool passed, none of them by itself."""
    seen = {tuple(check.slice) for check in gate.checks if _POOLED in check.slice.values()}
    for columns in sorted(seen):
        names = ", ".join(map(cell, columns))
        yield (
            f"Small groups of {names} were judged together only: nothing is known about each alone."
        )


def _weakest(gate: GateResult) -> Iterator[str]:
    """Of each measure by group, the group that is served worst."""
    families: dict[tuple[str, tuple[str, ...]], list[GateCheck]] = {}
    for check in gate.checks:
        if check.slice and check.verdict == "passed":
            families.setdefault((check.name, tuple(check.slice)), []).append(check)
    for checks in families.values():
        if len(checks) > 1:
            lower_is_worse = checks[0].threshold.startswith(">")
            worst = (min if lower_is_worse else max)(checks, key=lambda check: check.value)
            yield f"Served worst: {_said(worst)}."


def _ranges(rules: Sequence[ColumnRule]) -> Iterator[str]:
    """What the contract lets in: beyond it there are no answers at all."""
    known = [
        f"{_code(rule.name)} {short_number(rule.minimum)} to {short_number(rule.maximum)}"
        for rule in rules
        if rule.minimum is not None and rule.maximum is not None
    ]
    if known:
        more = f" and {len(known) - _MOST_NAMED} more" if len(known) > _MOST_NAMED else ""
        yield (
            "It has seen, and answers, only within the contract: "
            f"{'; '.join(known[:_MOST_NAMED])}{more}."
        )


def _untested(gate: GateResult) -> Iterator[str]:
    asked = {name.rpartition("/")[2].partition(":")[2] or _stem(name) for name in gate.notebooks}
    if any(check.slice for check in gate.checks):
        asked.add("slices")  # by a notebook of the project's own
    for name, question in _QUESTIONS.items():
        if name not in asked:
            yield f"{question[0].upper()}{question[1:]}: no gate notebook `{name}` was run."
    if gate.parity is not None:
        for relation in gate.parity.relations:
            if not relation.checked:
                yield f"Parity under {relation.name}: {cell(relation.reason or 'not tried')}."


def _code(text: str) -> str:
    """Text as Markdown code, which has no escapes."""
    return f"`{' '.join(text.split()).replace('`', chr(39))}`"


def _stem(name: str) -> str:
    return name.rpartition("/")[2].partition(".")[0]


def _listed(lines: Iterator[str], otherwise: str) -> list[str]:
    return [f"* {line}" for line in lines] or [otherwise]
