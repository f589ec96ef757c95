"""A process that moves a rollout dies at each of its steps; the next verb always gets it right.

Which steps there are is read from the code, so a new one is tested the day it is added.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import rollout_fault
from callers import Traffic
from rollout_project import MINUTES, Served, deployed

from nbprod.errors import ServingError
from nbprod.traffic import STEPS

pytestmark = [pytest.mark.engine, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Release 1 as champion; no controller, so that only the next verb can mend anything."""
    with deployed(tmp_path_factory.mktemp("faults"), controlled=False) as made:
        made.bundle("3")
        yield made


def settled(served: Served, roles: dict[str, int]) -> None:
    """Traffic, replicas and processes all say the same, once a replica that ended is forgotten."""
    deadline = time.monotonic() + 20
    wanted = {str(roles["champion"])}
    status = served.backend.status()
    while {one["release"] for one in status["replicas"]} != wanted:
        assert time.monotonic() < deadline, status["replicas"]
        time.sleep(0.2)
        status = served.backend.status()
    assert status["traffic"]["roles"] == roles
    others = {version for role, version in roles.items() if role != "champion"}
    assert set(served.backend._applications.workers()) == others


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("verb", ["promote", "rollback", "canary"])
def test_a_verb_that_dies_at_a_step_is_mended_by_the_next(
    served: Served, verb: str, step: str
) -> None:
    """No request fails meanwhile; afterwards promote or rollback ends where it should."""
    if verb != "canary":
        served.backend.start_canary(3, served.folder / "bundles/3/bundle", 0.4)
    if verb == "rollback":
        served.project.promote()
    script = [sys.executable, rollout_fault.__file__, str(served.folder), verb, step]
    with Traffic(served.backend.url, callers=2, minutes=MINUTES, pause_s=0.05) as traffic:
        died = subprocess.run(script, cwd=Path(rollout_fault.__file__).parent, check=False)
        assert died.returncode in (0, 9)  # 0: this verb does not take that step
        roles = served.project.status().traffic.roles
        if "canary" in roles and verb == "promote":
            served.project.promote()
        elif "canary" in roles:
            served.project.abort()
        else:  # finishes what is left to do, then says that there is no canary
            with pytest.raises(ServingError, match="no canary"):
                served.project.promote()
        if served.project.status().traffic.roles["champion"] == 3:
            settled(served, {"champion": 3, "previous": 1})
            served.project.rollback()
        traffic.wait_for(20)
    assert traffic.failed == []
    settled(served, {"champion": 1})
