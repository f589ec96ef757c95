"""From statements to values: each statement in the role that it plays, then the program read.

Every step changes the selection in place, and looks at what the steps before it have left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbprod.extraction.anatomy import Anatomy
from nbprod.extraction.answers import set_apart
from nbprod.extraction.hoisting import hoist
from nbprod.extraction.joined_frames import take_apart
from nbprod.extraction.label_steps import prepare_label
from nbprod.extraction.learned_values import learned_values
from nbprod.extraction.mixed_cells import sort_out
from nbprod.extraction.popped_labels import unpop
from nbprod.extraction.program import Program
from nbprod.extraction.same_columns import same_columns
from nbprod.extraction.untangling import untangle
from nbprod.extraction.versions import name_versions

if TYPE_CHECKING:
    from nbprod.extraction.definitions import Definitions
    from nbprod.extraction.selection import Selection


def arrange(selection: Selection, definitions: Definitions, label: str) -> tuple[Program, Anatomy]:
    """The program of a notebook's statements, and which of its values is what.

    label: the label column, "" where it is not known. ExtractionError for what no order of the
    statements could make a module of.
    """
    unpop(selection, label)
    sort_out(selection, label)
    name_versions(selection)
    prepare_label(selection, definitions, label)
    joined = take_apart(selection)
    tangled = untangle(selection)
    set_apart(selection)
    told = len(selection.findings)
    program = Program(selection, definitions)
    anatomy = Anatomy(program, label, tangled=tangled, joined=joined)
    for learn in (learned_values, same_columns, hoist):
        before = selection.findings[told:]
        if learn(selection, program, anatomy):
            # read the program again, with statements in the roles that they play
            selection.findings[told:] = selection.findings[told + len(before) :]
            told = len(selection.findings)
            program = Program(selection, definitions)
            anatomy = Anatomy(program, label, tangled=tangled, joined=joined)
    return program, anatomy
