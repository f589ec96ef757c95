"""The bank: each skewed transform is caught under its own code, and no clean one is flagged.

Each skewed transform has one bug that real notebooks and services had. The clean ones look
suspicious (caches, clocks for logging, sets, groupbys on the state) and compute the same
features for a row wherever it comes.
"""

from __future__ import annotations

import pytest
from parity_bank import CLEAN, SKEWED, Case, flights
from parity_bank.processes import Processes

from nbprod.parity import check_parity


@pytest.fixture(scope="module")
def processes(tmp_path_factory):
    """Fresh processes for the module's tests, ended with it."""
    made = Processes(tmp_path_factory.mktemp("processes"))
    yield made
    made.end()


def _check(case: Case, processes):
    arguments = case.prepared()
    rerun = processes.rerun(case.transform, arguments["state"])
    return check_parity(case.transform, rerun=rerun, **arguments)


def _name(case):
    return case.name


def test_the_bank_is_large_enough():
    """At least sixty transforms, about a third of them clean."""
    assert len(SKEWED) + len(CLEAN) >= 60
    assert 0.25 < len(CLEAN) / (len(SKEWED) + len(CLEAN)) < 0.5


@pytest.mark.parametrize("case", SKEWED, ids=_name)
def test_each_skewed_transform_is_caught_by_its_code(case, processes):
    """Every seeded skew bug is found, under its own code and no other."""
    report = _check(case, processes)

    errors = [finding for finding in report.findings if finding.severity == "error"]
    assert {finding.code for finding in errors} == {case.code}, [
        finding.message for finding in report.findings
    ]
    assert not report.passed


@pytest.mark.parametrize("case", CLEAN, ids=_name)
def test_no_clean_transform_is_flagged(case, processes):
    """A transform that only looks suspicious passes; it prints, or may not know every text."""
    report = _check(case, processes)

    errors = [f.message for f in report.findings if f.severity == "error"]
    assert errors == []
    assert report.passed, [relation for relation in report.relations if not relation.passed]


@pytest.mark.parametrize(
    ("transform", "codes"),
    [(flights.column_set, {"NBP008"}), (flights.plain, set()), (flights.global_codes, {"NBP005"})],
)
def test_a_notebook_needs_no_rerun(transform, codes):
    """Without `rerun` the transform goes to fresh processes by value, and is judged the same."""
    report = check_parity(transform, rows=flights.rows(), state=flights.State())

    assert {finding.code for finding in report.findings} == codes
    assert next(r for r in report.relations if r.name == "environment").checked
    assert report.passed is (not codes)
