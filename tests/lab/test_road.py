"""The road panel in the real Lab: jobs that outlive the page, reports, and plain words for trouble."""

from __future__ import annotations

import os
import re
from pathlib import Path

import nbformat
import psutil
import pytest
from lab import (
    ROOT,
    THEMES,
    Lab,
    command,
    in_theme,
    jupyterlab,
    notebook,
    open_lab,
    stage,
    started,
    violations_in_themes,
    without_violations,
)
from playwright.sync_api import Browser, Locator, Page, Route, expect
from server_projects import until

pytestmark = pytest.mark.engine

# Which of a view's controls has the focus, and how it shows that.
FOCUS = """selector => [
  [...document.querySelectorAll(selector)].indexOf(document.activeElement),
  getComputedStyle(document.activeElement).outlineStyle,
]"""
PICTURES = ROOT / "extensions" / "screenshots"


def job(page: Page, verb: str) -> Locator:
    return page.locator(f'.jp-nbprod-job[data-job="{verb}"]').first


def open_road(page: Page, lab: Lab, path: str, **address: object) -> None:
    open_lab(page, lab, path, **address)
    command(page, "nbprod:open-road")


def test_the_road_from_the_notebook_to_parity_by_keyboard_alone(
    lab: Lab, page: Page, chromium_browser: Browser, project: Path
) -> None:
    """Extract and parity run as jobs that a reload and a second browser see; the report opens."""
    path = f"{project.name}/notebooks/train.ipynb"
    open_lab(page, lab, path)
    page.keyboard.press("Alt+Shift+N")
    extract = stage(page, "extract").get_by_role("button", name="Extract")
    expect(extract).to_be_focused()
    page.keyboard.press("Enter")
    expect(stage(page, "extract")).to_have_attribute("data-state", "done")
    assert (project / "strong_wine" / "features.py").exists()

    stage(page, "parity").get_by_role("button", name="Check parity").focus()
    page.keyboard.press("Enter")
    expect(job(page, "parity")).to_have_attribute("data-state", "running")
    page.reload()
    command_after_reload(page)
    other = chromium_browser.new_context().new_page()
    open_road(other, lab, path, workspace="other")
    for window in (page, other):
        expect(job(window, "parity")).to_have_attribute("data-state", "done", timeout=60_000)
        expect(stage(window, "parity")).to_have_attribute("data-state", "done")
    other.context.close()
    job(page, "parity").get_by_role("button", name="Show log").click()
    expect(page.get_by_role("log")).to_contain_text("parity")

    stage(page, "parity").get_by_role("button", name="Open report").click()
    frame = page.locator(".jp-nbprod-report iframe")
    assert frame.get_attribute("sandbox") == ""
    expect(page.frame_locator(".jp-nbprod-report iframe").locator("body")).to_contain_text(
        re.compile("parity", re.IGNORECASE)
    )
    expect(page.get_by_role("button", name="parity: done")).to_be_visible()
    without_violations(page)


def test_every_control_of_the_views_is_reached_and_seen_by_keyboard(
    lab: Lab, page: Page, project: Path
) -> None:
    """Tab comes to each of them with a visible focus; Enter, Space and arrow keys work them."""
    open_road(page, lab, f"{project.name}/notebooks/train.ipynb")
    expect(stage(page, "extract").get_by_role("button", name="Extract")).to_be_focused()
    tab_through(page, ".jp-nbprod-road")

    command(page, "nbprod:open-module")
    module = page.locator(".jp-nbprod-module")
    for file in ("__init__.py", "features.py"):
        module.get_by_label("File").select_option(file)
        tab_through(page, ".jp-nbprod-module")
        without_violations(page)
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    expect(page.locator(".jp-Notebook .jp-mod-active .cm-editor")).to_have_class(
        re.compile("cm-focused")
    )

    command(page, "nbprod:open-flow")
    flow = page.locator(".jp-nbprod-flow")
    flow.get_by_role("button").filter(has_text="fit").first.focus()
    tab_through(page, ".jp-nbprod-flow")
    page.keyboard.press("Home")
    page.keyboard.press("Space")
    expect(page.locator(".jp-Notebook .jp-mod-active .jp-nbprod-badge")).to_have_text("parameters")

    command(page, "nbprod:open-health")
    board = page.locator(".jp-nbprod-health")
    expect(board).to_contain_text("No release is being served.")
    tab_through(page, ".jp-nbprod-health")
    opener = board.get_by_role("button", name="Open a prediction…")
    opener.focus()
    page.keyboard.press("Space")
    dialog = page.get_by_role("dialog")
    page.keyboard.type("nothing")
    assert violations_in_themes(page, "dialog.jp-Dialog") == []
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(opener).to_be_focused()
    page.keyboard.press("Space")
    page.keyboard.type("nothing")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="is no prediction's id")).to_be_visible()
    expect(dialog).to_have_count(0)


def tab_through(page: Page, view: str) -> None:
    """Press Tab from a view's first control to its last: each one comes, and is seen to."""
    wanted = f":is({view}) :is(button:enabled, select, [tabindex='0']):not([tabindex='-1'])"
    count = page.locator(wanted).count()
    assert count > 0
    page.locator(wanted).first.focus()
    reached = [page.evaluate(FOCUS, wanted)]
    while len(reached) < count:
        page.keyboard.press("Tab")
        reached.append(page.evaluate(FOCUS, wanted))
    assert [place for place, _ in reached] == list(range(count))
    unseen = [place for place, outline in reached[1:] if outline == "none"]
    assert unseen == []


def command_after_reload(page: Page) -> None:
    page.wait_for_function("() => window.jupyterapp && window.jupyterapp.restored.then(() => true)")
    page.locator(".jp-Notebook .jp-Cell").first.wait_for()
    command(page, "nbprod:open-road")


def test_a_job_that_is_killed_or_cancelled_says_so(lab: Lab, page: Page, project: Path) -> None:
    """kill -9 of its process, then Cancel: the job says which, and the stage is what it was."""
    open_road(page, lab, f"{project.name}/notebooks/train.ipynb")
    train = stage(page, "train").get_by_role("button", name="Train")
    killed = page.locator(f'.jp-nbprod-job[data-id="{started(page, train.click)}"]')
    process_in(project, "train").kill()
    expect(killed).to_have_attribute("data-state", "failed")
    expect(killed.get_by_role("alert")).to_contain_text("killed by signal 9")
    killed.get_by_role("button", name="Show log").click()
    expect(killed.get_by_role("log")).to_be_visible()

    cancelled = page.locator(f'.jp-nbprod-job[data-id="{started(page, train.click)}"]')
    cancelled.get_by_role("button", name="Cancel").click()
    expect(cancelled).to_have_attribute("data-state", "cancelled")
    expect(stage(page, "train")).not_to_have_attribute("data-state", "done")
    without_violations(page)


def process_in(project: Path, verb: str) -> psutil.Process:
    """The process of a verb's job, once it is there."""

    def found() -> list[psutil.Process]:
        return [
            process
            for process in psutil.process_iter(["cmdline", "cwd"])
            if process.info["cwd"] == str(project)
            and ["-m", "nbprod", verb] == (process.info["cmdline"] or [])[2:5]
        ]

    return until(found)[0]


def test_a_cut_network_is_said_and_mends_itself(lab: Lab, page: Page, project: Path) -> None:
    """What was known stays on show, roles can be set, and the notice goes by itself."""
    open_road(page, lab, f"{project.name}/notebooks/train.ipynb")
    expect(stage(page, "extract")).to_be_visible()
    # Lab itself may say so too, in dialogs over everything, as soon as it asks its server.
    page.add_locator_handler(
        page.locator("dialog.jp-Dialog"),
        lambda dialog: dialog.last.get_by_role("button").last.click(),
        no_wait_after=True,
    )
    page.context.set_offline(True)
    command(page, "nbprod:refresh")
    notice = page.locator(".jp-nbprod-road .jp-nbprod-notice")
    expect(notice).to_contain_text("The Jupyter server does not answer.")
    expect(stage(page, "extract")).to_be_visible()
    page.locator(".jp-Notebook .jp-Cell").nth(2).locator(".jp-InputPrompt").click()
    command(page, "nbprod:set-role", {"role": "lib"})
    expect(page.locator(".jp-nbprod-badge").filter(has_text="lib")).to_have_count(1)
    page.context.set_offline(False)
    expect(notice).to_have_count(0)


def test_a_notebook_outside_a_project_is_made_one(lab: Lab, page: Page) -> None:
    """The panel says what is missing and offers it; the proposed roles come as an edit."""
    folder = lab.root / "alone"
    folder.mkdir()
    sources = ["import pandas as pd", "frame = pd.DataFrame({'a': [1.0, 2.0], 'late': [0, 1]})"]
    sources += ["def transform(frame):\n    return frame[['a']] * 2"]
    nbformat.write(notebook(sources, [[], [], []]), folder / "mine.ipynb")
    open_road(page, lab, "alone/mine.ipynb")
    panel = page.locator(".jp-nbprod-road")
    expect(panel).to_contain_text("outside any nbprod project")
    offer = panel.get_by_role("button", name="Create a project here")
    expect(offer).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog").get_by_role("textbox")).to_be_focused()
    assert violations_in_themes(page, "dialog.jp-Dialog") == []
    page.keyboard.press("Escape")
    expect(offer).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_role("dialog").get_by_role("textbox").fill("me@example.com")
    page.get_by_role("dialog").get_by_role("button", name="Create").click()
    expect(stage(page, "extract")).to_be_visible()
    assert "me@example.com" in (folder / "nbprod.toml").read_text()
    expect(page.locator(".jp-nbprod-badge").first).to_be_visible()


def test_a_server_without_nbprod_is_said_plainly(chromium_browser: Browser, tmp_path: Path) -> None:
    """Roles still work; the panel names the package to install."""
    root = tmp_path / "root"
    root.mkdir()
    nbformat.write(notebook(["x = 1"], [["nbprod:lib"]]), root / "a.ipynb")
    with (
        jupyterlab(root, tmp_path / "home", server=False) as bare,
        chromium_browser.new_context() as visitor,
    ):
        page = visitor.new_page()
        open_road(page, bare, "a.ipynb")
        expect(page.locator(".jp-nbprod-road")).to_contain_text('pip install "nbprod[lab]"')
        expect(page.locator(".jp-nbprod-badge")).to_have_text("lib")
        page.goto("about:blank")  # a server that still has a visitor takes its time to end


def test_a_server_with_another_nbprod_is_said_plainly(lab: Lab, page: Page, project: Path) -> None:
    """The versions do not understand each other: the panel says how to mend it; roles still work."""

    def older(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json=answer.json() | {"api": 0, "version": "0.0.9"})

    page.route("**/nbprod/api/status*", older)
    open_road(page, lab, f"{project.name}/notebooks/train.ipynb")
    panel = page.locator(".jp-nbprod-road")
    expect(panel).to_contain_text(
        "The server has nbprod 0.0.9, which this page does not understand"
    )
    expect(panel).to_contain_text('pip install --upgrade "nbprod[lab]"')
    expect(page.locator(".jp-nbprod-badge").first).to_be_visible()


def test_every_theme_of_lab_is_served(lab: Lab, page: Page, project: Path) -> None:
    """No violation in roles, road and what opens for a moment; this makes the README's pictures."""
    open_lab(page, lab, f"{project.name}/notebooks/train.ipynb")
    command(page, "nbprod:open-road")
    expect(stage(page, "extract")).to_be_visible()
    expect(page.locator(".jp-nbprod-badge").first).to_be_visible()
    for theme in THEMES:
        in_theme(page, theme)
        without_violations(page)
        if os.environ.get("NBPROD_PICTURES"):
            page.screenshot(path=str(PICTURES / f"{theme.lower().replace(' ', '-')}.png"))
        _picker_and_finding(page)


def _picker_and_finding(page: Page) -> None:
    """The menu of roles takes one away, the finding that comes of it gives it back."""
    fit = page.locator(".jp-Notebook .jp-Cell").filter(has_text="measures = [")
    fit.locator(".jp-InputPrompt").click()
    page.keyboard.press("Alt+Shift+R")
    menu = page.get_by_role("menu")
    expect(menu).to_contain_text("features and label to a fitted model")
    without_violations(page, ".lm-Menu")
    menu.get_by_text("No role: stays in the notebook").click()
    expect(menu).to_have_count(0)
    assert page.evaluate("() => document.activeElement.closest('.jp-Notebook') !== null")

    page.locator(".jp-Notebook .cm-lintRange-error").first.hover()
    fix = page.locator(".cm-tooltip-lint .cm-diagnosticAction").first
    expect(fix).to_be_visible()
    without_violations(page, ".cm-tooltip-lint")
    fix.click()
    expect(fit.locator(".jp-nbprod-badge")).to_have_text("fit")
    expect(page.locator(".cm-tooltip-lint")).to_have_count(0)
