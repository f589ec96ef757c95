"""Seeds, the library lock and the state of the repository."""

from __future__ import annotations

import random
import subprocess

import numpy as np
import torch

from nbprod.training.environment import CodeState, code_state, library_lock, set_seeds


def test_seeds_fix_every_global_generator():
    """Python, NumPy and torch draw the same again."""

    def draw():
        set_seeds(5)
        return random.random(), np.random.random(), torch.rand(1).item()

    assert draw() == draw()


def test_the_lock_is_sorted_and_exact():
    """One name==version a line, each once."""
    lines = library_lock().splitlines()
    assert sorted(set(lines), key=str.lower) == lines
    assert f"numpy=={np.__version__}" in lines


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
