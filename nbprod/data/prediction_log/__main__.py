"""Compaction and retention of one log, in a process of its own: ``FOLDER [SECONDS TO KEEP]``."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from nbprod.data.prediction_log.upkeep import keep_up


def main() -> None:
    """Behind everything else on the machine: replicas answer meanwhile."""
    os.nice(10)
    keep_s = float(sys.argv[2]) if len(sys.argv) > 2 else 0.0
    oldest = datetime.now(UTC) - timedelta(seconds=keep_s) if keep_s else None
    keep_up(Path(sys.argv[1]), oldest)


if __name__ == "__main__":
    main()
