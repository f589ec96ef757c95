"""Roles of cells in the real Lab: seen, chosen, taken back, and written to the notebook alone."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from lab import Lab, command, notebook, open_lab, tags_on_disk
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.engine

HOSTILE = "<img src=x onerror='window.hurt = 1'>"


@pytest.fixture
def cells(lab: Lab, request: pytest.FixtureRequest) -> Path:
    """A notebook of five cells outside of any project, one of them with a hostile tag."""
    path = lab.root / f"{request.node.name}.ipynb"
    given = [["parameters"], ["nbprod:features", "mine"], [], [f"nbprod:{HOSTILE}"], []]
    sources = ["rate = 1", "double = rate * 2", "x = 1", "y = 2", "z = 3"]
    nbformat.write(notebook(sources, given), path)
    return path


def test_roles_are_chosen_by_keyboard_and_toolbar_taken_back_at_once_and_kept(
    lab: Lab, page: Page, cells: Path
) -> None:
    """Alt+Shift+R and the toolbar open the picker; one undo takes several back; a save writes tags."""
    open_lab(page, lab, cells.name)
    badges = page.locator(".jp-nbprod-badge")
    expect(badges).to_have_text(["parameters", "features", HOSTILE])
    assert page.evaluate("window.hurt") is None
    assert "the one transform that training and serving share" in (
        badges.nth(1).get_attribute("aria-label") or ""
    )

    page.locator(".jp-Notebook .jp-Cell").nth(2).locator(".jp-InputPrompt").click()
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Alt+Shift+R")
    menu = page.get_by_role("menu")
    first, shown = (
        page.locator(".jp-Cell.jp-mod-selected").first.bounding_box(),
        menu.bounding_box(),
    )
    assert first
    assert shown
    assert shown["x"] >= first["x"]
    assert shown["y"] >= first["y"]
    expect(menu).to_contain_text("train – features and label to a fitted model")
    page.keyboard.type("tr")
    page.keyboard.press("Enter")
    expect(badges).to_have_text(["parameters", "features", "train", "train", "train"])
    page.keyboard.press("z")
    expect(badges).to_have_text(["parameters", "features", HOSTILE])

    cell = page.locator(".jp-Notebook .jp-Cell").nth(1)
    cell.locator(".jp-InputPrompt").click()
    cell.locator('[data-jp-item-name="nbprod-role"]').click()
    page.get_by_role("menuitemcheckbox", name="fit –").or_(
        page.get_by_role("menuitem", name="fit –")
    ).click()
    expect(badges.nth(1)).to_have_text("fit")
    command(page, "docmanager:save")  # a kernel that comes after it may alter the notebook again
    assert tags_on_disk(cells)[1] == ["mine", "nbprod:fit"]
