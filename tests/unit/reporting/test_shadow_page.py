"""A shadow's page, and a rollout's views in the terminal."""

from __future__ import annotations

import io

from rich.console import Console

from nbprod.records import (
    Deployment,
    FieldDifference,
    RolloutDecision,
    RolloutStep,
    ShadowExample,
    ShadowReport,
    SliceDifference,
    TrafficState,
)
from nbprod.reporting.shadow_page import shadow_page
from nbprod.reporting.terminal import show

EVIL = "<script>alert(1)</script>[red]"
REPORT = ShadowReport(
    release="2",
    pairs=900,
    unpaired=100,
    agreement=0.75,
    fields=(FieldDifference(name=EVIL, agreement=0.75, mean_difference=0.1, max_distance=0.5),),
    slices=(SliceDifference(column="carrier", value=EVIL, rows=50, agreement=0.2),),
    examples=(
        ShadowExample(
            champion_id="a" * 24,
            shadow_id="b" * 24,
            inputs={"carrier": EVIL},
            champion={"late": 0.1},
            shadow=EVIL,
        ),
    ),
    predictions={"champion": {"[0, 0.5)": 700, "[0.5, 1)": 200}, "shadow": {"[0, 0.5)": 900}},
    latency_ms={"champion": {"p50": 2.0, "p99": 9.0}, "shadow": {"p50": 3.0, "p99": 12.0}},
)
TRAFFIC = TrafficState(
    revision=3, roles={"champion": 1, "canary": 2}, canary_fraction=0.1, shadows=(4,), paused=True
)


def shown(record: object) -> str:
    out = io.StringIO()
    show(record, Console(file=out, width=200))
    return out.getvalue()


def test_the_page_tells_agreement_loss_slices_and_rows() -> None:
    """What was lost is told beside what agreed; hostile values are only text."""
    text = shadow_page(REPORT)
    for part in ("75.00%", "10.0%", "carrier", "By slice", "Rows that differ most", "a" * 24):
        assert part in text
    assert "<script>alert" not in text


def test_a_shadow_without_pairs_has_a_page_too() -> None:
    """No pair, no plot, no crash."""
    assert "None: every pair agrees" in shadow_page(
        ShadowReport(release="2", pairs=0, unpaired=5, agreement=None)
    )


def test_the_terminal_shows_a_shadow() -> None:
    """The same in the terminal."""
    text = shown(REPORT)
    assert "75.00% agree" in text
    assert "100" in text


def deployment(traffic: TrafficState, action: str, waiting_for: str = "") -> Deployment:
    step = RolloutStep(at="2013-01-01T00:00:00+00:00", action=action, by="me", traffic=traffic)
    return Deployment(
        name="trips",
        url="http://127.0.0.1:1",
        engine_id="e",
        address="a",
        traffic=traffic,
        history=(step,),
        waiting_for=waiting_for,
    )


def test_status_shows_roles_shadows_pause_and_what_is_waited_for() -> None:
    """Everything of a rollout at a glance."""
    text = shown(deployment(TRAFFIC, "canary", "the canary answered 12 of 30 requests"))
    for part in ("canary", "10%", "sees all", "12 of 30", "paused", "me"):
        assert part in text


def test_a_deployment_that_was_ended_shows_no_empty_table() -> None:
    """Nothing answers: its history is all there is to see."""
    text = shown(deployment(TrafficState(roles={}), "undeploy"))
    assert "undeploy" in text
    assert "role" not in text


def test_a_decision_shows_each_guard_with_its_verdict() -> None:
    """What was observed, and what each guard says of it."""
    check = {"name": "p99_ms", "guard": "<= 50", "verdict": "fail", "reason": "p99_ms is 80"}
    text = shown(
        RolloutDecision(
            deployment="trips",
            action="abort",
            reason="p99_ms is 80",
            observed={"canary": {"requests": 300, "errors": 0, "p99_ms": 80.0}},
            checks=(check,),
        )
    )
    for part in ("abort", "✗ fail", "<= 50", "300"):
        assert part in text
