"""The flights project in the real Lab, from its tags to a rolled-back release, by keyboard alone."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import nbformat
import pytest
from command import nbprod
from lab import (
    ROOT,
    THEMES,
    Lab,
    command,
    ended,
    in_theme,
    jupyterlab,
    open_lab,
    stage,
    started,
    violations,
    violations_in_themes,
)
from playwright.sync_api import Browser, Locator, Page, expect

from nbprod.engine import free_port

pytestmark = pytest.mark.engine
LONG_MS = 300_000
PICTURES = ROOT / "extensions" / "screenshots"
NOTEBOOK = "flights/notebooks/train.ipynb"
FOUND: list[Any] = []  # violations that axe-core found on the way
UNTAGGED = ("helpers", "constants")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Lab over the flights project; two of its cells have lost their role."""
    base = tmp_path_factory.mktemp("lab")
    folder = base / "root" / "flights"
    (base / "root").mkdir()
    assert nbprod("init", "--recipe", "flights", str(folder), cwd=base).code == 0
    settings = folder / "nbprod.toml"
    settings.write_text(
        settings.read_text().replace("port       = 8000", f"port       = {free_port()}")
    )
    path = base / "root" / NOTEBOOK
    document = nbformat.read(path, 4)
    for cell in document.cells:
        if cell.id in UNTAGGED:
            del cell.metadata["tags"]
    nbformat.write(document, path)
    with jupyterlab(base / "root", base / "home") as running:
        yield running
    nbprod("undeploy", cwd=folder)


def enter(button: Locator) -> Callable[[], None]:
    """What presses a button by the Enter key, as somebody does who came to it by Tab."""
    return lambda: button.press("Enter")


def press(page: Page, name: str, button: str) -> None:
    """Press a stage's button, and wait until its job and the stage are done."""
    job = started(page, enter(stage(page, name).get_by_role("button", name=button)))
    ended(page, job, timeout=LONG_MS)
    expect(stage(page, name)).to_have_attribute("data-state", "done")


def agree(page: Page, label: str, told: str) -> str:
    """The dialog says what will happen; its button does it: the job that it starts."""
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(told)
    FOUND.extend(violations_in_themes(page, "dialog.jp-Dialog"))
    return started(page, enter(dialog.get_by_role("button", name=label)))


def keyboard_is_kept(page: Page) -> None:
    """The keyboard is at a control of nbprod's, not lost with the dialog or the button it was at."""
    expect(page.locator(".jp-nbprod-view button:focus:enabled")).to_have_count(1)


def in_cell(page: Page, cell: str) -> None:
    """Make a cell of the notebook the active one, in command mode."""
    command(page, "nbprod:show-cell", {"cellId": cell})


def approve(page: Page, reason: str) -> None:
    stage(page, "approve").get_by_role("button", name="Approve…").press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Approve")
    expect(dialog.get_by_label("The reason")).to_be_focused()
    page.keyboard.type(reason)
    page.keyboard.press("Tab")
    page.keyboard.type("head-of-ops@example.com")
    FOUND.extend(violations_in_themes(page, "dialog.jp-Dialog"))
    ended(page, started(page, lambda: page.keyboard.press("Enter")))
    keyboard_is_kept(page)
    expect(stage(page, "approve")).to_have_attribute("data-state", "done")


def send(folder: Path, requests: int) -> str:
    """Traffic of one carrier alone, which training never saw alone; the answers' champion."""
    record = json.loads((folder / ".nbprod" / "deployments" / "flight-delay.json").read_text())
    url = record.get("record", record)["url"]
    golden = json.loads((folder / ".nbprod" / "releases" / "1" / "golden.json").read_text())
    rows: list[dict[str, Any]] = [row for item in golden for row in item["instances"]]
    told: dict[str, Any] = {}
    with httpx.Client(base_url=url, timeout=30) as client:
        for number in range(requests):
            row = rows[number % len(rows)] | {"carrier": "HA", "origin": "JFK", "dest": "HNL"}
            answer = client.post("/predict", json={"instances": [row]})
            assert answer.status_code == 200, answer.text
            told = answer.json()
    return f"{told['role']} {told['release']}"


def test_the_flights_from_the_tags_of_their_notebook_to_a_rollback(
    lab: Lab, browser: Browser
) -> None:
    """Findings mended, module, parity over a reload, gate, approval, traffic, health, two releases."""
    page = browser.new_page(viewport={"width": 1500, "height": 1200})
    page.set_default_timeout(30_000)
    open_lab(page, lab, NOTEBOOK)
    _tag_and_mend(page)
    _to_parity(page)
    _to_the_first_deployment(page)
    assert send(lab.root / "flights", 400) == "champion 1"
    _watch_health(page)
    _second_release_and_back(page, lab.root / "flights")
    page.close()
    assert FOUND == [], FOUND


def _tag_and_mend(page: Page) -> None:
    """One cell gets its role by keyboard, the other by the fix of a finding."""
    command(page, "nbprod:open-road")
    findings = page.locator(".jp-nbprod-road").get_by_role("region", name="Findings")
    expect(findings).to_contain_text("minutes_of")
    in_cell(page, "helpers")
    page.keyboard.press("Alt+Shift+R")
    page.keyboard.type("li")
    page.keyboard.press("Enter")
    expect(findings).not_to_contain_text("minutes_of")
    fix = findings.get_by_role("button", name="Fix:").first
    expect(findings).to_contain_text("KNOWN_AT_DEPARTURE")
    fix.press("Enter")
    expect(findings.locator('[data-severity="error"]')).to_have_count(0)


def _to_parity(page: Page) -> None:
    """Extract, the module and its way back to a cell; parity goes on over a reload."""
    press(page, "extract", "Extract")
    command(page, "nbprod:open-module")
    module = page.locator(".jp-nbprod-module")
    module.get_by_label("File").select_option("features.py")
    module.get_by_role("button").filter(has_text="def flight_features").first.press("Enter")
    expect(page.locator(".jp-Notebook .jp-mod-active")).to_contain_text("def flight_features")
    press(page, "contract", "Infer contract")
    button = stage(page, "parity").get_by_role("button", name="Check parity")
    job = started(page, enter(button))
    page.reload()
    page.wait_for_function("() => window.jupyterapp?.restored.then(() => true)")
    command(page, "nbprod:open-road")
    ended(page, job, timeout=LONG_MS)
    expect(stage(page, "parity")).to_have_attribute("data-state", "done")


def _to_the_first_deployment(page: Page) -> None:
    press(page, "train", "Train")
    press(page, "gate", "Run gate")
    stage(page, "gate").get_by_role("button", name="Open report").press("Enter")
    report = page.frame_locator(".jp-nbprod-report iframe").locator("body")
    expect(report).to_contain_text(re.compile("passed", re.IGNORECASE))
    approve(page, "looked at the samples")
    press(page, "release", "Release")
    stage(page, "deploy").get_by_role("button", name="Deploy…").press("Enter")
    ended(page, agree(page, "Deploy", "starts to answer requests, as champion"), timeout=LONG_MS)
    expect(stage(page, "deploy")).to_have_attribute("data-state", "done")


def _watch_health(page: Page) -> None:
    """The board by its keyboard: an alert is acknowledged, a story opens, a notebook is made."""
    button = stage(page, "health").get_by_role("button", name="Assess health")
    ended(page, started(page, enter(button)), passed=False, timeout=LONG_MS)
    command(page, "nbprod:open-health")
    board = page.locator(".jp-nbprod-health")
    expect(board.get_by_role("row", name="champion 1 100 %")).to_be_visible()
    expect(board.locator(".jp-nbprod-chart").first).to_contain_text("requests")
    expect(board.locator(".jp-nbprod-chart").filter(has_text="Drift")).to_contain_text("carrier")
    drawn = ".jp-nbprod-chart img, .jp-nbprod-chart svg, .jp-nbprod-chart canvas"
    expect(board.locator(drawn).first).to_be_visible()
    _every_theme(page, "health")

    alerts = board.get_by_role("region", name="Alerts")
    open_alerts = alerts.get_by_role("button", name="Acknowledge")
    before = open_alerts.count()
    assert before > 0
    open_alerts.first.focus()
    page.keyboard.press("Enter")
    page.get_by_role("dialog").get_by_role("textbox").fill("one carrier only")
    FOUND.extend(violations_in_themes(page, "dialog.jp-Dialog"))
    page.keyboard.press("Enter")
    expect(alerts).to_contain_text("one carrier only")
    expect(open_alerts).to_have_count(before - 1)
    keyboard_is_kept(page)

    board.get_by_role("region", name="Newest predictions").get_by_role("button").first.focus()
    page.keyboard.press("Enter")
    story = page.locator(".jp-nbprod-story")
    expect(story).to_contain_text("dep_delay")
    expect(story).to_contain_text("train.ipynb")
    _every_theme(page, "story")

    command(page, "nbprod:open-health")
    board.get_by_role("button", name="Open as notebook").focus()
    page.keyboard.press("Space")
    tab = page.locator(".lm-TabBar-tab.jp-mod-current")
    expect(tab).to_contain_text(re.compile(r"flight-delay-.*\.ipynb"))
    window = page.locator(".jp-NotebookPanel").filter(has_text="project.window(start, end)")
    expect(window).to_be_visible()
    _run_all(page)


def _run_all(page: Page) -> None:
    """Every cell of the window's notebook runs in Lab, and none raises."""
    shown = "window.jupyterapp.shell.currentWidget"
    page.wait_for_function(
        f"() => {shown}.context.isReady && {shown}.sessionContext.session?.kernel != null"
    )
    command(page, "notebook:run-all-cells")
    code = f"{shown}.content.widgets.filter(cell => cell.model.type === 'code')"
    outputs = page.evaluate(
        f"() => {code}.map(cell => cell.model.sharedModel.getOutputs().map(o => o.output_type))"
    )
    counts = page.evaluate(f"() => {code}.map(cell => cell.model.executionCount)")
    assert counts == list(range(1, 1 + len(counts))), (counts, outputs)
    assert not any("error" in told for told in outputs), outputs


def _every_theme(page: Page, name: str) -> None:
    for theme in THEMES:
        in_theme(page, theme)
        FOUND.extend(violations(page))
        if os.environ.get("NBPROD_PICTURES") and theme != "Dark High Contrast":
            page.wait_for_timeout(1500)  # the charts' own drawing
            page.screenshot(path=str(PICTURES / f"{name}-{theme.lower()}.png"))


def _second_release_and_back(page: Page, folder: Path) -> None:
    command(page, "docmanager:open", {"path": NOTEBOOK})
    in_cell(page, "parameters")
    page.keyboard.press("Enter")
    page.keyboard.press("Control+End")
    page.keyboard.type("\nextra = 1")
    for name, button in (("extract", "Extract"), ("train", "Train"), ("gate", "Run gate")):
        press(page, name, button)
    approve(page, "the same model again")
    press(page, "release", "Release")
    stage(page, "deploy").get_by_role("button", name="Deploy…").press("Enter")
    FOUND.extend(violations_in_themes(page, "dialog.jp-Dialog"))
    page.get_by_role("dialog").locator("select").press("Home")
    page.get_by_role("dialog").get_by_role("button", name="Continue").press("Enter")
    ended(page, agree(page, "Deploy", "as canary; release 1 stays champion"), timeout=LONG_MS)
    road = page.locator(".jp-nbprod-road")
    expect(road).to_contain_text("canary: release 2")
    road.get_by_role("button", name="Promote…").press("Enter")
    ended(page, agree(page, "Promote", "Release 2 (canary) becomes the champion"), timeout=LONG_MS)
    expect(road).to_contain_text("champion: release 2")
    assert send(folder, 20) == "champion 2"
    road.get_by_role("button", name="Roll back…").press("Enter")
    ended(page, agree(page, "Roll back", "from release 2 (champion) to release 1 (previous)"))
    expect(road).to_contain_text("champion: release 1")
    keyboard_is_kept(page)
    assert send(folder, 20) == "champion 1"
    road.get_by_role("button", name="Undeploy…").press("Enter")
    ended(page, agree(page, "Undeploy", "stops answering"), timeout=LONG_MS)
    expect(stage(page, "deploy")).to_have_attribute("data-state", "todo")
