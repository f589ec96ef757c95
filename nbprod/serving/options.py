"""What one serving process is told: plain values that travel to it, no secret among them."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.config import duration_s
from nbprod.errors import ConfigError
from nbprod.predictor import Predictor
from nbprod.predictor.placement import CPU, Placement
from nbprod.predictor.signature import public_keys
from nbprod.serving.auth import is_loopback, parse_tokens
from nbprod.serving.room import MAX_HELD_BYTES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbprod.config import Settings
    from nbprod.data.prediction_log.writer import Durability
    from nbprod.serving.request_log import Kept

UNRELEASED = "unreleased"
_MAX_QUEUED = 1000


@dataclass(frozen=True, kw_only=True)
class ServiceOptions:
    """How a release answers in one process."""

    deployment: str
    release: str  # its version as text; "unreleased" from `nbprod serve`
    log_folder: Path
    profile_folder: Path
    log_url: str = ""  # of the shared database that holds the records, where there is one
    log_keep_s: float = 0.0  # how long records are kept; 0: for ever
    model_name: str = ""
    label: str = ""  # what an outcome is called that does not say
    numeric_outcome: bool = False  # whether that one is a number: the task is a regression
    timeout_s: float = 1.0
    max_rows: int = 1024
    max_queued: int = _MAX_QUEUED
    max_held_bytes: int = MAX_HELD_BYTES  # of all bodies that are under way at once
    batch_unproven: bool = False  # for tests: compute together what parity has not looked at
    requests: Kept = "failed"  # which requests have a line in the request log
    durability: Durability = "process"
    redact: tuple[str, ...] = ()
    refuse_unlogged: bool = False  # [serving] log on_failure = "refuse"
    on_unavailable: str = "error"
    fallback: dict[str, Any] = field(default_factory=dict)
    tokens: dict[str, tuple[str, ...]] = field(default_factory=dict)  # SHA-256 -> scopes
    hosts: tuple[str, ...] = ()  # names this machine may be called by where no token is asked for
    admin_digest: str = ""  # SHA-256 of the token that deploy made
    trusted_keys: tuple[str, ...] = ()  # one of which must have signed a release
    allow_pickle: tuple[str, ...] = ()  # model types that may be unpickled
    placement: Placement = CPU  # of a torch model

    def load(self, bundle: str | Path) -> Predictor:
        """The predictor that answers, of a release that is what was frozen and, if asked, signed.

        An unreleased candidate cannot be signed yet.
        """
        return Predictor.load(
            bundle,
            trusted_keys=() if self.release == UNRELEASED else self.trusted_keys,
            allow_pickle=self.allow_pickle,
            placement=self.placement,
        )


def service_options(
    settings: Settings,
    *,
    deployment: str,
    release: str,
    log_folder: Path,
    profile_folder: Path,
    environ: Mapping[str, str] | None = None,
    admin_digest: str = "",
) -> ServiceOptions:
    """The options of one release of a project.

    environ: where [serving] auth tokens_env is looked up; this process's own by default.
    """
    serving = settings.serving
    variable = serving.auth.get("tokens_env", "")
    text = (os.environ if environ is None else environ).get(variable, "")
    return ServiceOptions(
        deployment=deployment,
        release=release,
        log_folder=Path(log_folder).resolve(),
        profile_folder=Path(profile_folder).resolve(),
        log_url=serving.log.get("url", ""),
        log_keep_s=duration_s(serving.log["keep"]) if "keep" in serving.log else 0.0,
        model_name=settings.model.name,
        label=settings.model.outcome or settings.data.label,
        numeric_outcome=settings.model.task == "regression",
        timeout_s=serving.timeout_ms / 1000,
        max_rows=int(serving.batch.get("max_rows", 1024)),
        max_queued=int(serving.batch.get("max_queued", _MAX_QUEUED)),
        requests=serving.log.get("requests", "failed"),
        durability=serving.log.get("durability", "process"),
        redact=settings.redacted,
        refuse_unlogged=serving.log.get("on_failure", "answer") == "refuse",
        on_unavailable=settings.envelope.on_unavailable,
        fallback=_fallback(settings),
        tokens=parse_tokens(text, variable),
        hosts=tuple(name.lower() for name in (serving.host, *serving.hosts)),
        admin_digest=admin_digest,
        trusted_keys=public_keys(settings.store.trusted_keys, Path(settings.project_path)),
        allow_pickle=settings.model.allow_pickle,
        placement=Placement(
            serving.device, serving.autocast, serving.gpus, compile=serving.compile
        ),
    )


def _fallback(settings: Settings) -> dict[str, Any]:
    """The envelope's fallback; a table's path is the project's, wherever the replica runs."""
    values = dict(settings.envelope.fallback)
    table = str(values.get("table", ""))
    if settings.envelope.on_unavailable == "precomputed" and table and "://" not in table:
        values["table"] = str(settings.path(table))
    return values


def check_exposure(settings: Settings, options: ServiceOptions) -> None:
    """Refuse, with ConfigError, to answer beyond loopback without tokens."""
    host = settings.serving.host
    if options.tokens or is_loopback(host):
        return
    variable = settings.serving.auth.get("tokens_env", "NBPROD_TOKENS")
    raise ConfigError(
        f"[serving] host is {host}: beyond loopback callers need tokens, and {variable} is not set",
        hint=f'set {variable}="<token>:predict,outcomes,read", or host = "127.0.0.1"',
        key="serving.host",
    )
