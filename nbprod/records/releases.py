"""A candidate frozen: a person's word on it, its evidence, its hashes looked at again."""

from __future__ import annotations

from dataclasses import dataclass, field

from nbprod.records.record import Judgement, Record
from nbprod.records.training import Candidate


@dataclass(frozen=True, kw_only=True)
class Approval(Record):
    """A person's yes or no to one exact candidate, with the reason."""

    candidate_digest: str
    approved: bool
    by: str
    reason: str
    review_digest: str = ""  # SHA-256 of the page of predictions that was there to look at


@dataclass(frozen=True, kw_only=True)
class Release(Record):
    """A candidate frozen with its evidence; ``files`` hashes every file of the bundle."""

    name: str
    version: int  # the model version N of its candidate
    candidate: Candidate
    files: dict[str, str] = field(default_factory=dict)
    run_id: str = ""
    gate_id: str = ""
    parity_id: str = ""
    contract_id: str = ""
    extraction_id: str = ""
    approval_ids: tuple[str, ...] = ()
    golden_requests: int = 0
    previous: dict[str, str] = field(default_factory=dict)  # version made before -> its digest


@dataclass(frozen=True, kw_only=True)
class Verification(Judgement):
    """Every hash of a release looked at again."""

    release: int
    files: int
    records: int = 0  # of the road to the release that the store has and that were looked at
    signed_with: str = ""  # the public key, in base64
