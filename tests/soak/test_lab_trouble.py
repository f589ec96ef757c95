"""The real Lab in trouble: its server killed in mid-job, 2,000 cells, two people at once."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from command import nbprod
from lab import (
    Lab,
    command,
    ended,
    jupyterlab,
    notebook,
    open_lab,
    prepared,
    running,
    stage,
    started,
    tags_on_disk,
)
from playwright.sync_api import Browser, expect

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Lab over an empty folder."""
    base = tmp_path_factory.mktemp("lab")
    (base / "root").mkdir()
    with jupyterlab(base / "root", base / "home") as running:
        yield running


def test_a_server_that_is_killed_in_mid_job_and_comes_back(
    tmp_path: Path, browser: Browser
) -> None:
    """The page says both in plain words; the edit is not lost, and the job is started again."""
    (tmp_path / "root").mkdir()
    assert nbprod("init", "starter", cwd=tmp_path / "root").code == 0
    notebook_path = tmp_path / "root" / "starter" / "notebooks" / "train.ipynb"
    lab = prepared(tmp_path / "root", tmp_path / "home")
    page = browser.new_page(viewport={"width": 1500, "height": 950})
    page.set_default_timeout(60_000)
    # Lab itself says so too, in dialogs over everything.
    page.add_locator_handler(
        page.locator("dialog.jp-Dialog"),
        lambda dialog: dialog.last.get_by_role("button").last.click(),
        no_wait_after=True,
    )
    panel = page.locator(".jp-nbprod-road")
    with running(lab) as server:
        open_lab(page, lab, "starter/notebooks/train.ipynb")
        command(page, "nbprod:open-road")
        extract = stage(page, "extract").get_by_role("button", name="Extract")
        ended(page, started(page, extract.click))
        check = stage(page, "parity").get_by_role("button", name="Check parity")
        job = started(page, check.click)
        card = page.locator(f'.jp-nbprod-job[data-id="{job}"]')
        expect(card).to_have_attribute("data-state", "running")
        server.kill()
        server.wait()
        expect(panel).to_contain_text("The Jupyter server does not answer.", timeout=60_000)
        expect(panel).to_contain_text("Nothing is lost")
        last = page.locator(".jp-Notebook .jp-Cell").last
        last.locator(".jp-InputPrompt").click()
        command(page, "nbprod:set-role", {"role": "skip"})
        expect(last.locator(".jp-nbprod-badge")).to_have_text("skip")
    with running(lab):
        expect(panel.locator(".jp-nbprod-notice")).to_have_count(0, timeout=60_000)
        expect(card).to_have_attribute("data-state", "failed", timeout=60_000)
        expect(card.get_by_role("alert")).to_contain_text("start it again")
        ended(page, started(page, check.click), timeout=120_000)
        command(page, "docmanager:save")
        page.wait_for_function("() => !document.querySelector('.lm-TabBar-tab.jp-mod-dirty')")
        assert tags_on_disk(notebook_path)[-1] == ["nbprod:skip"]
        page.close()


def test_a_notebook_of_2000_cells_stays_usable(lab: Lab, browser: Browser) -> None:
    """The last cell's finding is reached before Lab has drawn that cell; a role for all at once."""
    sources = [f"value_{number} = {number}" for number in range(1999)]
    sources.append("def transform(frame):\n    return frame * value_8")
    tags = [["nbprod:lib"] if number % 2 else [] for number in range(1999)] + [["nbprod:features"]]
    nbformat.write(notebook(sources, tags), lab.root / "large.ipynb")
    page = browser.new_page(viewport={"width": 1500, "height": 950})
    page.set_default_timeout(120_000)
    open_lab(page, lab, "large.ipynb")
    expect(page.locator(".jp-nbprod-badge").first).to_have_text("lib")
    page.get_by_role("button", name="1 error", exact=True).press("Enter")
    findings = page.locator(".jp-nbprod-findings")
    place = findings.get_by_role("button", name="Show cell 2000 (features), line 1")
    expect(place).to_be_focused()
    page.keyboard.press("Enter")
    last = page.locator(".jp-Notebook .jp-mod-active")
    expect(last.locator(".cm-editor")).to_have_class(re.compile("cm-focused"))
    expect(last).to_contain_text("frame * value_8")
    expect(last.locator(".jp-nbprod-badge")).to_have_text("features")
    expect(last.locator(".jp-nbprod-count")).to_have_text("1 × error")
    expect(last.locator(".cm-lint-marker-error")).to_be_in_viewport()
    findings.get_by_role("button", name="Fix: Tag cell 9 parameters").press("Enter")
    expect(page.get_by_role("button", name="1 error", exact=True)).to_have_count(0)
    expect(last.locator(".jp-nbprod-count")).to_have_count(0)
    expect(page.locator(".jp-nbprod-road button:focus")).to_be_visible()
    page.locator(".jp-Notebook .jp-InputPrompt").first.click()
    page.keyboard.press("Control+a")
    command(page, "nbprod:set-role", {"role": "lib"})
    expect(page.locator(".jp-nbprod-badge").first).to_have_text("lib")
    page.keyboard.press("Control+s")
    page.wait_for_function("() => !document.querySelector('.lm-TabBar-tab.jp-mod-dirty')")
    assert tags_on_disk(lab.root / "large.ipynb") == [["nbprod:lib"]] * 2000
    page.close()


@pytest.fixture(scope="module")
def shared_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Lab with jupyter-collaboration, which is installed beside it for this alone."""
    base = tmp_path_factory.mktemp("shared")
    beside = base / "packages"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(beside)]
    subprocess.run([*install, "jupyter-collaboration>=4,<6"], check=True)
    (base / "root").mkdir()
    sources = ["a = 1", "b = 2", "c = 3"]
    nbformat.write(notebook(sources, [[], [], []]), base / "root" / "ours.ipynb")
    environ = {
        "PYTHONPATH": os.pathsep.join([str(beside), os.environ.get("PYTHONPATH", "")]),
        "JUPYTER_PATH": str(beside / "share" / "jupyter"),
        "JUPYTER_CONFIG_PATH": str(beside / "etc" / "jupyter"),
    }
    with jupyterlab(base / "root", base / "home", environ=environ) as running:
        yield running


def test_two_people_on_one_notebook_see_the_same_roles(shared_lab: Lab, browser: Browser) -> None:
    """Each tags another cell while the other types; badges agree and no edit is lost."""
    pages = []
    for name in ("one", "two"):
        page = browser.new_context(viewport={"width": 1300, "height": 800}).new_page()
        open_lab(page, shared_lab, "ours.ipynb", workspace=name)
        pages.append(page)
    one, two = pages
    one.locator(".jp-Notebook .jp-InputPrompt").nth(0).click()
    two.locator(".jp-Notebook .jp-Cell").nth(1).locator(".cm-content").click()
    two.keyboard.press("End")
    two.keyboard.type(" + 40")
    command(one, "nbprod:set-role", {"role": "lib"})
    command(two, "nbprod:set-role", {"role": "features"})
    for page in pages:
        expect(page.locator(".jp-nbprod-badge")).to_have_text(["lib", "features"])
        expect(page.locator(".jp-Notebook .jp-Cell").nth(1)).to_contain_text("b = 2 + 40")
    for page in pages:
        page.context.close()
