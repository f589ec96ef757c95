"""Which cell edits make the wanted module: proposed, extracted again, and judged."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nbprod.errors import ExtractionError
from nbprod.extraction.module import make_module
from nbprod.extraction.sync.edits import CellEdits, applied, hunks_of
from nbprod.extraction.sync.importing import import_edits
from nbprod.extraction.sync.judging import Difference, Judge
from nbprod.extraction.sync.mirroring import Twins
from nbprod.extraction.sync.naming import learn
from nbprod.extraction.sync.places import texts_of
from nbprod.extraction.sync.renaming import renamed_cells, renamed_names
from nbprod.notebook.tags import role_of

if TYPE_CHECKING:
    from nbprod.extraction.remembering import Module
    from nbprod.extraction.sync.edits import Hunk
    from nbprod.extraction.sync.naming import Names
    from nbprod.extraction.sync.places import Place, Text
    from nbprod.notebook.document import Document

_MOST_TRIES = 40


@dataclass
class Attempt:
    """One choice of cell edits, and what came of it."""

    sources: dict[str, str] = field(default_factory=dict)  # cell id -> its new source
    module: Module | None = None
    differences: list[Difference] = field(default_factory=list)
    clash: Place | None = None  # a line of a cell that was edited in two ways
    error: ExtractionError | None = None
    blamed: list[int] = field(default_factory=list)  # which hunks may be read otherwise
    chosen: list[tuple[Hunk, CellEdits]] = field(default_factory=list)

    @property
    def lost(self) -> list[Difference]:
        """What a person wrote and extraction does not give back."""
        return [item for item in self.differences if item.kind == "lost"]

    @property
    def failed(self) -> bool:
        """Whether this is not what is wanted."""
        return self.module is None or bool(self.lost)

    @property
    def rank(self) -> tuple[bool, int]:
        """How far it is from what is wanted."""
        return self.module is None, len(self.lost)


@dataclass
class Problem:
    """A notebook, the module it makes now, and the files as they are wanted.

    notebook, package, label: as for extraction.
    """

    document: Document
    notebook: str
    package: str
    label: str
    now: Module
    wanted: dict[str, Text]
    texts: dict[str, Text] = field(init=False)
    hunks: list[Hunk] = field(init=False)
    imports: CellEdits = field(init=False)
    imported: dict[str, str] = field(init=False)  # import statement -> the cell it goes to
    names: Names = field(init=False)
    renamed: dict[str, str] = field(default_factory=dict)  # names that were renamed in all cells

    def __post_init__(self) -> None:
        self.texts = texts_of(self.now, self.document)
        self.names = learn(self.texts, self.document)
        cells = {cell.cell_id: cell.source.split("\n") for cell in self.document.cells}
        self.hunks = [
            hunk
            for path, text in self.wanted.items()
            for hunk in hunks_of(self.texts[path], text, self.names, cells)
        ]
        carried = {place for text in self.texts.values() for place in text.places.values()}
        roles = {cell.cell_id: role_of(cell.tags) for cell in self.document.cells}
        beside = {cell: [c for c in roles if roles[c] == roles[cell]] for cell, _ in carried}
        twins, wider = Twins(cells, carried), Twins(cells, carried, beside)
        for hunk in self.hunks:
            together = "features" in {roles[cell] for o in hunk.options for cell in o.cells()}
            options: list[CellEdits] = []
            for option in hunk.options:
                mirrored, wide = twins.mirrored(option), wider.mirrored(option)
                ways = [mirrored, option] if together else [option, mirrored]
                for item in (*ways, wide):
                    if item is not None and item not in options:
                        options.append(item)
            hunk.options = options
        self.imports, self.imported = import_edits(self.texts, self.wanted, self.document)

    def with_names_renamed(self) -> Problem | None:
        """The same problem once variables are renamed in every cell; None where none was."""
        renamed = renamed_names(self.texts, self.wanted, self.names)
        sources = renamed_cells(self.document, renamed) if renamed else {}
        if not sources:
            return None
        document = self.document.with_sources(sources)
        try:
            now = make_module(
                document, notebook=self.notebook, package=self.package, label=self.label
            )
        except ExtractionError:
            return None
        if not self.wanted.keys() <= now.files.keys():
            return None
        return Problem(
            document, self.notebook, self.package, self.label, now, self.wanted, renamed=renamed
        )

    def solve(self) -> Attempt:
        """The first reading of the edits that extraction confirms; else the closest one."""
        choice = [0] * len(self.hunks)
        best: Attempt | None = None
        for _ in range(_MOST_TRIES):
            attempt = self._attempt(choice)
            if best is None or attempt.rank < best.rank:
                best = attempt
            if not attempt.failed or not self._next(choice, attempt.blamed):
                break
        assert best is not None
        return best

    def _next(self, choice: list[int], blamed: list[int]) -> bool:
        """Read one of the blamed hunks in its next way; False when there is none."""
        for index in blamed:
            if choice[index] + 1 < len(self.hunks[index].options):
                choice[index] += 1
                return True
            choice[index] = 0
        return False

    def _attempt(self, choice: list[int]) -> Attempt:
        edits = CellEdits()
        edits.add(self.imports)
        every = list(range(len(self.hunks)))
        for index, hunk in enumerate(self.hunks):
            clash = edits.add(hunk.options[choice[index]])
            if clash is not None:
                return Attempt(clash=clash, blamed=[index])
        sources = {cell.cell_id: cell.source for cell in self.document.cells}
        new = applied(sources, edits, edits.cells())
        new = {cell_id: source for cell_id, source in new.items() if source != sources[cell_id]}
        document = self.document.with_sources(new)
        try:
            module = make_module(
                document, notebook=self.notebook, package=self.package, label=self.label
            )
        except ExtractionError as error:
            touched = [
                index
                for index in every
                if error.cell_id in self.hunks[index].options[choice[index]].cells()
            ]
            return Attempt(new, error=error, blamed=touched or every)
        chosen = [(hunk, hunk.options[choice[i]]) for i, hunk in enumerate(self.hunks)]
        attempt = Attempt(new, module, chosen=chosen)
        attempt.differences = self._judged(module, document)
        attempt.blamed = self._blamed(attempt.lost)
        return attempt

    def _judged(self, module: Module, document: Document) -> list[Difference]:
        got = texts_of(module, document)
        found: list[Difference] = []
        for path in sorted({*got, *self.texts}):
            text = self.wanted.get(path, self.texts.get(path))
            if text is None or path not in got:
                found.append(Difference("lost", path, 1, 0))
                continue
            hunks = [hunk for hunk in self.hunks if hunk.path == path]
            found += Judge(self.texts.get(path, text), text, hunks).differences(got[path])
        return found

    def _blamed(self, lost: list[Difference]) -> list[int]:
        """The hunks nearest to what was lost."""
        told: list[int] = []
        for item in lost:
            near = [
                (max(hunk.lines.start - item.place, item.place - hunk.lines.stop + 1, 0), index)
                for index, hunk in enumerate(self.hunks)
                if hunk.path == item.path
            ]
            told += [index for _, index in sorted(near)]
        return list(dict.fromkeys([*told, *range(len(self.hunks))]))
