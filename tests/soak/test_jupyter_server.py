"""The Jupyter server killed in the middle of a job."""

from __future__ import annotations

import signal
from pathlib import Path

from server_projects import server_ends


def test_jobs_and_desks_end_with_a_server_that_is_killed(tmp_path: Path) -> None:
    """After kill -9 no process of a job lives on, and no desk."""
    server_ends(tmp_path, signal.SIGKILL)
