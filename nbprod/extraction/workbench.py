"""What the builders of entry functions share: the program, its anatomy, and what they found."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nbprod.extraction.arrangement import arrange
from nbprod.extraction.arrays import array_form, needs_array
from nbprod.extraction.entries import SHAPES, Entry
from nbprod.extraction.meanings import changes
from nbprod.extraction.nearby import NEARBY
from nbprod.extraction.rules import finding, refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from nbprod.extraction.definitions import Definitions
    from nbprod.extraction.pieces import Piece
    from nbprod.extraction.program import Slice, Value
    from nbprod.extraction.selection import Selection
    from nbprod.records import Finding


@dataclass
class Assembly:
    """What the module is made of: entry functions, and the fields of its State."""

    entries: dict[str, Entry] = field(default_factory=dict)
    state: list[str] = field(default_factory=list)  # names, in the order of the notebook
    own_state: bool = False  # the notebook defines the class State itself
    findings: list[Finding] = field(default_factory=list)


class Workbench:
    """The notebook's values and the entry functions made so far.

    Functions are built from the end of the road to its start: each tells what it needs of those
    before it. ``features`` is the value that training reads, ``model`` the name it leaves, and
    ``learned`` holds the names that serving reads, with who wrote them.
    """

    def __init__(self, selection: Selection, definitions: Definitions, label: str) -> None:
        self.selection = selection
        self.definitions = definitions
        self.program, self.anatomy = arrange(selection, definitions, label)
        self.label = label
        self.result = Assembly(own_state="fit" in self.anatomy.own)
        self.features: Value | None = None
        self.model = ""
        self.learned: dict[str, Piece | None] = {}
        self.repeated: set[int] = set()  # ids of pieces that make the holdout's features
        self._check_label()

    # ------------------------------------------------------------ looking

    def loose(self, role: str) -> list[Piece]:
        """A role's statements, other than calls of its own entry function."""
        return [
            piece
            for piece in self.program.steps
            if piece.role == role and id(piece) not in self.anatomy.calls
        ]

    def call(self, entry: str) -> Piece | None:
        """The first statement that calls an entry function which the notebook defines."""
        return next((p for p in self.program.steps if self.anatomy.calls.get(id(p)) == entry), None)

    def last_in(self, pieces: Iterable[Piece], name: str) -> Piece | None:
        """The last of these statements that writes a name."""
        found = [p for p in pieces if name in p.names.written]
        return found[-1] if found else None

    def is_parameter(self, name: str, by: Piece | None) -> bool:
        """Whether a value is a parameter as the parameters cell gives it."""
        return by is None and name in self.program.parameters

    def is_state(self, by: Piece | None) -> bool:
        """Whether a value is what the notebook's own fit() returned."""
        return by is not None and self.anatomy.calls.get(id(by)) == "fit"

    def is_transformed(self, by: Piece | None) -> bool:
        """Whether a value is what the notebook's own transform() returned."""
        return by is not None and self.anatomy.calls.get(id(by)) == "transform"

    def rows(self, name: str, by: Piece | None) -> frozenset[str]:
        """The bases whose rows a value is made of."""
        return self.anatomy.rows(name, by)

    def reads_held_out(self, piece: Piece) -> bool:
        """Whether a statement reads held-out rows."""
        return any(
            "holdout" in self.rows(name, self.program.writer(piece, name))
            for name in self.program.needs(piece)
        )

    def makes_base(self, piece: Piece) -> bool:
        """Whether a data statement has a part in the frame that load() gives."""
        frame = self.anatomy.frame
        return frame is not None and frame[0] in piece.names.written

    def frames(self, part: Slice) -> dict[str, str]:
        """The inputs of a slice that are rows: all are the argument ``frame``."""
        return {name: "frame" for name, by in part.inputs.items() if self.anatomy.base(name, by)}

    # ------------------------------------------------------------ making

    def entry(self, name: str, part: Slice, result: str) -> Entry:
        """An entry function made of a slice."""
        cells = tuple(dict.fromkeys(piece.cell_id for piece in part.pieces))
        entry = Entry(SHAPES[name], pieces=part.pieces, result=result, cells=cells)
        self.result.entries[name] = entry
        return entry

    def own_entry(self, name: str, expression: Callable[[Piece, str], str]) -> Piece | None:
        """An entry function that the notebook defines itself, if it does.

        ``expression(definition, name)`` says what stands for a name that it reads from around it.
        """
        piece = self.anatomy.own.get(name)
        if piece is not None:
            entry = Entry(SHAPES[name], definition=piece, cells=(piece.cell_id,))
            self.result.entries[name] = entry
            for extra in self.definitions.extras.get(name, ()):
                entry.names[extra] = expression(piece, extra)
        return piece

    def bind(self, entry: Entry, part: Slice, arguments: dict[str, str], source: str) -> None:
        """Say where each input of a slice comes from: an argument, or a field of ``source``."""
        binds = part.binds
        for name, by in sorted(part.inputs.items()):
            if arguments.get(name) == "features" and self._is_array(name, by, part):
                entry.prelude.append(f"{name} = features.to_numpy()")
            elif name in arguments:
                argument = arguments[name]
                entry.names[name] = argument
                if argument != "model" and changes(part, name):
                    entry.prelude.append(f"{argument} = {argument}.copy()")
            elif self.is_state(by):
                entry.names[name] = "state"
            elif changes(part, name):
                entry.prelude.append(f"{name} = deepcopy({source}.{name})")
            elif name in binds:
                entry.prelude.append(f"{name} = {source}.{name}")
            else:
                entry.names[name] = f"{source}.{name}"
        for argument in entry.shape.arguments:
            if argument in binds and entry.names.get(argument) != argument:
                entry.names[argument] = f"{argument}_"
        entry.prelude = list(dict.fromkeys(entry.prelude))
        if entry.shape.name != "fit":
            given = [item.strip() for item in entry.result.split(",")]
            entry.result = ", ".join(entry.names.get(name, name) for name in given)

    def _is_array(self, name: str, by: Piece | None, part: Slice) -> bool:
        """Whether features must be an array again, as they were in the notebook."""
        form = array_form(self.program, (name, by))
        return bool(form) and needs_array(part.pieces, name)

    # ------------------------------------------------------------ names from around a function

    def from_parameters(self, piece: Piece, name: str) -> str:
        """What stands for a name in an entry function that is given parameters."""
        if name in self.program.parameters and name not in self.program.last:
            return f"parameters.{name}"
        raise self._extra_refused(piece, name, "parameters")

    def from_state(self, piece: Piece, name: str) -> str:
        """What stands for a name in an entry function that is given state."""
        by = self.program.last.get(name)
        if self.is_parameter(name, by):
            self.learned.setdefault(name, None)
        elif by is None or not by.role:
            raise self.program.not_there(piece, name, by)
        elif by.role in ("fit", "data") and not self.result.own_state:
            self.keep(name, by, piece)
        else:
            raise self._extra_refused(piece, name, "state")
        return f"state.{name}"

    def keep(self, name: str, by: Piece | None, reader: Piece | None) -> None:
        """A learned value that serving reads: a field of State."""
        if self.result.own_state:
            raise self.refuse_input(
                reader,
                name,
                f"reads {name}, which is not in the State that fit() returns",
                f"add {name} to State",
            )
        if by is not None and (made := self.local_class(by)):
            raise self.refuse_input(
                by,
                name,
                f"keeps an object of the class {made}, which reads computed names where it is"
                " defined: no release could load it",
                f"let {made} take what it reads in __init__",
            )
        if by is not None and self._changes_rows(name, by):
            raise refusal(
                "NBX023",
                f"the {by.role} cell {by.cell_id} changes the rows themselves ({name}),"
                " which features then read",
                hint="move that line to a features cell: a fit cell only learns",
                cell_id=by.cell_id,
                line=by.line,
            )
        if self.learned.setdefault(name, by) is not by:
            raise self.refuse_input(
                reader,
                name,
                f"reads {name}, which stands for two learned values",
                "give one of them another name",
            )

    def local_class(self, piece: Piece) -> str:
        """The class within an entry function that a statement makes an object of; or ""."""
        for name in self.program.needs(piece):
            by = self.program.writer(piece, name)
            if by is not None and NEARBY in by.notes and isinstance(by.node, ast.ClassDef):
                return name
        return ""

    def _changes_rows(self, name: str, by: Piece) -> bool:
        """Whether a fit statement's value is the rows it was given, changed."""
        anatomy = self.anatomy
        bases = [value[0] for value in (anatomy.train, anatomy.holdout, anatomy.frame) if value]
        before = self.program.writer(by, name)
        return name in bases or (name not in by.names.surely and bool(self.rows(name, before)))

    def _check_label(self) -> None:
        """The label is a column of the loaded frame: it must not be made later."""
        for piece in self.program.steps:
            if piece.role in ("data", "predict") or not self.anatomy.writes_label(piece):
                continue
            raise refusal(
                "NBX023",
                f"the {piece.role} cell {piece.cell_id} assigns the label {self.label!r}",
                hint="prepare the label in a data cell: training takes it from the loaded frame",
                cell_id=piece.cell_id,
                line=piece.line,
            )

    # ------------------------------------------------------------ refusing

    def refuse_input(self, reader: Piece | None, name: str, what: str, hint: str) -> Exception:
        """The error for a value that an entry function is not given."""
        where = f"cell {reader.cell_id}" if reader else "the notebook"
        return refusal(
            "NBX023",
            f"{where} {what}" + ("" if name in what else f" ({name})"),
            hint=hint,
            cell_id=reader.cell_id if reader else None,
            line=reader.line_of(name) if reader else None,
        )

    def refuse_role(self, reader: Piece | None, name: str, by: Piece, given: str) -> Exception:
        """The error for a value that a cell of a role computes which comes later, or elsewhere."""
        if name in self.program.generators:
            return self.refuse_input(
                reader,
                name,
                f"draws from {name}, from which the {by.role} cell {by.cell_id} has drawn before",
                f"make a generator of its own in this cell: {name} = np.random.default_rng(seed)",
            )
        return self.refuse_input(
            reader, name, f"reads {name}, which the {by.role} cell {by.cell_id} computes", given
        )

    def _extra_refused(self, piece: Piece, name: str, argument: str) -> Exception:
        if name not in self.program.last:
            return self.program.not_there(piece, name, None)
        return refusal(
            "NBX023",
            f"cell {piece.cell_id}: the function reads {name} from around it,"
            f" which is not among its {argument}",
            hint=f"pass it through {argument}, or compute it inside the function",
            cell_id=piece.cell_id,
            line=piece.line,
        )

    def missing(self, role: str, what: str) -> None:
        """Tell that the module lacks an entry function."""
        self.result.findings.append(
            finding(
                "NBX016",
                f"{what}: the module has no such function",
                hint=f"tag the cell that does: `nbprod tag NOTEBOOK CELL {role}`",
                severity="warning",
            )
        )
