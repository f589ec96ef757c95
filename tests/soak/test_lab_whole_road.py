"""In the real Lab: from the gate to a rolled-back release by its buttons; 2,000 cells; two people."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator

import httpx
import nbformat
import pytest
from command import nbprod
from lab import ROOT, Lab, browsing, command, jupyterlab, notebook, open_lab, tags_on_disk
from playwright.sync_api import Browser, Locator, Page, expect

pytestmark = pytest.mark.engine
LONG_MS = 240_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as running:
        yield running


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Lab over a project that has a candidate, and a canary's patience of seconds."""
    base = tmp_path_factory.mktemp("lab")
    folder = base / "root" / "wine"
    (base / "root").mkdir()
    assert nbprod("init", str(folder), cwd=base).code == 0
    for verb in ("extract", "train"):
        assert nbprod(verb, cwd=folder).code == 0
    with jupyterlab(base / "root", base / "home") as running:
        yield running
    nbprod("undeploy", cwd=folder)


def stage(page: Page, name: str) -> Locator:
    return page.locator(f'.jp-nbprod-stage[data-stage="{name}"]')


def press(page: Page, name: str, button: str, state: str = "done") -> None:
    """Press a stage's button and wait until the stage is in a state."""
    stage(page, name).get_by_role("button", name=button).click()
    running = page.locator('.jp-nbprod-job[data-state="running"]')
    expect(running).not_to_have_count(0)
    expect(running).to_have_count(0, timeout=LONG_MS)
    expect(stage(page, name)).to_have_attribute("data-state", state)


def agree(page: Page, label: str, told: str) -> None:
    """The dialog says what will happen; its button does it."""
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(told)
    dialog.get_by_role("button", name=label).click()


def ended(page: Page) -> None:
    running = page.locator('.jp-nbprod-job[data-state="running"]')
    expect(running).not_to_have_count(0)
    expect(running).to_have_count(0, timeout=LONG_MS)


def test_the_whole_road_by_its_buttons(lab: Lab, browser: Browser) -> None:
    """Gate, release, deploy, predictions, health, a second release, and back to the first."""
    folder = lab.root / "wine"
    page = browser.new_page(viewport={"width": 1500, "height": 1200})
    open_lab(page, lab, "wine/notebooks/train.ipynb")
    command(page, "nbprod:open-road")
    press(page, "parity", "Check parity")
    press(page, "gate", "Run gate")
    stage(page, "gate").get_by_role("button", name="Open report").click()
    report = page.frame_locator(".jp-nbprod-report iframe").locator("body")
    expect(report).to_contain_text(re.compile("passed", re.IGNORECASE))
    press(page, "release", "Release")

    stage(page, "deploy").get_by_role("button", name="Deploy…").click()
    agree(page, "Deploy", "starts to answer requests, as champion")
    page.reload()  # in the middle of the job; the report comes back in front
    page.wait_for_function("() => window.jupyterapp?.restored.then(() => true)")
    expect(report).to_contain_text(re.compile("passed", re.IGNORECASE))
    command(page, "docmanager:open", {"path": "wine/notebooks/train.ipynb"})
    command(page, "nbprod:open-road")
    expect(stage(page, "deploy")).to_have_attribute("data-state", "done", timeout=LONG_MS)

    served = json.loads((folder / ".nbprod" / "deployments" / "strong-wine.json").read_text())
    record = served.get("record", served)
    golden = json.loads((folder / ".nbprod" / "releases" / "1" / "golden.json").read_text())
    for request in golden * 10:
        body = {"instances": request["instances"]}
        assert httpx.post(f"{record['url']}/predict", json=body, timeout=30).status_code == 200

    press_any(page, "health", "Assess health")
    command(page, "nbprod:open-health")
    board = page.locator(".jp-nbprod-health")
    expect(board.get_by_role("row", name="champion 1 100 %")).to_be_visible()
    expect(board.locator(".jp-nbprod-chart").first).to_contain_text("requests")
    expect(
        board.locator(".jp-nbprod-chart img, .jp-nbprod-chart svg, .jp-nbprod-chart canvas").first
    ).to_be_visible()
    if os.environ.get("NBPROD_PICTURES"):
        page.wait_for_timeout(1500)  # the charts' own drawing
        page.screenshot(path=str(ROOT / "extensions" / "screenshots" / "health.png"))
    board.get_by_role("region", name="Newest predictions").get_by_role("button").first.click()
    expect(page.locator(".jp-nbprod-story")).to_contain_text("proline")
    expect(page.locator(".jp-nbprod-story")).to_contain_text("train.ipynb")

    command(page, "docmanager:open", {"path": "wine/notebooks/train.ipynb"})
    page.locator(".jp-Notebook .jp-Cell").filter(has_text="max_iter").first.locator(
        ".cm-content"
    ).click()
    page.keyboard.press("Control+End")
    page.keyboard.type("\nextra = 1")
    press(page, "extract", "Extract")
    press(page, "train", "Train")
    press(page, "gate", "Run gate")
    press(page, "release", "Release")
    stage(page, "deploy").get_by_role("button", name="Deploy…").click()
    page.get_by_role("dialog").locator("select").select_option(index=0)
    page.get_by_role("dialog").get_by_role("button", name="Continue").click()
    agree(page, "Deploy", "as canary; release 1 stays champion")
    ended(page)
    road = page.locator(".jp-nbprod-road")
    expect(road).to_contain_text("canary: release 2")
    road.get_by_role("button", name="Promote…").click()
    agree(page, "Promote", "Release 2 (canary) becomes the champion")
    expect(road).to_contain_text("champion: release 2", timeout=LONG_MS)
    road.get_by_role("button", name="Roll back…").click()
    agree(page, "Roll back", "from release 2 (champion) to release 1 (previous)")
    expect(road).to_contain_text("champion: release 1", timeout=LONG_MS)
    road.get_by_role("button", name="Undeploy…").click()
    agree(page, "Undeploy", "stops answering")
    expect(stage(page, "deploy")).to_have_attribute("data-state", "todo", timeout=LONG_MS)
    page.close()


def press_any(page: Page, name: str, button: str) -> None:
    stage(page, name).get_by_role("button", name=button).click()
    ended(page)


def test_a_notebook_of_2000_cells_stays_usable(lab: Lab, browser: Browser) -> None:
    """Badges, findings and a role for all of them at once."""
    sources = [f"value_{number} = {number}" for number in range(1999)]
    sources.append("def transform(frame):\n    return frame * value_7")
    tags = [["nbprod:lib"] if number % 2 else [] for number in range(1999)] + [["nbprod:features"]]
    nbformat.write(notebook(sources, tags), lab.root / "large.ipynb")
    page = browser.new_page(viewport={"width": 1500, "height": 950})
    page.set_default_timeout(120_000)
    open_lab(page, lab, "large.ipynb")
    expect(page.locator(".jp-nbprod-badge").first).to_have_text("lib")
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
