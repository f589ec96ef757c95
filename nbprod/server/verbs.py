"""Each verb of the road as its command line: what a job runs is what a person could type."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

# road: changes module, contract, candidates: one at a time in a project, the others wait ·
# deployment: moves traffic: never waits · beside: reads, or takes its own place
Lane = Literal["road", "deployment", "beside"]


@dataclass(frozen=True)
class Verb:
    """One verb: its lane, the record that it gives, and its arguments from a body."""

    lane: Lane
    arguments: Callable[[Any], list[str]]
    kind: str = ""  # of the record
    collection: str = ""  # where the record is kept; "" where it is not


def _option(name: str, value: Any) -> list[str]:
    """``--name=value``, which no value can turn into another option; nothing for no value."""
    return [] if value is None or value == "" else [f"--{name}={value}"]


def _flags(body: Any, *names: str) -> list[str]:
    return [f"--{name}" for name in names if getattr(body, name)]


def _named(*values: str | None) -> list[str]:
    """Arguments after ``--``: none of them is an option, whatever it begins with."""
    given = [value for value in values if value]
    return ["--", *given] if given else []


def _parity(body: Any) -> list[str]:
    options = [*_option("rows", body.rows), *_option("replay", body.replay)]
    return ["parity", *options, *_flags(body, "deployed")]


def _contract(body: Any) -> list[str]:
    return ["contract", "show"] if body.show else ["contract", "infer", *_flags(body, "force")]


def _check(body: Any) -> list[str]:
    options = [*_option("part", body.part), *_option("as-of", body.as_of)]
    return ["contract", "check", *options, *_named(body.data)]


def _train(body: Any) -> list[str]:
    given = [
        part for name, value in body.parameters.items() for part in ("-p", name, json.dumps(value))
    ]
    return ["train", *given, *_option("seed", body.seed), *_flags(body, "notebook")]


def _decide(body: Any) -> list[str]:
    verb = "approve" if body.approved else "reject"
    options = [f"--reason={body.reason}", *_option("by", body.by)]
    return [verb, *options, *_named(body.candidate)]


def _reproduce(body: Any) -> list[str]:
    options = [*_flags(body, "here"), *_option("tolerance", body.tolerance)]
    return ["reproduce", *options, *_named(body.release)]


def _deploy(body: Any) -> list[str]:
    trial = [f"--{body.trial}"] if body.trial else []
    options = [*_option("percent", body.percent), *_option("port", body.port)]
    return ["deploy", *trial, *options, *_flags(body, "force"), *_named(body.release)]


def _rollout(body: Any) -> list[str]:
    verb, more = ("pause", ["--resume"]) if body.action == "resume" else (body.action, [])
    reason = [] if verb == "advance" else _option("reason", body.reason)
    return [verb, *more, *reason, *_option("by", body.by)]


def _monitor(body: Any) -> list[str]:
    return ["monitor", "--fail", *_option("start", body.start), *_option("end", body.end)]


VERBS: dict[str, Verb] = {
    "extract": Verb(
        "road",
        lambda body: ["extract", *_flags(body, "check", "force", "prove")],
        "Extraction",
        "extractions",
    ),
    "sync": Verb("road", lambda body: ["sync", *_flags(body, "check")], "Sync"),
    "parity": Verb("road", _parity, "ParityReport", "parity-reports"),
    "contract": Verb("road", _contract, "DataContract", "contracts"),
    "check-contract": Verb("beside", _check, "ContractReport"),
    "train": Verb("road", _train, "TrainingRun", "runs"),
    "gate": Verb(
        "road", lambda body: ["gate", *_named(body.candidate)], "GateResult", "gate-results"
    ),
    "decide": Verb("road", _decide, "Approval", "approvals"),
    "release": Verb(
        "road", lambda body: ["release", *_named(body.candidate)], "Release", "releases"
    ),
    "verify": Verb("beside", lambda body: ["verify", *_named(body.release)], "Verification"),
    "reproduce": Verb("beside", _reproduce, "Reproduction", "reproductions"),
    "serve": Verb(
        "beside",
        lambda body: ["serve", *_option("port", body.port), *_named(body.candidate)],
    ),
    "deploy": Verb("deployment", _deploy, "Deployment", "deployments"),
    "rollout": Verb("deployment", _rollout, "Deployment", "deployments"),
    "undeploy": Verb("deployment", lambda _: ["undeploy"], "Deployment", "deployments"),
    "shadow": Verb(
        "beside",
        lambda body: ["shadow", *_option("since", body.since), *_named(body.release)],
        "ShadowReport",
        "shadow-reports",
    ),
    "monitor": Verb("beside", _monitor, "Health", "health"),
}
