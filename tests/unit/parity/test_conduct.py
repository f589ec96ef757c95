"""Transforms that misbehave: they end as a finding or as a relation that was not checked."""

from __future__ import annotations

import resource
import sys
import threading
import time
import urllib.request

import numpy as np
import pandas as pd
import pytest

from nbprod.parity import check_parity

ROWS = pd.DataFrame({"x": np.random.default_rng(0).normal(size=30), "n": range(30)})


def examine(transform, **arguments):
    return check_parity(
        transform, rows=ROWS, rerun=lambda frame, environ: transform(frame), **arguments
    )


def hangs(frame, state=None):
    while True:
        pass


def sleeps(frame, state=None):
    time.sleep(60)


def swallows(frame, state=None):
    while True:
        try:
            time.sleep(0.01)
        except Exception:  # noqa: BLE001 - that is the bug
            continue


def hangs_when_shuffled(frame, state=None):
    if len(frame) == len(ROWS) and frame["n"].iloc[0] != 0:
        time.sleep(60)
    return frame[["x"]] * 2


@pytest.mark.parametrize("transform", [hangs, sleeps, swallows])
def test_a_transform_that_never_answers_ends_as_a_finding(transform):
    """Its relation has a time limit, and nothing of it passes."""
    report = examine(transform, limit_s=0.5)

    assert not report.passed
    assert [finding.code for finding in report.findings] == ["NBP009"]
    assert "no answer within" in report.findings[0].message


def test_a_relation_that_does_not_end_is_not_checked():
    """One relation that hangs is told as not checked; the others are judged; no pass."""
    report = examine(hangs_when_shuffled, limit_s=1.0)

    unchecked = {item.name for item in report.relations if not item.checked and not item.passed}
    assert "order" in unchecked
    assert not report.passed
    assert next(item for item in report.relations if item.name == "repeat").checked


def test_the_limit_holds_in_a_thread_too():
    """A server's worker thread gets no signals; Python code is stopped there all the same."""
    found = []
    worker = threading.Thread(target=lambda: found.append(examine(hangs, limit_s=0.5)))
    worker.start()
    worker.join(30)

    assert found
    assert not found[0].passed


def test_a_transform_that_ends_the_process_is_a_finding():
    """sys.exit() in a cell does not end the caller."""

    def leaves(frame, state=None):
        raise SystemExit(3)

    report = examine(leaves)

    assert not report.passed
    assert "SystemExit" in report.findings[0].message


def test_what_is_printed_is_kept_back_and_told(capsys):
    """A print reaches no report's output; the report says that it is there, and passes."""

    def prints(frame, state=None):
        print("hello from the cell")
        return frame[["x"]]

    report = examine(prints)

    assert "hello" not in capsys.readouterr().out
    assert [(f.code, f.severity) for f in report.findings] == [("NBP005", "info")]
    assert "hello from the cell" in report.findings[0].message
    assert report.passed


def test_a_transform_that_needs_the_network_does_not_pass():
    """A connection to another machine is refused; to fall back silently does not help."""

    def fetches(frame, state=None):
        with urllib.request.urlopen("http://rates.example.com/today") as answer:
            return frame[["x"]] * float(answer.read())

    def falls_back(frame, state=None):
        try:
            return fetches(frame)
        except OSError:
            return frame[["x"]] * 1.1

    for transform, code in ((fetches, "NBP009"), (falls_back, "NBP008")):
        report = examine(transform)
        assert not report.passed
        assert [finding.code for finding in report.findings] == [code]
        assert "rates.example.com" in report.findings[0].message


def test_a_transform_that_eats_memory_ends_as_a_finding():
    """MemoryError is told like any other error."""

    def eats(frame, state=None):
        np.ones((1 << 40, 1 << 10))
        return frame[["x"]]

    report = examine(eats)

    assert not report.passed
    assert "rror" in report.findings[0].message


HOARD = []


def hoards(frame, state=None):
    while True:
        HOARD.append(bytearray(20 << 20))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts what a process may take")
def test_memory_has_a_limit():
    """Code that takes ever more ends as a finding, long before the machine has none left."""
    report = examine(hoards, limit_bytes=200 << 20)

    assert len(HOARD) < 30
    HOARD.clear()
    assert [finding.code for finding in report.findings] == ["NBP009"]
    assert "MemoryError" in report.findings[0].message
    assert resource.getrlimit(resource.RLIMIT_DATA)[0] == resource.RLIM_INFINITY


@pytest.mark.parametrize("result", [None, 3, "text", {"x": 1}, [1, 2, 3]])
def test_what_is_no_frame_is_a_finding_of_columns(result):
    """A wrong type ends at once, under NBP007."""
    report = examine(lambda frame, state=None: result)

    assert [finding.code for finding in report.findings] == ["NBP007"]
    assert not report.passed
