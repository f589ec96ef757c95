"""A notebook while it is edited: findings at their lines, their fixes, the module, the data flow."""

from __future__ import annotations

import json
import re
from pathlib import Path

import nbformat
import psutil
import pytest
from lab import Lab, command, notebook, open_lab
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.engine


@pytest.fixture
def untagged(lab: Lab, request: pytest.FixtureRequest) -> Path:
    """A notebook whose features read what an untagged cell defines."""
    path = lab.root / f"{request.node.name}.ipynb"
    sources = [
        "def tripled(x):\n    return 3 * x",
        "def transform(frame):\n    return tripled(frame)",
    ]
    nbformat.write(notebook(sources, [[], ["nbprod:features"]]), path)
    return path


def test_a_finding_appears_at_its_line_and_its_fix_mends_it(
    lab: Lab, page: Page, untagged: Path
) -> None:
    """The cell says what it lacks, and the quick fix tags the cell that gives it; the kernel is dead."""
    open_lab(page, lab, untagged.name)
    kill_kernel(page)
    cells = page.locator(".jp-Notebook .jp-Cell")
    count = cells.nth(1).locator(".jp-nbprod-count")
    expect(count).to_contain_text("error")
    expect(cells.nth(1).locator(".cm-lint-marker-error")).to_be_visible()
    assert "tripled" in (count.get_attribute("aria-label") or "")

    cells.nth(1).locator(".cm-lintRange-error").first.hover()
    page.locator(".cm-tooltip-lint .cm-diagnosticAction").first.click()
    expect(cells.nth(0).locator(".jp-nbprod-badge")).to_have_text("lib")
    expect(count).to_have_count(0)
    expect(cells.nth(1).locator(".cm-lint-marker-error")).to_have_count(0)
    cells.nth(0).locator(".jp-InputPrompt").click()
    page.keyboard.press("z")
    expect(cells.nth(0).locator(".jp-nbprod-badge")).to_have_count(0)
    expect(count).to_contain_text("error")


def kill_kernel(page: Page) -> None:
    """kill -9 of the notebook's kernel."""
    kernel = "window.jupyterapp.shell.currentWidget.sessionContext.session?.kernel"
    page.wait_for_function(f"() => {kernel}?.connectionStatus === 'connected'")
    name = f"kernel-{page.evaluate(f'() => {kernel}.id')}.json"
    for process in psutil.process_iter(["cmdline"]):
        if any(name in part for part in process.info["cmdline"] or []):
            process.kill()
            return
    raise AssertionError(name)


def test_hostile_text_of_cells_and_outputs_stays_text(lab: Lab, page: Page, project: Path) -> None:
    """In badges, findings, panel, module, data flow: shown as it is written, and nothing runs."""
    path = project / "notebooks" / "train.ipynb"
    document = nbformat.read(path, 4)
    hurt = "<img src=x onerror='window.hurt = 1'><script>window.hurt = 1</script>"
    quoted = json.dumps(hurt)
    hostile = nbformat.v4.new_code_cell(f"label = {quoted}\nprint({quoted})  # {hurt}")
    hostile.metadata["tags"] = ["nbprod:lib", f"nbprod:{hurt}"]
    hostile.outputs = [
        nbformat.v4.new_output("display_data", {"text/html": hurt, "text/plain": hurt}),
        nbformat.v4.new_output("error", ename=hurt, evalue=hurt, traceback=[hurt]),
    ]
    document.cells[:0] = [nbformat.v4.new_markdown_cell(hurt), hostile]
    nbformat.write(document, path)
    settings = project / "nbprod.toml"
    settings.write_text(
        re.sub(r"(?m)^(owner|decision) *=.*$", lambda m: f"{m[1]} = {quoted}", settings.read_text())
    )
    open_lab(page, lab, f"{project.name}/notebooks/train.ipynb")
    command(page, "nbprod:open-road")
    expect(page.locator(".jp-nbprod-road")).to_contain_text(hurt)
    command(page, "nbprod:open-module")
    expect(page.locator(".jp-nbprod-module")).to_contain_text("onerror")
    command(page, "nbprod:open-flow")
    expect(page.locator(".jp-nbprod-flow")).to_contain_text("onerror")
    assert page.locator(".jp-nbprod-view img, .jp-nbprod-view script").count() == 0
    assert page.evaluate("window.hurt") is None


def test_the_data_flow_and_the_module_are_shown_as_they_would_be_now(
    lab: Lab, page: Page, project: Path
) -> None:
    """Both follow the text and lead to its cells; the module shows what would change on the disk."""
    open_lab(page, lab, f"{project.name}/notebooks/train.ipynb")
    command(page, "nbprod:open-flow")
    fit = page.locator(".jp-nbprod-flow button").filter(has_text="fit")
    expect(fit.first).to_have_attribute("aria-label", re.compile("reads .*train"))
    fit.first.click()
    expect(page.locator(".jp-Notebook .jp-mod-active .jp-nbprod-badge")).to_have_text("fit")

    command(page, "nbprod:open-module")
    module = page.locator(".jp-nbprod-module")
    choice = module.get_by_label("File")
    expect(choice).to_contain_text("parameters.py (differs)")
    choice.select_option("parameters.py")
    line = module.get_by_role("button").filter(has_text="max_iter").first
    line.click()
    active = page.locator(".jp-Notebook .jp-mod-active")
    expect(active.locator(".jp-nbprod-badge")).to_have_text("parameters")

    page.keyboard.press("Control+End")
    page.keyboard.type("\nextra_rounds = 7")
    expect(module).to_contain_text("extra_rounds")
    choice.select_option(label="What would change on the disk")
    expect(
        module.locator("[data-change=added]").filter(has_text="extra_rounds").first
    ).to_be_visible()
