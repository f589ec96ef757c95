"""One real JupyterLab with nbprod's server and front end, and one real Chromium, for all of these."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from command import nbprod
from lab import Lab, browsing, jupyterlab
from playwright.sync_api import Browser, BrowserContext, Error, Page, expect

expect.set_options(timeout=20_000)  # two cores are shared with what the page asks the server for


@pytest.fixture(scope="package")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """JupyterLab over a folder with the starter project in `starter`; each test takes a copy."""
    base = tmp_path_factory.mktemp("lab")
    root = base / "root"
    root.mkdir()
    assert nbprod("init", "starter", cwd=root).code == 0
    with jupyterlab(root, base / "home") as running:
        yield running


@pytest.fixture(scope="package")
def chromium_browser() -> Iterator[Browser]:
    """A headless Chromium."""
    with browsing() as browser:
        yield browser


@pytest.fixture(scope="package")
def profile(chromium_browser: Browser) -> Iterator[BrowserContext]:
    """One person's browser, which keeps Lab's files: each window would load them anew."""
    context = chromium_browser.new_context(viewport={"width": 1500, "height": 950})
    context.set_default_timeout(20_000)
    yield context
    context.close()


@pytest.fixture
def page(profile: BrowserContext) -> Iterator[Page]:
    """A window of its own; an error in the page fails the test.

    But for what Lab's own code alone drops, as a kernel that it asks for without a network.
    """
    page = profile.new_page()
    errors: list[str] = []

    def keep(error: Error) -> None:
        stack = error.stack or ""
        if "extensions/nbprod" in stack or "static/lab/" not in stack:
            errors.append(f"{error}\n{stack}")

    page.on("pageerror", keep)
    yield page
    profile.set_offline(False)
    page.close()
    assert errors == []


@pytest.fixture
def project(lab: Lab, request: pytest.FixtureRequest) -> Path:
    """A starter project of the test's own in Lab's folder."""
    folder = lab.root / request.node.name[:60]
    shutil.copytree(lab.root / "starter", folder)
    return folder
