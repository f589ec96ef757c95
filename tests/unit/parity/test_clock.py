"""Clocks set ahead: in this process for one call, in a fresh one as a whole."""

from __future__ import annotations

import datetime
import time

import pandas as pd
import pytest

from nbprod.parity import check_parity
from nbprod.parity.clock import VARIABLE, set_ahead

ROWS = pd.DataFrame({"x": [1.0, 2.0, 3.0, 4.0]})


@pytest.fixture
def ahead(monkeypatch):
    """A process that is told to be a thousand days ahead."""
    monkeypatch.setenv(VARIABLE, str(1000 * 86400))


def test_a_process_is_set_ahead_and_back(ahead):
    """Within, whoever asks a module for the time is told a later one; afterwards it is now."""
    before = datetime.date.today()
    with set_ahead():
        assert (datetime.datetime.now().date() - before).days >= 1000
        assert (pd.Timestamp.now().date() - before).days >= 1000
        assert time.time() - time.mktime(before.timetuple()) >= 1000 * 86400
        assert isinstance(datetime.datetime.now(), datetime.datetime)
    assert (datetime.date.today() - before).days <= 1


def test_a_clock_that_no_name_leads_to_is_seen_in_a_fresh_process():
    """What a library took for now differs there: NBP004, though this process saw nothing."""
    frames = {}

    def transform(frame, state=None):
        return frame.assign(days=frames.get("days", 0))

    def rerun(frame, environ):
        days = int(float(environ.get(VARIABLE, 0)) // 86400)
        return frame.assign(days=days)

    report = check_parity(transform, rows=ROWS, rerun=rerun)

    (finding,) = report.findings
    assert (finding.code, finding.details["cause"], finding.column) == ("NBP004", "clock", "days")


def test_look_alikes_that_are_refused_prove_nothing():
    """What differs under look-alikes that tell the true time is of their making."""

    def transform(frame, state=None):
        return frame.assign(kind=0)

    def rerun(frame, environ):
        return frame.assign(kind=int(VARIABLE in environ))

    assert check_parity(transform, rows=ROWS, rerun=rerun).passed
