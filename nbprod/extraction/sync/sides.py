"""Both sides as they were read: the notebook, the module on disk, and the base they came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nbprod.errors import NotFoundError
from nbprod.extraction.module import make_module
from nbprod.extraction.provenance import MANIFEST, base_text, edited_files, read_manifest
from nbprod.extraction.sync import telling
from nbprod.extraction.sync.merging import merge
from nbprod.extraction.sync.places import body_of, header_length, read_text, texts_of
from nbprod.extraction.writing import on_disk, recover
from nbprod.notebook.document import read_notebook
from nbprod.notebook.files import file_digest

if TYPE_CHECKING:
    from pathlib import Path

    from nbprod.extraction.remembering import Module
    from nbprod.extraction.sync.places import Text
    from nbprod.notebook.document import Document
    from nbprod.records import Finding


@dataclass
class Sides:
    """A notebook and its module, as they lie on disk at one moment."""

    path: Path
    package: Path
    notebook: str  # its path in the project
    label: str
    digest: str = field(init=False)  # of the notebook's bytes
    document: Document = field(init=False)
    manifest: dict[str, Any] = field(init=False)
    present: dict[str, str] = field(init=False)  # file of the module -> its text on disk
    edited: tuple[str, ...] = field(init=False)  # those that a person edited
    now: Module = field(init=False)  # what extraction makes of the notebook, without the edits
    wanted: dict[str, Text] = field(default_factory=dict)  # edited files, merged
    findings: list[Finding] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.digest = file_digest(self.path)
        self.document = read_notebook(self.path)
        recover(self.package, MANIFEST)
        manifest = read_manifest(self.package)
        if manifest is None:
            raise NotFoundError(
                f"no module was extracted to {self.package}", hint="run `nbprod extract`"
            )
        self.manifest = manifest
        self.present = on_disk(self.package, {*manifest["files"], MANIFEST})
        changed = edited_files(self.package, manifest)
        self.edited = tuple(path for path in changed if self.present.get(path, "").strip())

    def merge(self) -> None:
        """Find ``wanted``: the person's edits over what the notebook says by now.

        What cannot be merged becomes an error among ``findings``.
        """
        self.now = make_module(
            self.document, notebook=self.notebook, package=self.package.name, label=self.label
        )
        strangers = set(self.now.files) - set(self.manifest["files"])
        for path, text in on_disk(self.package, strangers).items():
            self.present[path] = text
            if text.strip() and text != self.now.files[path]:
                self.findings.append(telling.stranger(f"{self.package.name}/{path}"))
        for path in self.edited:
            name = f"{self.package.name}/{path}"
            base = base_text(self.manifest, path).split("\n")
            mine = self.present[path].replace("\r\n", "\n").split("\n")
            if mine[-1]:
                mine.append("")
            length = header_length(base)
            if mine[: header_length(mine)] != base[:length]:
                self.findings.append(telling.header(name, _first_difference(mine, base)))
            elif path not in self.now.files:
                self.findings.append(telling.gone(name, self.notebook))
            else:
                self._merge_file(path, base[length:], mine[length:])

    def _merge_file(self, path: str, base: list[str], mine: list[str]) -> None:
        theirs = self.now.files[path].split("\n")
        header, name = theirs[: header_length(theirs)], f"{self.package.name}/{path}"
        merged, conflicts = merge(base, mine, body_of(self.now.files[path]))
        places = texts_of(self.now, self.document)[path].places if conflicts else {}
        lines = theirs[len(header) :]
        for item in conflicts:
            where = next((i for i, line in enumerate(lines) if line in item.other), None)
            place = places.get(where) if where is not None else None
            number = item.start + len(header) + 1
            self.findings.append(telling.conflict(name, number, item, self.notebook, place))
        try:
            text = read_text(path, "\n".join([*header, *merged]))
        except SyntaxError as error:
            if not conflicts:
                self.findings.append(telling.not_python(name, error))
        else:
            self.wanted[path] = text


def _first_difference(one: list[str], other: list[str]) -> int:
    pairs = zip(one, other, strict=False)
    return next((n for n, (a, b) in enumerate(pairs, start=1) if a != b), 1)
