"""Extraction: a notebook's tagged cells become an importable module.

The data's way, and the file where a change to each step goes:

1. cells → statements: ``selection`` takes a notebook apart (``pieces``: one statement, both trees);
   what stays behind is told by ``showing`` (displays, plots), ``bars`` and ``commands`` (IPython's
   lines); ``star_imports`` finds the names behind a star.
   ``expansion`` makes one statement for each frame (``frame_lists``, ``loops``), ``learning`` parts
   what learns from what transforms.
2. statements → top-level names: ``definitions`` (functions, classes, ``constants``, what they
   read); ``global_writers`` and ``nearby`` take out what cannot stand there, ``import_effects``
   tells what importing them would do.
3. statements in the role that they play, by ``arrangement``, in this order: ``popped_labels`` (the
   label by other names), ``mixed_cells`` (cells that do more than their role; ``model_calls``),
   ``versions`` (one name for several learned things), ``label_steps`` (the label prepared among
   features), ``joined_frames`` (train and test put together), ``untangling`` and ``split_loops``
   (splits after features; where rows come from: ``lineage``), ``answers`` (predictions beside raw
   columns).
4. statements → values: ``program`` (who wrote what each one reads), ``anatomy`` (frame, train,
   holdout, features, label; ``columns``, ``frames``); then ``learned_values`` and ``hoisting`` move
   statistics to fit.
5. values → entry functions, from the end of the road to its start (``assembly``, ``workbench``):
   ``training_entry`` (``label_rows``), ``transform_entry`` (``feature_chain``, ``positions``,
   ``arrays``), ``predict_entry`` (``output``, ``chains``), ``data_entries``; each an
   ``entries.Entry``, a slice of the program; ``dependence`` warns.
6. functions → files: ``placement`` (which file, which arguments), ``functions`` with ``rewriting``
   (``mentions``), ``class_arguments``, ``aliases`` and ``queries`` (syntax), ``rendering`` with
   ``layout``, ``lines_read`` (what was written, read again), ``imports``, ``resolution``,
   ``parameters_file``, ``state_kinds``, ``inline_tests`` and ``fixtures``; ``requirements``.
7. files → disk: ``module`` joins 1 to 6, ``provenance`` is the manifest, ``extract`` compares,
   ``remembering`` keeps it for the next process, ``writing`` writes. Every finding and refusal is
   a row of ``rules``.

Beside the way: ``inspection`` and ``checks`` (what `inspect` shows), ``fixes`` and ``preview`` (for
an editor, while cells are written), ``proposal`` (by ``clues``), ``label_proposal`` and ``task``
(what init proposes), ``sync`` (module → cells), ``proof`` (module ≡ cells).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from nbprod.extraction.extract import extract
from nbprod.extraction.provenance import locate, module_state
from nbprod.extraction.sync import sync

if TYPE_CHECKING:
    from nbprod.extraction.fixes import quick_fixes
    from nbprod.extraction.inspection import inspect_document, inspect_notebook
    from nbprod.extraction.label_proposal import propose_label
    from nbprod.extraction.many import extract_many, inspect_many
    from nbprod.extraction.preview import preview_module
    from nbprod.extraction.proposal import propose_roles
    from nbprod.extraction.task import propose_task

# What is imported when it is first asked for: an unchanged notebook needs none of it.
_FILES = {
    "extract_many": "many",
    "inspect_document": "inspection",
    "inspect_many": "many",
    "inspect_notebook": "inspection",
    "preview_module": "preview",
    "propose_label": "label_proposal",
    "propose_roles": "proposal",
    "propose_task": "task",
    "quick_fixes": "fixes",
}

__all__ = [
    "extract",
    "extract_many",
    "inspect_document",
    "inspect_many",
    "inspect_notebook",
    "locate",
    "module_state",
    "preview_module",
    "propose_label",
    "propose_roles",
    "propose_task",
    "quick_fixes",
    "sync",
]


def __getattr__(name: str) -> Any:
    if name in _FILES:
        return getattr(importlib.import_module(f"{__name__}.{_FILES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
