"""Health over one window: service, data, and quality where labels came.

Every prediction of the window is held in memory at once; larger services want a shorter window.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from nbprod.config import duration_s
from nbprod.data import prediction_log
from nbprod.data.prediction_log import moment
from nbprod.data.profile import Profile
from nbprod.errors import ConfigError
from nbprod.monitoring.alerts import ALERTS_FILE, alerts_for, tell
from nbprod.monitoring.drift import assess_drift, window_profile
from nbprod.monitoring.quality import judge, measure
from nbprod.monitoring.rules import FAILING, finding
from nbprod.records import DriftReport, Finding, Health

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from pandas import DataFrame, Series

    from nbprod.config import Settings

MIN_REQUESTS = 100  # fewer have no 99th percentile to speak of


def assess_health(
    *,
    deployment: str,
    log_folder: Path,
    profile_folder: Path,
    references: Mapping[str, Path],
    settings: Settings,
    start: datetime | str,
    end: datetime | str,
    errors: int = 0,
) -> Health:
    """The three layers of a deployment's health over [start, end).

    references: the reference profile's file by release version. errors: requests answered with
    an error, which the prediction log does not hold. Alerts are appended to ``alerts.jsonl`` in
    the log's folder and sent to the URLs of ``[monitor] alerts``. Passes without drift, a broken
    envelope or threshold, or an altered record.
    """
    since, until = moment(start), moment(end)
    if since is None or until is None or since >= until:
        raise ConfigError("the window is empty", hint="its start must lie before its end")
    label = settings.model.outcome or settings.data.label
    rows = prediction_log.joined(log_folder, since, until, name=label)
    damaged = prediction_log.damage(log_folder, since)["damaged"]
    service, service_findings = _service(rows, settings, errors)
    drift, drift_findings = _drift(
        rows, deployment, profile_folder, references, settings, since, until
    )
    quality, labelled, quality_findings = _quality(rows, log_folder, settings, since, until)
    findings = [*service_findings, *drift_findings, *quality_findings]
    if damaged:
        message = f"{damaged} lines of the prediction log are not what was written"
        findings.append(finding("NBM004", message, damaged=damaged))
    path = log_folder / ALERTS_FILE
    raised = alerts_for(findings, settings.model.owner, path)
    alerts, failed = tell(raised, path, settings.monitor.alerts, deployment=deployment)
    for one in failed:
        message = f"{len(alerts)} alerts were not sent to {one.url}: {one.reason}"
        findings.append(finding("NBM012", message, alerts=len(alerts)))
    return Health(
        deployment=deployment,
        start=since.isoformat(),
        end=until.isoformat(),
        damaged_records=damaged,
        predictions_by_release={str(k): int(v) for k, v in rows["release"].value_counts().items()},
        labelled=labelled,
        quality=quality,
        drift=drift,
        alerts=alerts,
        findings=tuple(findings),
        passed=not any(item.code in FAILING for item in findings),
        **service,
    )


def _service(
    rows: DataFrame, settings: Settings, errors: int
) -> tuple[dict[str, Any], list[Finding]]:
    """Requests, errors, latency and degraded answers; what a shadow computes is no request."""
    answered = rows[rows["role"] != "shadow"]
    latency = _latencies(answered)
    degraded = int(answered["degraded"].astype(bool).sum())
    found: dict[str, Any] = {
        "requests": len(latency) + errors,
        "errors": errors,
        "degraded": degraded,
        "latency_p50_ms": float(latency.quantile(0.5)) if len(latency) else None,
        "latency_p99_ms": float(latency.quantile(0.99)) if len(latency) else None,
    }
    findings = []
    p99, promised = found["latency_p99_ms"], settings.envelope.p99_ms
    if len(latency) >= MIN_REQUESTS and p99 > promised:
        message = f"p99 is {p99:.1f} ms over {len(latency)} requests, the envelope is {promised:g}"
        findings.append(finding("NBM002", message, p99_ms=p99))
    if degraded:
        message = f"{degraded} of {len(answered)} answers were not the model's"
        findings.append(finding("NBM005", message, degraded=degraded))
    if errors:
        findings.append(finding("NBM009", f"{errors} requests were answered with an error"))
    if not len(answered):
        findings.append(finding("NBM006", "no request was answered in the window"))
    return found, findings


def _latencies(answered: DataFrame) -> Series[float]:
    """The latency of each request in ms: its slowest row's.

    Rows of one request share its id; a caller's own id that comes again is told apart by the
    second. Rows without an id are requests of their own.
    """
    named = answered["request_id"].where(answered["request_id"] != "", answered["id"])
    return answered["latency_ms"].astype(float).groupby([named, answered["at"].str[:19]]).max()


def _drift(
    rows: DataFrame,
    deployment: str,
    profile_folder: Path,
    references: Mapping[str, Path],
    settings: Settings,
    start: datetime,
    end: datetime,
) -> tuple[tuple[DriftReport, ...], list[Finding]]:
    # A key never repeats, the time only goes on, and what is known only later is not served.
    unserved = {*settings.data.key, settings.data.time, *settings.not_inputs}
    ignore = {f"input.{name}" for name in unserved} | set(settings.redacted)
    reports: list[DriftReport] = []
    findings: list[Finding] = []
    for release in sorted(set(rows["release"])):
        path = references.get(release)
        if path is None or not path.is_file():
            named = f"release {release}" if release.isdigit() else "an unreleased candidate"
            message = f"{named} has no reference profile: its drift is not judged"
            findings.append(finding("NBM007", message))
            continue
        reference = Profile.load(path)
        window = window_profile(
            rows[rows["release"] == release],
            reference,
            folder=profile_folder,
            release=release,
            start=start,
            end=end,
        )
        report = assess_drift(
            window,
            reference,
            deployment=deployment,
            release=release,
            start=start,
            end=end,
            thresholds=settings.monitor.drift,
            ignore=ignore,
        )
        reports.append(report)
        findings.extend(report.findings)
    return tuple(reports), findings


def _quality(
    rows: DataFrame, log_folder: Path, settings: Settings, start: datetime, end: datetime
) -> tuple[dict[str, float], int, list[Finding]]:
    """Quality over the window, or from a label delay earlier where its labels are too few yet."""
    label = settings.model.outcome or settings.data.label
    wanted = settings.gate.min_slice
    judged = rows[rows["role"] != "shadow"]
    if int(judged["labelled"].sum()) < wanted:
        earlier = start - timedelta(seconds=duration_s(settings.monitor.label_delay))
        longer = prediction_log.joined(log_folder, earlier, end, name=label)
        judged = longer[longer["role"] != "shadow"]
    labelled = int(judged["labelled"].sum())
    quality = measure(judged, task=settings.model.task, label=label)
    if quality:
        quality["coverage"] = labelled / len(judged)
    if not len(judged):
        return {}, 0, []
    thresholds = settings.gate.thresholds
    return quality, labelled, judge(quality, thresholds, labelled=labelled, min_rows=wanted)
