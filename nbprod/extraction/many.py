"""Many notebooks in one call, on all the cores there are."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from nbprod.errors import NbprodError
from nbprod.extraction.extract import extract
from nbprod.extraction.inspection import inspect_notebook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from nbprod.records import Extraction, Inspection

    _Item = TypeVar("_Item")
    _Result = TypeVar("_Result")

# Fewer are done sooner than processes are started.
_WORTH_PROCESSES = 16


def inspect_many(
    paths: Iterable[str | Path], *, label: str = "", workers: int | None = None
) -> list[Inspection | NbprodError]:
    """Inspect notebooks in parallel: for each, in order, its inspection or why there is none.

    workers: processes; by default one for each core. They import the caller's main module, as
    those of ``multiprocessing`` do: a script calls this under ``if __name__ == "__main__"``.
    """
    return _each(partial(_inspected, label=label), list(paths), workers)


def extract_many(
    notebooks: Iterable[tuple[str | Path, str | Path]],
    *,
    project_path: str | Path,
    label: str = "",
    check: bool = False,
    workers: int | None = None,
) -> list[Extraction | NbprodError]:
    """Extract (notebook, package folder) pairs in parallel: for each its record, or its error.

    Every pair needs a package of its own; ValueError where one is named twice. Otherwise as
    ``extract`` and ``inspect_many``.
    """
    pairs = list(notebooks)
    packages = [os.path.abspath(package) for _, package in pairs]
    if len(set(packages)) < len(packages):
        raise ValueError("two notebooks would be written to one package")
    work = partial(_extracted, project_path=project_path, label=label, check=check)
    return _each(work, pairs, workers)


def _each(
    work: Callable[[_Item], _Result], items: list[_Item], workers: int | None
) -> list[_Result]:
    workers = min(workers or os.cpu_count() or 1, len(items))
    if workers < 2 or len(items) < _WORTH_PROCESSES:
        return [work(item) for item in items]
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    # spawned: a fork would take over the caller's threads and locks half-way
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        share = max(1, len(items) // (workers * 4))
        return list(pool.map(work, items, chunksize=share))


def _inspected(path: str | Path, *, label: str) -> Inspection | NbprodError:
    try:
        return inspect_notebook(path, label=label)
    except NbprodError as error:
        return error


def _extracted(
    pair: tuple[str | Path, str | Path], *, project_path: str | Path, label: str, check: bool
) -> Extraction | NbprodError:
    try:
        return extract(*pair, label=label, project_path=project_path, check=check)
    except NbprodError as error:
        return error
