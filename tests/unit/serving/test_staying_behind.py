"""A shadow's process goes last on the machine, each of its threads."""

from __future__ import annotations

import subprocess
import sys

import pytest

CODE = """
import os, threading
from nbprod.serving.replicas import stay_behind_others
waiting = threading.Event()
threading.Thread(target=waiting.wait).start()
stay_behind_others()
threading.Thread(target=waiting.wait).start()
print(*(os.getpriority(os.PRIO_PROCESS, int(one)) for one in os.listdir("/proc/self/task")))
waiting.set()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="a thread has a priority of its own on Linux")
def test_every_thread_of_it_those_that_come_later_too() -> None:
    """The lowest priority there is."""
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    told = done.stdout.split()
    assert len(told) >= 3
    assert set(told) == {"19"}
