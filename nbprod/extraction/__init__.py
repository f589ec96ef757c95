"""Extraction: a notebook's tagged cells become an importable module."""

from nbprod.extraction.extract import extract
from nbprod.extraction.inspection import inspect_notebook
from nbprod.extraction.many import extract_many, inspect_many
from nbprod.extraction.proposal import propose_label, propose_roles
from nbprod.extraction.provenance import locate, module_state
from nbprod.extraction.sync import sync

__all__ = [
    "extract",
    "extract_many",
    "inspect_many",
    "inspect_notebook",
    "locate",
    "module_state",
    "propose_label",
    "propose_roles",
    "sync",
]
