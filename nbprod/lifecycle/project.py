"""`Project`: the one object a person holds; settings, store, and one short method per verb."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from nbprod import lifecycle
from nbprod.config import Settings, load_settings, setting_values
from nbprod.lifecycle.lineage import FOLDERS, resolve_run
from nbprod.masking import mask_values
from nbprod.records import (
    Acknowledgement,
    Approval,
    Configuration,
    ContractReport,
    DataContract,
    Deployment,
    Explanation,
    Extraction,
    GateResult,
    Health,
    Inspection,
    OutcomeReceipt,
    ParityReport,
    Prediction,
    Progress,
    Proof,
    Release,
    Reproduction,
    RolloutDecision,
    ShadowReport,
    Sync,
    TrainingRun,
    Verification,
)
from nbprod.store import RecordStore

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pandas import DataFrame

    from nbprod.lifecycle.board import Board
    from nbprod.lifecycle.standing import Standing


def _silent(message: str, fraction: float | None = None) -> None:
    """The progress of somebody who does not want to see any."""


class Project:
    """One model: its notebooks, its module, its records, and every verb of the road."""

    def __init__(self, settings: Settings, *, progress: Progress | None = None) -> None:
        self.settings = settings
        self.store = RecordStore(settings.store_path)
        self.progress: Progress = progress or _silent

    @classmethod
    def load(
        cls,
        path: str | Path = ".",
        *,
        arguments: Mapping[str, Any] | None = None,
        progress: Progress | None = None,
    ) -> Project:
        """The project of the folder that holds nbprod.toml; arguments win over the file."""
        return cls(load_settings(path, arguments=arguments), progress=progress)

    def configuration(self) -> Configuration:
        """Every value of the settings and where it came from."""
        return Configuration(values=tuple(map(mask_values, setting_values(self.settings))))

    def standing(self) -> Standing:
        """Where the project stands: each stage's state, what is missing, what comes next."""
        from nbprod.lifecycle.standing import standing

        return standing(self)

    # ------------------------------------------------------------ notebook -> module

    def inspect(self, notebook: str | Path | None = None) -> Inspection:
        """Cells, roles, data flow and findings of a notebook; the training one by default."""
        return lifecycle.workbench.inspect(self, notebook)

    def extract(self, *, check: bool = False, force: bool = False) -> Extraction:
        """Write the training notebook as a module; with check only say what differs."""
        return lifecycle.workbench.extract(self, check=check, force=force)

    def prove(self) -> Proof:
        """Run the module beside the tagged cells and compare every value; run the inline tests."""
        return lifecycle.workbench.prove(self)

    def sync(self, *, check: bool = False) -> Sync:
        """Bring hand edits of the module back into the notebook; with check only say which."""
        return lifecycle.workbench.sync(self, check=check)

    def check_parity(
        self, *, rows: int = 1000, replay: int = 0, deployed: bool = False
    ) -> ParityReport:
        """Module-scope parity: state fitted on the spot, at most ``rows`` real rows.

        Of scope ``deployed`` with ``replay``: so many of the newest logged rows recomputed with
        the release that answered them; or with ``deployed``: training's rows sent to the endpoint.
        """
        if replay:
            return lifecycle.production_parity.replay(self, rows=replay)
        if deployed:
            return lifecycle.production_parity.through_endpoint(self, rows=rows)
        return lifecycle.workbench.check_parity(self, rows=rows)

    # ------------------------------------------------------------ contract

    def infer_contract(self, *, force: bool = False) -> DataContract:
        """Infer the data contract from the data and write schemas.py; never over a user's own."""
        return lifecycle.workbench.infer_contract(self, force=force)

    def check_contract(
        self, data: str | None = None, *, part: str = "input", as_of: str = ""
    ) -> ContractReport:
        """Judge a data set (the training data by default) against the contract.

        as_of: "now" or an ISO 8601 moment at which rows must be fresh; "" asks for no age.
        """
        return lifecycle.workbench.check_contract(self, data, part=part, as_of=as_of)

    def contract(self) -> DataContract:
        """The data contract as schemas.py says it now."""
        return lifecycle.workbench.contract(self)

    # ------------------------------------------------------------ run -> release

    def train(
        self, parameters: Mapping[str, Any] | None = None, *, seed: int = 0, notebook: bool = False
    ) -> TrainingRun:
        """One reproducible training in a fresh process; names the candidate."""
        return lifecycle.promotion.train(self, dict(parameters or {}), seed=seed, notebook=notebook)

    def gate(self, candidate: TrainingRun | str | None = None) -> GateResult:
        """Judge a candidate (the latest by default) by its validation notebooks."""
        return lifecycle.gating.gate(self, candidate)

    def approve(
        self, candidate: TrainingRun | str | None = None, *, reason: str, by: str = ""
    ) -> Approval:
        """A person's yes, bound to the candidate's digest."""
        return lifecycle.gating.decide(self, candidate, approved=True, reason=reason, by=by)

    def reject(
        self, candidate: TrainingRun | str | None = None, *, reason: str, by: str = ""
    ) -> Approval:
        """A person's no, bound to the candidate's digest."""
        return lifecycle.gating.decide(self, candidate, approved=False, reason=reason, by=by)

    def review(self, candidate: TrainingRun | str | None = None) -> Path:
        """Write the page of sample predictions that a reviewer looks at; its path."""
        return lifecycle.gating.review_page(self, candidate)

    def latest_run(self) -> TrainingRun:
        """The run that made the latest candidate."""
        return resolve_run(self, None)

    def release(self, candidate: TrainingRun | str | None = None) -> Release:
        """Freeze a candidate with its evidence; refuses without gate, parity and approval."""
        return lifecycle.promotion.release(self, candidate)

    def verify(self, release: Release | int | str | None = None) -> Verification:
        """Look at every hash of a release again, and at the chain of verdicts behind it."""
        return lifecycle.verdicts.verify(self, release)

    def reproduce(
        self,
        release: Release | int | str | None = None,
        *,
        here: bool = False,
        tolerance: str = "rel:1e-6",
    ) -> Reproduction:
        """Train a release again in a fresh environment from its lock; compare value by value.

        here: in the present environment, compared with the lock instead of rebuilt.
        """
        return lifecycle.reproduction.reproduce(self, release, here=here, tolerance=tolerance)

    # ------------------------------------------------------------ deployment

    def serve(self, candidate: TrainingRun | str | None = None) -> None:
        """Serve an unreleased candidate on loopback in this process until it is interrupted."""
        lifecycle.delivery.serve(self, candidate)

    def deploy(
        self,
        release: Release | int | str | None = None,
        *,
        trial: Literal["canary", "ab", "shadow"] | None = None,
        percent: float | None = None,
        force: bool = False,
    ) -> Deployment:
        """Serve a release, or put it on trial beside the champion.

        trial: as canary, as the treatment of an A/B test, or as a shadow that answers nobody.
        percent: the trial's share of the traffic. force: even where the release refuses what
        callers may send today. Without a release, a deployment whose engine died comes back as
        it was.
        """
        if trial is None:
            return lifecycle.delivery.deploy(self, release)
        from nbprod.lifecycle.trials import start_trial

        return start_trial(self, release, trial, percent=percent, force=force)

    def advance_rollout(self, *, by: str = "") -> RolloutDecision:
        """Look at the canary once and take the step that the policy asks for, or hold."""
        return lifecycle.rollouts.advance(self, by=by)

    def pause(self, *, resume: bool = False, by: str = "", reason: str = "") -> Deployment:
        """Let the rollout take no step forward, or again; its guards stay armed."""
        return lifecycle.rollouts.pause(self, resume=resume, by=by, reason=reason)

    def abort(self, *, by: str = "", reason: str = "") -> Deployment:
        """End the canary at once; where there is none, the shadows."""
        return lifecycle.rollouts.abort(self, by=by, reason=reason)

    def shadow_report(self, release: int | str, *, since: str = "") -> ShadowReport:
        """What a shadow would have answered, against what the live releases did."""
        return lifecycle.rollouts.shadow_report(self, str(release), since=since)

    def promote(self, *, by: str = "", reason: str = "") -> Deployment:
        """Make the canary the champion; the old champion stays warm as previous."""
        return lifecycle.delivery.promote(self, by=by, reason=reason)

    def rollback(self, *, by: str = "", reason: str = "") -> Deployment:
        """Send all traffic to the previous release at once."""
        return lifecycle.delivery.rollback(self, by=by, reason=reason)

    def status(self) -> Deployment:
        """The deployment as it is now."""
        return lifecycle.delivery.status(self)

    def undeploy(self) -> Deployment:
        """End the deployment and the local Ray that deploy started for it."""
        return lifecycle.delivery.undeploy(self)

    # ------------------------------------------------------------ log, health

    def predictions(self, **query: Any) -> Sequence[Prediction]:
        """Search the prediction log: since, until, release, where, limit."""
        return lifecycle.loop.predictions(self, **query)

    def prediction(self, prediction_id: str) -> Prediction:
        """One record of the prediction log."""
        return lifecycle.loop.prediction(self, prediction_id)

    def record_outcomes(self, outcomes: Sequence[Mapping[str, Any]]) -> OutcomeReceipt:
        """Attach ground truth by prediction id or key; idempotent."""
        return lifecycle.loop.record_outcomes(self, outcomes)

    def why(self, prediction_id: str) -> Explanation:
        """One prediction reconstructed completely."""
        return lifecycle.loop.why(self, prediction_id)

    def monitor(self, *, start: str | None = None, end: str | None = None) -> Health:
        """Judge service, drift and quality over a window, [monitor] window by default."""
        return lifecycle.loop.assess_health(self, start=start, end=end)

    def window(self, start: str, end: str) -> DataFrame:
        """Predictions of [start, end) as a frame, one row each, with outcomes where known."""
        return lifecycle.loop.window(self, start, end)

    def health(self, record_id: str) -> Health:
        """A window that was judged before, by its record's id."""
        return self.store.load(Health, FOLDERS[Health], record_id)

    def board(self) -> Board:
        """The deployment's health at a glance: the last windows and their alerts."""
        from nbprod.lifecycle.board import board

        return board(self)

    def acknowledge(self, alert_id: str, *, by: str = "", note: str = "") -> Acknowledgement:
        """Say that somebody has seen an alert, named by its id or its beginning."""
        from nbprod.lifecycle.alerting import acknowledge

        return acknowledge(self, alert_id, by=by, note=note)
