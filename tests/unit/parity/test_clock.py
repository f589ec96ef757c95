"""Clocks set ahead: in this process for one call, in a fresh one as a whole."""

from __future__ import annotations

import datetime
import importlib
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


def test_a_moment_taken_at_import_is_seen(tmp_path, monkeypatch):
    """A module is imported anew in the fresh process: what it holds as now is another moment."""
    (tmp_path / "shop_features.py").write_text(
        "import datetime\n"
        "STARTED = datetime.datetime.now()\n"
        "def transform(frame, state=None):\n"
        "    return frame.assign(year=STARTED.year)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    module = importlib.import_module("shop_features")

    (finding,) = check_parity(module.transform, rows=ROWS).findings

    assert (finding.code, finding.column) == ("NBP004", "year")
    assert finding.details["step"]["source"] == "return frame.assign(year=STARTED.year)"
