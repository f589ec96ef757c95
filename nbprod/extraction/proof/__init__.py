"""Proof that a module computes what its notebook's cells compute: both run, value by value."""

from nbprod.extraction.proof.cells import run_cells
from nbprod.extraction.proof.encoding import Encoder
from nbprod.extraction.proof.judging import compare_runs
from nbprod.extraction.proof.module import Walk
from nbprod.extraction.proof.plan import Plan

__all__ = ["Encoder", "Plan", "Walk", "compare_runs", "run_cells"]
