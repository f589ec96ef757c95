"""Whether requests may be computed together: only where parity has shown that rows keep apart."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from nbprod.errors import NbprodError
from nbprod.predictor.bundle import EVIDENCE
from nbprod.records import ParityReport

if TYPE_CHECKING:
    from nbprod.predictor import Bundle

_NEEDED = ("batch", "order")


def missing_proof(bundle: Bundle) -> str:
    """Why requests are computed one by one; empty where parity proved that they need not be.

    The proof is the parity report frozen in the release, about this very bundle: a row's features
    depend neither on the other rows nor on their order. An unreleased candidate has none.
    """
    path = bundle.folder / EVIDENCE / "parity.json"
    try:
        report = ParityReport.from_json(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return "no parity report lies beside it: it is not a release"
    except (OSError, ValueError, KeyError, NbprodError) as error:
        return f"its parity report cannot be read: {error}"
    if report.subject != bundle.digest:
        return "its parity report is about another candidate"
    proven = {one.name for one in report.relations if one.checked and one.passed}
    if not report.passed or not proven.issuperset(_NEEDED):
        return f"parity did not prove {' and '.join(sorted(set(_NEEDED) - proven)) or 'it'}"
    return ""
