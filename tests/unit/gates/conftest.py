"""The tiny project of `gate_project`, as fixtures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from gate_project import TinyProject, make_bundle, parity, rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pandas as pd

    from nbprod.predictor import Bundle
    from nbprod.records import ParityReport


@pytest.fixture(scope="session")
def shared_bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The good model's bundle, made once."""
    return make_bundle(tmp_path_factory.mktemp("bundles") / "good")


@pytest.fixture(scope="session")
def make_project(shared_bundle: Bundle) -> Callable[[Path], TinyProject]:
    """A project without notebooks, in a folder."""

    def make(folder: Path) -> TinyProject:
        rows().to_parquet(folder / "holdout.parquet")
        return TinyProject(folder, shared_bundle, folder / "holdout.parquet")

    return make


@pytest.fixture
def project(tmp_path: Path, make_project: Callable[[Path], TinyProject]) -> TinyProject:
    """A project of the test's own."""
    return make_project(tmp_path)


@pytest.fixture(scope="session")
def make() -> Callable[..., Bundle]:
    """`make_bundle`, for another model."""
    return make_bundle


@pytest.fixture
def parity_of() -> Callable[..., ParityReport]:
    """`parity`, for another report."""
    return parity


@pytest.fixture
def frame() -> pd.DataFrame:
    """The held-out rows."""
    return rows()
