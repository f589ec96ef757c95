"""Seeds, the machine and the state of the repository."""

from __future__ import annotations

import platform
import random
import subprocess

import numpy as np
import torch

from nbprod.training.environment import CodeState, code_state, set_seeds, this_machine


def test_seeds_fix_every_global_generator():
    """Python, NumPy and torch draw the same again."""

    def draw():
        set_seeds(5)
        return random.random(), np.random.random(), torch.rand(1).item()

    assert draw() == draw()


def test_the_machine_is_told():
    """Python, system, processor and memory are known on this machine."""
    machine = this_machine()
    assert machine.python == platform.python_version()
    assert machine.system
    assert machine.processor
    assert machine.cores >= 1
    assert machine.memory_bytes > 10**8


def test_outside_a_repository_nothing_is_known(tmp_path):
    """No commit, and nothing made up."""
    assert CodeState() == code_state(tmp_path)


def test_untracked_files_make_it_dirty(tmp_path):
    """A clean commit is clean; one new file and it is not."""
    identity = ["-c", "user.name=me", "-c", "user.email=me@example.com"]
    for command in (["init", "-q"], ["commit", "-qm", "start", "--allow-empty"]):
        subprocess.run(["git", *identity, *command], cwd=tmp_path, check=True)
    clean = code_state(tmp_path)
    assert (len(clean.commit), clean.dirty) == (40, False)
    (tmp_path / "new.py").write_text("")
    assert code_state(tmp_path).dirty
