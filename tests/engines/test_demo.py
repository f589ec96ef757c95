"""`nbprod demo`: the whole road on real flights, run once, and what it leaves behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from command import nbprod
from running import command_line

from nbprod.engine import free_port, processes

pytestmark = [pytest.mark.engine, pytest.mark.timeout(1200)]
ROOT = Path(__file__).parents[2]
MARKER = "NBPROD_TEST_DEMO"


def _left(value: str) -> list[str]:
    """Processes that a test's own marker still finds, with some time to end."""
    deadline = time.monotonic() + 20
    while (found := processes(MARKER, value)) and time.monotonic() < deadline:
        time.sleep(0.2)
    return [command_line(process)[:120] for process in found]


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One whole demo, and its record."""
    folder = tmp_path_factory.mktemp("demo") / "road"
    log = folder.with_suffix(".log")
    with log.open("w") as progress:
        done = subprocess.run(
            [sys.executable, "-m", "nbprod", "demo", "--folder", str(folder), "--json"],
            env={**os.environ, MARKER: "whole", "NO_COLOR": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=progress,
            text=True,
            timeout=1100,
            check=False,
        )
    assert done.returncode == 0, done.stdout[-3000:] + log.read_text()[-4000:]
    return {"folder": folder, "record": json.loads(done.stdout), "progress": log.read_text()}


def test_every_promise_of_the_demo_holds(demo: dict[str, Any]) -> None:
    """No request failed in promotion and rollback, no acknowledged prediction is missing."""
    record = demo["record"]
    assert record["passed"], record["findings"]
    assert record["failed_requests"] == 0
    assert record["missing_from_log"] == 0
    assert record["late_answers"] == 0
    assert record["acknowledged"] >= 3000
    assert record["acknowledged"] == 8 * (record["requests"] - record["failed_at_kill"])
    assert 0 < record["rollback_ms"] < 1000
    broken = json.loads((ROOT / "recipes" / "flights" / "broken.json").read_text())
    assert record["refused_rows"] == len(broken)


def test_every_stage_of_the_road_is_in_the_timeline(demo: dict[str, Any]) -> None:
    """In order, each with its time and its result."""
    steps = [step["name"] for step in demo["record"]["steps"]]
    first = ["init", "inspect", "extract", "contract", "parity", "train 1", "gate 1", "approve 1"]
    then = ["release 1", "deploy", "broken rows", "train 2", "gate 2", "approve 2", "release 2"]
    last = ["kill -9", "bad canary", "canary", "promote", "rollback", "outcomes", "monitor", "why"]
    assert steps == [*first, *then, *last, "prediction log", "undeploy"]
    assert all(step["result"] for step in demo["record"]["steps"])


def test_the_terminal_shows_the_road_and_nothing_else(demo: dict[str, Any]) -> None:
    """Ray's client tells of the killed replica at length; that belongs into the engine's log."""
    strange = [line for line in demo["progress"].splitlines() if not line.startswith("  ")]
    assert strange == []


def test_nothing_runs_after_the_demo(demo: dict[str, Any]) -> None:
    """Every child carried a marker in its environment; none is left."""
    assert _left("whole") == []


def test_the_drift_of_the_later_months_is_seen(demo: dict[str, Any]) -> None:
    """Winter is colder than the months that trained: monitoring says so, and about what."""
    folder = demo["folder"]
    health = json.loads(sorted((folder / ".nbprod" / "health").glob("*.json"))[-1].read_text())
    columns = [c for report in health["record"]["drift"] for c in report["columns"]]
    drifted = {c["column"].rpartition(".")[2] for c in columns if c["drifted"]}
    expected = json.loads((ROOT / "recipes" / "flights" / "expected.json").read_text())["drift"]
    assert set(expected["drifted"]) <= drifted
    assert not set(expected["stable"]) & drifted
    assert health["record"]["labelled"] > 1000


def test_the_report_opens_offline_without_a_request_or_an_error(
    demo: dict[str, Any], tmp_path: Path
) -> None:
    """One self-contained page: nothing is fetched, the console stays silent."""
    from browser import chromium
    from playwright.sync_api import sync_playwright

    requests, messages = [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**chromium())
        context = browser.new_context(offline=True)
        page = context.new_page()
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: messages.append(message.text))
        page.on("pageerror", lambda error: messages.append(str(error)))
        page.goto(Path(demo["record"]["report"]).as_uri())
        text = page.inner_text("body")
        assert page.locator("svg").count() >= 4
        page.screenshot(path=tmp_path / "report.png", full_page=True)
        browser.close()
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
    assert messages == []
    for word in ("flight-delay", "rollback", "parity", "canary"):
        assert word in text.lower()
    assert str(demo["folder"]) not in text  # a page that is passed on tells of no machine


def test_the_readme_shows_what_the_demo_prints(demo: dict[str, Any]) -> None:
    """The block in the README has the shape of the real output: the same steps and counts."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.search(r"<!-- demo:begin -->\s*```text\n(.*?)```\s*<!-- demo:end -->", readme, re.S)
    assert block, "README.md has no demo block"
    shown = nbprod_show(demo["record"])
    assert _shape(block[1]) == _shape(shown)


def nbprod_show(record: dict[str, Any]) -> str:
    """A record as the command prints it."""
    import io

    from rich.console import Console

    from nbprod.records import Demonstration
    from nbprod.reporting import terminal

    console = Console(file=io.StringIO(), width=110, highlight=False)
    terminal.show(Demonstration.from_json(record), console)
    return console.file.getvalue()


def _shape(text: str) -> list[str]:
    """The first word of every row: numbers, paths and where a long cell wraps differ."""
    rows = (line for line in text.splitlines() if line.strip() and not line.startswith(" "))
    return [re.sub(r"[\d.,:%]+", "#", line.split()[0]).strip("─") for line in rows]


def test_deploy_predict_and_why_by_hand(demo: dict[str, Any]) -> None:
    """After `nbprod deploy`, one POST gives release and prediction id, and `why` explains it."""
    folder, port = demo["folder"], free_port()
    deployed = nbprod("deploy", "1", "--port", str(port), "--json", cwd=folder)
    assert deployed.code == 0, deployed.err
    try:
        url = deployed.record["url"]
        example = json.loads((ROOT / "recipes" / "flights" / "expected.json").read_text())[
            "example"
        ]
        body = json.dumps({"instances": [example["instance"]], "request_id": "mine"}).encode()
        request = urllib.request.Request(
            f"{url}/predict", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            answer = json.load(response)
        low, high = example["late"]
        assert low <= answer["predictions"][0] <= high
        assert (answer["release"], answer["role"], answer["degraded"]) == ("1", "champion", False)
        assert answer["request_id"] == "mine"
        (prediction_id,) = answer["prediction_ids"]
        why = nbprod("why", prediction_id, "--json", cwd=folder)
        assert why.code == 0, why.err
        story = why.record
        assert story["extraction"]["version"] == story["run"]["candidate"]["module_version"]
        assert story["run"]["snapshot"]["digest"]
        assert story["gate"]["verdict"] == "passed"
        assert story["prediction"]["inputs"]["tailnum"] == "[redacted]"
        assert set(story["prediction"]["features"]) >= {"dep_delay", "plane_age"}
        assert story["prediction"]["output"] == pytest.approx(answer["predictions"][0])
        assert nbprod("rollback", cwd=folder).code in (1, 3)  # there is no previous release
        assert nbprod("status", "--json", cwd=folder).record["traffic"]["roles"] == {"champion": 1}
    finally:
        assert nbprod("undeploy", cwd=folder).code == 0


@pytest.mark.parametrize(
    ("step", "how"),
    [
        ("deploy", "raise"),
        ("broken rows", "interrupt"),
    ],  # the later steps, which take longer to come to: tests/soak/test_demo_faults.py
)
def test_a_fault_at_a_step_leaves_no_process(
    demo: dict[str, Any], tmp_path: Path, step: str, how: str
) -> None:
    """Also when a stage fails, and on Ctrl-C: what was started is ended."""
    marker = f"{step}-{how}"
    done = subprocess.run(
        [
            *(sys.executable, str(Path(__file__).with_name("demo_fault.py"))),
            *(str(demo["folder"]), str(tmp_path / "road"), step, how),
        ],
        env={**os.environ, MARKER: marker},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 7, done.stdout[-2000:] + done.stderr[-2000:]
    assert _left(marker) == []


def test_ctrl_c_while_training_leaves_no_process(tmp_path: Path) -> None:
    """The child that runs the notebook's code ends with its parent, and nothing is half-written."""
    folder = tmp_path / "road"
    process = subprocess.Popen(
        [sys.executable, "-m", "nbprod", "demo", "--folder", str(folder)],
        env={**os.environ, MARKER: "ctrl-c", "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    for line in process.stderr:
        if (
            "training on" in line
            and "train 1" not in line
            and (folder / ".nbprod" / "parity").exists()
        ):
            break
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert _left("ctrl-c") == []
    assert not list((folder / ".nbprod").glob("runs/*"))
