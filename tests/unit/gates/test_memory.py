"""Kernels side by side, as long as they fit; one that takes too much is ended."""

from __future__ import annotations

import subprocess
import sys
import threading

from nbprod.gates.memory import Room, Watch, first_estimate, free_bytes

MB = 1024**2
HUNGRY = "import time\nkept = bytearray(300 * 1024**2)\nkept[::4096] = b'x' * len(kept[::4096])\ntime.sleep(60)"


def entered(room: Room, name: str, go: threading.Event) -> tuple[threading.Thread, threading.Event]:
    """A thread that takes a place and keeps it until it is told to go."""
    inside = threading.Event()

    def hold() -> None:
        with room.place(name):
            inside.set()
            go.wait(20)

    thread = threading.Thread(target=hold)
    thread.start()
    return thread, inside


def test_a_second_notebook_waits_until_the_first_leaves_room() -> None:
    """Two of 600 MB do not fit into 1,000; they run one after the other."""
    room, go = Room(estimate=600 * MB, limit=900 * MB, free=1000 * MB), threading.Event()
    first, inside = entered(room, "a", go)
    assert inside.wait(5)
    second, also_inside = entered(room, "b", go)
    assert not also_inside.wait(0.5)
    go.set()
    assert also_inside.wait(5)
    first.join(5)
    second.join(5)


def test_what_fits_runs_side_by_side_and_one_alone_always_runs() -> None:
    """Two of 400 MB fit into 1,000; one of 600 runs in 100 when nothing else does."""
    for room, names in ((Room(400 * MB, 900 * MB, 1000 * MB), "ab"), (Room(600 * MB, 1, 100), "a")):
        go = threading.Event()
        held = [entered(room, name, go) for name in names]
        assert all(inside.wait(5) for _, inside in held)
        go.set()
        for thread, _ in held:
            thread.join(5)


def test_a_process_beyond_its_limit_is_ended_and_said_so() -> None:
    """Its peak is known; one within the limit is left alone."""
    for limit, ended in ((150 * MB, True), (3000 * MB, False)):
        process = subprocess.Popen([sys.executable, "-c", HUNGRY], start_new_session=True)
        watch = Watch(limit)
        watch.begin(process.pid)
        try:
            if ended:
                assert process.wait(20) == -9
            else:
                deadline = threading.Event()
                while watch.peak < 300 * MB and not deadline.wait(0.1):
                    assert process.poll() is None
        finally:
            process.kill()
            process.wait()
            watch.end()
        assert watch.ended is ended
        assert watch.peak > 150 * MB


def test_the_first_estimate_grows_with_the_rows(tmp_path) -> None:
    """And the machine has something free."""
    small, large = tmp_path / "small", tmp_path / "large"
    small.write_bytes(b"x")
    large.write_bytes(b"x" * MB)
    assert first_estimate(large) > first_estimate(small) > 0
    assert free_bytes() > 0
