"""The numbers of a serving process in Prometheus's text format."""

from __future__ import annotations

from nbprod.serving.metrics import Metrics


def test_buckets_are_cumulative_and_end_with_all() -> None:
    """A histogram's buckets only grow, and the last one counts everything."""
    metrics = Metrics(deployment="d")
    for seconds in (0.0001, 0.003, 0.2, 99.0):
        metrics.request("/predict", 200, seconds)
    lines = [line for line in metrics.render({}).splitlines() if "request_seconds_bucket" in line]
    counts = [int(line.rpartition(" ")[2]) for line in lines]
    assert counts == sorted(counts)
    assert counts[-1] == 4
    assert 'le="+Inf"' in lines[-1]


def test_labels_are_escaped() -> None:
    """Quotes, backslashes and line ends in a label cannot break the format."""
    metrics = Metrics(deployment='a"b\\c\nd')
    metrics.count("refused_rows", 2)
    text = metrics.render({"queued_requests": 3})
    assert 'nbprod_refused_rows_total{deployment="a\\"b\\\\c\\nd"} 2' in text
    assert text.endswith("} 3\n")
