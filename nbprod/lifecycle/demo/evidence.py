"""What the demo sends, counts and looks up: the numbers of its record and of its report."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from nbprod.data import prediction_log
from nbprod.lifecycle.loop import log_folder
from nbprod.lifecycle.scaffold import recipes_path
from nbprod.records import Demonstration, Deployment, Finding, Release

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nbprod.lifecycle.demo.road import Road
    from nbprod.lifecycle.demo.traffic import Exchange, Traffic
    from nbprod.lifecycle.project import Project

# How long after a kill -9 a caller may see an error: the time the engine needs to notice.
KILL_WINDOW_S = 15.0
_BATCH = 500


def later_flights(project: Project, *, limit: int) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Flights after the training months, as a caller would send them, and what became of them.

    Evenly over the later months, in order of time. The outcomes are by flight_id; flights that
    never arrived (cancelled, diverted) have none.
    """
    import pandas as pd

    flights = pd.read_parquet(project.settings.path(project.settings.data.train))
    run = project.latest_run()
    until = pd.Timestamp(str(run.parameters["train_until"]), tz="UTC")
    late_after = float(run.parameters["late_after_min"])
    flights = flights[(flights["time_hour"] >= until) & flights["dep_delay"].notna()]
    flights = flights.iloc[:: max(1, len(flights) // limit)]
    arrived = flights[flights["arr_delay"].notna()]
    outcomes = dict(
        zip(arrived["flight_id"], (arrived["arr_delay"] > late_after).astype(int), strict=True)
    )
    contract = project.contract()
    names = [rule.name for rule in contract.input if rule.name in flights.columns]
    # A caller sends what the contract takes: months that it has never seen belong to it.
    good = _answerable(project, flights[names])
    rows = json.loads(good.to_json(orient="records", date_format="iso", double_precision=15))
    return rows, {key: int(value) for key, value in outcomes.items()}


def _answerable(project: Project, frame: Any) -> Any:
    """Without the rows that the contract refuses; they are the business of `send_broken`."""
    from nbprod.data.row_validation import RowValidator

    records = json.loads(frame.to_json(orient="records", date_format="iso"))
    good, _ = RowValidator(project.contract().input).check(records)
    return frame[[row is not None for row in good]]


def send_broken(url: str, sound: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Send rows with one mistake each; what each answer said: status, wanted and named column."""
    import httpx

    broken = json.loads((recipes_path() / "flights" / "broken.json").read_text(encoding="utf-8"))
    answers = []
    with httpx.Client(base_url=url, timeout=30.0, trust_env=False) as client:
        for case in broken:
            row = {**sound, **case["change"]}
            for name in case.get("remove", ()):
                row.pop(name, None)
            response = client.post("/predict", json={"instances": [row]})
            errors = response.json().get("errors", []) if response.status_code == 422 else []
            answers.append(
                {
                    "case": case["name"],
                    "column": case["column"],
                    "status": response.status_code,
                    "named": ", ".join(sorted({error["column"] for error in errors})),
                    "message": errors[0]["message"] if errors else response.text[:200],
                }
            )
    return answers


def acknowledged(traffic: Traffic) -> list[Exchange]:
    """The exchanges that ended with an answer."""
    return [exchange for exchange in traffic.exchanges if not exchange.failed]


def share(traffic: Traffic, release: Release, *, since: float) -> float:
    """The fraction of answers since a moment that came from a release."""
    answers = [item for item in acknowledged(traffic) if item.at_s >= since]
    theirs = sum(1 for item in answers if item.release == str(release.version))
    return theirs / len(answers) if answers else 0.0


def rollback_ms(deployment: Deployment) -> float:
    """From the call to its acknowledgement, as the deployment's history tells it."""
    step = deployment.history[-1]
    return float(step.duration_ms)


def post_outcomes(traffic: Traffic, outcomes: Mapping[str, int]) -> dict[str, int]:
    """Post what became of every answered flight over HTTP; accepted and unknown, counted."""
    import httpx

    posted = [
        {"prediction_id": prediction_id, "outcome": outcomes[flight], "name": "late"}
        for item in acknowledged(traffic)
        for prediction_id, row in zip(item.prediction_ids, item.rows, strict=True)
        if (flight := traffic.rows[row]["flight_id"]) in outcomes
    ]
    accepted = unknown = 0
    with httpx.Client(base_url=traffic.url, timeout=60.0, trust_env=False) as client:
        for first in range(0, len(posted), _BATCH):
            response = client.post("/outcomes", json={"outcomes": posted[first : first + _BATCH]})
            response.raise_for_status()
            answer = response.json()
            accepted += answer["accepted"]
            unknown += len(answer.get("unknown", ()))
    return {"accepted": accepted, "unknown": unknown}


def an_example(traffic: Traffic, release: Release) -> str:
    """The id of the last prediction that a release answered."""
    theirs = [x for x in acknowledged(traffic) if x.release == str(release.version)]
    return (theirs or acknowledged(traffic))[-1].prediction_ids[0]


def missing_from_log(project: Project, traffic: Traffic) -> list[str]:
    """Acknowledged prediction ids that the log does not hold."""
    ids = {name for item in acknowledged(traffic) for name in item.prediction_ids}
    logged = prediction_log.query(log_folder(project), limit=len(ids) * 2 + 100_000)
    return sorted(ids - {record.id for record in logged})


def conclude(road: Road, project: Project) -> Demonstration:
    """The demo's record: what was promised, judged; the report is written beside it."""
    from nbprod.lifecycle.demo.page import write_report

    traffic = road.traffic
    assert traffic is not None
    kill = road.moments["kill"]
    failed = [item for item in traffic.exchanges if item.failed]
    at_kill = [item for item in failed if kill <= item.at_s <= kill + KILL_WINDOW_S]
    second = str(road.records["second"].version)
    late = [
        item
        for item in acknowledged(traffic)
        if item.release == second and item.at_s > road.moments["rolled back"]
    ]
    refused = road.records["refused"]
    unnamed = [r for r in refused if r["status"] != 422 or r["column"] not in r["named"]]
    record = Demonstration(
        passed=not (len(failed) > len(at_kill) or road.records["missing"] or late or unnamed),
        folder=str(road.folder),
        report=str(road.folder / "report.html"),
        steps=tuple(road.steps),
        requests=traffic.sent,
        failed_requests=len(failed) - len(at_kill),
        failed_at_kill=len(at_kill),
        acknowledged=traffic.answered,
        missing_from_log=len(road.records["missing"]),
        refused_rows=len(refused) - len(unnamed),
        rollback_ms=road.records["rollback_ms"],
        late_answers=len(late),
        findings=tuple(_findings(failed, at_kill, unnamed, road.records["missing"], late)),
    )
    write_report(road, project, record)
    return record


def _findings(
    failed: Sequence[Exchange],
    at_kill: Sequence[Exchange],
    unnamed: Sequence[Mapping[str, Any]],
    missing: Sequence[str],
    late: Sequence[Exchange],
) -> list[Finding]:
    found = []
    if len(failed) > len(at_kill):
        first = next(item for item in failed if item not in at_kill)
        text = f"{len(failed) - len(at_kill)} requests failed, the first at {first.at_s:.1f} s"
        found.append(_error("NBS910", f"{text}: {first.status} {first.message}"))
    if missing:
        found.append(_error("NBS911", f"acknowledged, not in the log: {', '.join(missing[:5])}"))
    if late:
        found.append(_error("NBR910", f"{len(late)} answers of the bad release after the rollback"))
    found += [
        _error("NBC910", f"{case['case']}: {case['status']}, named {case['named'] or 'nothing'}")
        for case in unnamed
    ]
    return found


def _error(code: str, message: str) -> Finding:
    return Finding(
        code=code, severity="error", message=message, hint="a promise of nbprod broke: report it"
    )
