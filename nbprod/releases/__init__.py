"""A candidate frozen with its evidence: hashes, approvals, golden requests; built once."""

from nbprod.releases.evidence import read_evidence
from nbprod.releases.release import build_release, read_release, verify_release

__all__ = ["build_release", "read_evidence", "read_release", "verify_release"]
