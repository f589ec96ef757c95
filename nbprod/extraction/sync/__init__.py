"""Hand edits of the generated module, brought back into the notebook's cells."""

from nbprod.extraction.sync.writing_back import sync

__all__ = ["sync"]
