"""What a job prints: progress, its record and where that is kept, or why there is none."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import nbprod.errors as errors
from nbprod.masking import mask
from nbprod.server.problems import RefusedError
from nbprod.server.schemas import JobProgress

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from nbprod.server.verbs import Verb

_MOST_LINE = 2000
_MOST_RESULT = 64 * 1024**2
_PROGRESS = re.compile(r"^ {2}\s*(?:(\d{1,3})% )?(.*)$")


def with_json(argv: Sequence[str], folder: Path) -> list[str]:
    """The command line with --json and its project, ahead of what stands after ``--``."""
    place = argv.index("--") if "--" in argv else len(argv)
    return [*argv[:place], "--json", "--project", str(folder), *argv[place:]]


def last_progress(text: str) -> JobProgress | None:
    """The last line of progress in a piece of the log; None where there is none."""
    lines = [line for line in text.splitlines() if line.startswith("  ") and line.strip()]
    found = _PROGRESS.match(lines[-1][:_MOST_LINE]) if lines else None
    if not found:
        return None
    fraction = int(found[1]) / 100 if found[1] else None
    return JobProgress(message=mask(found[2]), fraction=fraction)


def result_of(path: Path) -> Any:
    """The record that a job printed; None where it printed none."""
    try:
        if path.stat().st_size > _MOST_RESULT:
            return None
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None


def place_of(verb: Verb, argv: Sequence[str], result: Any, status: int) -> dict[str, Any]:
    """Where the record of a result is kept; nothing for one that was only looked at."""
    first = result[0] if isinstance(result, list) and result else result
    collection = verb.collection
    name = {"releases": "version", "deployments": "name"}.get(collection, "id")
    looked_at = "--check" in argv or (collection == "extractions" and status != 0)
    if not collection or looked_at or not isinstance(first, dict) or name not in first:
        return {}
    record_id = str(first[name])
    pages = ("parity-reports", "gate-results", "health", "shadow-reports")
    report = f"{collection}/{record_id}/report" if collection in pages else ""
    return {"collection": collection, "record_id": record_id, "report": report}


def died(status: int, log: str) -> dict[str, Any]:
    """The error of a job that said none itself."""
    tail = "\n".join(log.strip().splitlines()[-6:])
    how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
    return {
        "type": "ExecutionError",
        "message": f"the job {how}" + (f":\n{tail}" if tail else ""),
        "hint": "its log has what it said last; free memory where it was killed, then try again",
    }


def problem_of_command(error: dict[str, Any]) -> dict[str, Any]:
    """A command's error as problem details, with the HTTP status of its class."""
    kind = getattr(errors, str(error.get("type")), errors.NbprodError)
    return RefusedError.of_json(error, status=errors.STATUS.get(kind, (500, 4))[0]).problem
