"""The controller: looks at a rollout every few seconds and takes the step the policy asks for.

The traffic state is the keeper's, the evidence is the log's, the settings are the file's; what it
holds are sums over the log, which one that starts again makes anew. So it may die between any two
looks, and a person's verb or a look by cron beside it does no harm.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from nbprod.errors import NbprodError
from nbprod.lifecycle import deployments, rollouts
from nbprod.lifecycle.gathering import Gatherer
from nbprod.lifecycle.project import Project

if TYPE_CHECKING:
    from nbprod.records import RolloutDecision

_LOGGER = logging.getLogger(__name__)
LOOK_S = 5.0
# Times the processor time that a look took: over a long window it must not take the replicas' core.
# Not its time by the clock, which is long where others are busy: a bad canary would stay meanwhile.
_REST, _LONGEST_REST_S = 9, 15.0


class Controller:
    """Runs in a process of the engine, which starts it again when it dies."""

    def __init__(self, folder: str, look_s: float = LOOK_S) -> None:
        self._folder = folder
        self._look_s = look_s
        self._gatherer = Gatherer()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="controller", daemon=True)
        self._thread.start()

    def alive(self) -> bool:
        """Whether it still looks."""
        return self._thread.is_alive()

    def _run(self) -> None:
        told, rest_s = "", self._look_s
        while not self._ended.wait(rest_s):
            began, rest_s = time.process_time(), self._look_s
            try:
                decision = look(self._folder, self._gatherer)
                if decision.action == "hold":  # a step moves processes, which takes long
                    rest_s = max(rest_s, rest_after(time.process_time() - began))
                told = ""
            except NbprodError as error:  # a dead replica, a full disk: the next look tries again
                if error.message != told:
                    _LOGGER.warning("%s (%s)", error.message, error.hint)
                told = error.message
            except Exception:
                _LOGGER.exception("a look at the rollout failed")


def rest_after(processor_s: float) -> float:
    """Seconds to rest after a look that took so much of a processor."""
    return min(_REST * processor_s, _LONGEST_REST_S)


def look(folder: str, gatherer: Gatherer | None = None) -> RolloutDecision:
    """One look; the decision is kept under the name "latest" for `nbprod status`.

    gatherer: what earlier looks added up.
    """
    project = Project.load(folder)
    decision = rollouts.advance(project, gatherer=gatherer)
    project.store.save(deployments.DECISIONS, decision, name=deployments.LATEST)
    return decision
