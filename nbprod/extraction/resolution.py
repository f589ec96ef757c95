"""Where each name that a file reads comes from: another file, an import, or Python itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbprod.extraction.imports import ImportLine
from nbprod.extraction.rules import refusal
from nbprod.notebook.graph import GIVEN_NAMES, NOTEBOOK_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nbprod.extraction.pieces import Piece
    from nbprod.extraction.placement import Placement
    from nbprod.extraction.selection import Import
    from nbprod.extraction.workbench import Workbench

_OURS = {
    "dataclass": ImportLine("dataclasses", "dataclass"),
    "field": ImportLine("dataclasses", "field"),
    "Any": ImportLine("typing", "Any"),
    "partial": ImportLine("functools", "partial"),
    "deepcopy": ImportLine("copy", "deepcopy"),
    "pd": ImportLine("pandas", "", "pd"),
    "csr_matrix": ImportLine("scipy.sparse", "csr_matrix"),
}


# Names that a notebook has and a module has not, and those that would hide what is used.
_NOTEBOOK_ONLY = NOTEBOOK_NAMES | {"eval", "exec", "globals", "locals"}


class Resolver:
    """Finds the home of names."""

    def __init__(self, work: Workbench, placement: Placement) -> None:
        self.work = work
        self.placement = placement

    def home(self, name: str) -> str | None:
        """The file that a name of the module lives in."""
        if name in self.work.result.entries:
            return self.work.result.entries[name].shape.file
        if name == "Parameters":
            return "parameters"
        if name == "State":
            return self.work.definitions.files.get("State", "features")
        return self.work.definitions.files.get(name)

    def check(self) -> None:
        """Refuse, before anything is written, what no file of the module could import."""
        files: dict[str, list[Piece]] = {}
        for entry in self.work.result.entries.values():
            files.setdefault(entry.shape.file, []).extend(entry.pieces)
        for name, piece in self.work.definitions.pieces.items():
            files.setdefault(self.work.definitions.files[name], []).append(piece)
        for file, pieces in files.items():
            own = {name for piece in pieces for name in piece.names.binds}
            for name in sorted({name for piece in pieces for name in piece.names.needs} - own):
                if name in self.work.selection.imports:
                    self._import_lines(name, pieces)
                elif name in _NOTEBOOK_ONLY and self.home(name) is None:
                    raise self._unknown(file, name, pieces)

    def imports(
        self, file: str, needs: Iterable[str], pieces: list[Piece], *, tests: bool
    ) -> set[ImportLine]:
        """The imports for what a file reads and does not bind; every name must be found."""
        real = {new: old for old, new in self.placement.renames.items()}
        lines: set[ImportLine] = set()
        for name in sorted(needs):
            original = real.get(name, name)
            home = self.home(original)
            if home is not None and (home != file or tests):
                lines.add(ImportLine(f".{'.' if tests else ''}{home}", name))
            elif name in self.work.selection.imports:
                lines |= self._import_lines(name, pieces)
            elif name in _OURS:
                lines.add(_OURS[name])
            elif name in _NOTEBOOK_ONLY or name not in GIVEN_NAMES:
                raise self._unknown(file, name, pieces)
        return lines

    def _import_lines(self, name: str, pieces: list[Piece]) -> set[ImportLine]:
        found = self.work.selection.imports[name]
        if all(not item.member and item.module.partition(".")[0] == name for item in found):
            return {ImportLine(item.module) for item in found}
        readers = [piece for piece in pieces if name in piece.names.needs] or pieces[:1]
        meant: dict[tuple[str, str], Import] = {}
        for piece in readers:
            before = [item for item in found if item.order < piece.order]
            item = before[-1] if before else found[0]
            meant[item.told] = item
        if len(meant) > 1:
            two = " and ".join(sorted(".".join(filter(None, told)) for told in meant))
            piece = readers[-1]
            raise refusal(
                "NBX023",
                f"{name} is imported as {two}, and one file needs both",
                hint="import one of them under another name",
                cell_id=piece.cell_id,
                line=piece.line,
            )
        item = next(iter(meant.values()), found[-1])
        if item.module.startswith("."):
            raise refusal(
                "NBX023",
                f"cell {item.cell_id} imports {name} from {item.module}, relative to the notebook",
                hint="import it by its package's full name",
                cell_id=item.cell_id,
            )
        original = item.member or item.module
        return {ImportLine(item.module, item.member, "" if name == original else name)}

    def _unknown(self, file: str, name: str, pieces: list[Piece]) -> Exception:
        piece = next((p for p in pieces if name in p.names.needs), None)
        if name in _NOTEBOOK_ONLY:
            return refusal(
                "NBX024",
                f"{name} belongs to a notebook, not to a module",
                hint=f"leave {name} out of tagged cells, or in a cell of its own",
                cell_id=piece.cell_id if piece else None,
                line=piece.line if piece else None,
            )
        return refusal(
            "NBX024",
            f"{file}.py would read {name}, which nothing in the module defines",
            hint=f"define {name} in the cell that uses it, or tag the cell that does",
            cell_id=piece.cell_id if piece else None,
            line=piece.line if piece else None,
        )
