"""Notebooks really run by papermill, each in its own kernel."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path

import nbformat
import psutil
import pytest

from nbprod.errors import ConfigError, ExecutionError, NotebookError
from nbprod.notebook.execution import execute_notebook


def notebook(path: Path, *cells: str | tuple[str, str]) -> Path:
    """Write a notebook; a cell is its source, or (source, tag)."""
    node = nbformat.v4.new_notebook()
    for number, cell in enumerate(cells):
        source, tags = (cell, []) if isinstance(cell, str) else (cell[0], [cell[1]])
        made = nbformat.v4.new_code_cell(source, id=f"c{number}")
        made.metadata["tags"] = tags
        node.cells.append(made)
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(node, path)
    return path


def stdout(path: Path) -> str:
    node = nbformat.read(path, as_version=4)
    return "".join(o.text for c in node.cells for o in c.get("outputs", []) if "text" in o)


@pytest.fixture(scope="module")
def good_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, list[tuple[str, float]]]:
    folder = tmp_path_factory.mktemp("good {run}")
    book = notebook(
        folder / "book.ipynb",
        ("alpha = 1.0\nname: str = 'x'", "parameters"),
        "import os, sys\n"
        "print(alpha, name, sys.executable, os.getcwd(), bool(os.environ['TOKEN']))",
        "open(os.environ['OUT'], 'w').write(os.environ['IPYTHONDIR'])",
    )
    told: list[tuple[str, float]] = []
    execute_notebook(
        book,
        folder / "out" / "book.ipynb",
        parameters={"alpha": 2.5, "name": Path("a/b")},
        cwd=folder,
        environ={"TOKEN": "s3cret-value", "OUT": str(folder / "side")},
        progress=lambda message, fraction: told.append((message, fraction or 0.0)),
    )
    return folder, stdout(folder / "out" / "book.ipynb"), told


def test_parameters_folder_and_interpreter_reach_the_kernel(good_run) -> None:
    """The kernel is this interpreter, in the folder named, with the parameters given."""
    folder, text, _ = good_run
    assert text.strip() == f"2.5 a/b {sys.executable} {folder} True"


def test_environment_stays_out_of_the_output(good_run) -> None:
    """A value of the extra environment is not written into the executed notebook."""
    folder, _, _ = good_run
    assert "s3cret-value" not in (folder / "out" / "book.ipynb").read_text()


def test_progress_tells_every_cell(good_run) -> None:
    """The callback hears every code cell, with a fraction that never falls."""
    _, _, told = good_run
    assert len(told) == 5  # three cells, the injected one, the end
    fractions = [fraction for _, fraction in told]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0


def test_own_ipython_folder_is_gone_afterwards(good_run) -> None:
    """The kernel used a private IPython folder, removed at the end."""
    folder, _, _ = good_run
    private = (folder / "side").read_text()
    assert "nbprod-kernel-" in private
    assert not Path(private).exists()


def test_unknown_parameter_is_refused_with_a_suggestion(tmp_path: Path) -> None:
    """A name the parameters cell does not assign is an error, not papermill's warning."""
    book = notebook(tmp_path / "b.ipynb", ("alpha, beta = 1, 2", "parameters"), "alpha")
    with pytest.raises(ConfigError) as caught:
        execute_notebook(book, tmp_path / "o.ipynb", parameters={"alpa": 1}, cwd=tmp_path)
    assert "did you mean 'alpha'" in caught.value.hint
    assert not (tmp_path / "o.ipynb").exists()


def test_parameters_need_a_parameters_cell(tmp_path: Path) -> None:
    """Parameters for a notebook that takes none are refused."""
    book = notebook(tmp_path / "b.ipynb", "alpha = 1")
    with pytest.raises(ConfigError, match="no cell is tagged `parameters`"):
        execute_notebook(book, tmp_path / "o.ipynb", parameters={"alpha": 1}, cwd=tmp_path)


def test_a_missing_notebook_is_refused(tmp_path: Path) -> None:
    """A file that is not there is a NotebookError."""
    with pytest.raises(NotebookError):
        execute_notebook(tmp_path / "no.ipynb", tmp_path / "o.ipynb", parameters={}, cwd=tmp_path)


def test_failure_names_cell_and_line_and_keeps_the_output(tmp_path: Path) -> None:
    """A cell that raises gives its id and line; what ran before stays in the executed copy."""
    book = notebook(
        tmp_path / "b.ipynb",
        ("a = 1", "parameters"),
        "print('before')",
        "def f():\n    return 1 / 0\n\nf()",
        "print('never')",
    )
    with pytest.raises(ExecutionError) as caught:
        execute_notebook(book, tmp_path / "o.ipynb", parameters={"a": 2}, cwd=tmp_path)
    assert (caught.value.cell_id, caught.value.line) == ("c2", 2)
    assert caught.value.details["reason"] == "raised"
    assert "ZeroDivisionError" in caught.value.message
    assert "cell 3" in caught.value.message
    assert "before" in stdout(tmp_path / "o.ipynb")
    assert "never" not in stdout(tmp_path / "o.ipynb")


def test_timeout_ends_the_kernel_and_its_children(tmp_path: Path) -> None:
    """A notebook that hangs is stopped in time, and no process of it remains."""
    book = notebook(
        tmp_path / "b.ipynb",
        "import os, subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "open('pids', 'w').write(f'{os.getpid()} {child.pid}')",
        "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\ntime.sleep(600)",
    )
    started = time.monotonic()
    with pytest.raises(ExecutionError) as caught:
        execute_notebook(book, tmp_path / "o.ipynb", parameters={}, cwd=tmp_path, timeout_s=6)
    assert time.monotonic() - started < 30
    assert (caught.value.details["reason"], caught.value.cell_id) == ("timeout", "c1")
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    _, alive = psutil.wait_procs(
        [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)], timeout=10
    )
    assert not alive
    assert "stopped after 6 s" in (tmp_path / "o.ipynb").read_text()


def test_a_killed_kernel_is_an_error_of_its_own(tmp_path: Path) -> None:
    """A kernel that dies is told apart from a cell that raises."""
    book = notebook(tmp_path / "b.ipynb", "1", "import os\nos.kill(os.getpid(), 9)")
    with pytest.raises(ExecutionError) as caught:
        execute_notebook(book, tmp_path / "o.ipynb", parameters={}, cwd=tmp_path)
    assert (caught.value.details["reason"], caught.value.cell_id) == ("died", "c1")


def test_text_notebooks_and_other_kernel_specs_run(tmp_path: Path) -> None:
    """A percent-format notebook that names a kernel nobody has runs in this interpreter."""
    book = tmp_path / "b.py"
    book.write_text(
        "# ---\n# jupyter:\n#   kernelspec:\n#     name: nowhere\n#     language: python\n"
        "#     display_name: Nowhere\n# ---\n\n"
        '# %% tags=["parameters"]\nx = 1\n\n# %%\nprint("x is", x)\n'
    )
    execute_notebook(book, tmp_path / "o.ipynb", parameters={"x": 7}, cwd=tmp_path)
    assert "x is 7" in stdout(tmp_path / "o.ipynb")


def test_two_notebooks_at_once_keep_their_folders(tmp_path: Path) -> None:
    """Executions in two threads neither share a working folder nor change the process's own."""
    here = os.getcwd()
    failures: list[BaseException] = []

    def run(name: str) -> None:
        folder = tmp_path / name
        book = notebook(folder / "b.ipynb", "import os\nprint(os.getcwd())")
        try:
            execute_notebook(book, folder / "o.ipynb", parameters={}, cwd=folder)
        except Exception as error:  # noqa: BLE001 - a thread's failure must reach the test
            failures.append(error)

    threads = [threading.Thread(target=run, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert not failures
    for name in ("one", "two"):
        assert stdout(tmp_path / name / "o.ipynb").strip() == str(tmp_path / name)
    assert os.getcwd() == here


def test_an_executed_notebook_can_be_executed_again(tmp_path: Path) -> None:
    """Cells papermill left in an output are not run a second time."""
    book = notebook(tmp_path / "b.ipynb", ("a = 1", "parameters"), "print('a', a)")
    execute_notebook(book, tmp_path / "o.ipynb", parameters={"a": 2}, cwd=tmp_path)
    execute_notebook(tmp_path / "o.ipynb", tmp_path / "p.ipynb", parameters={"a": 3}, cwd=tmp_path)
    node = json.loads((tmp_path / "p.ipynb").read_text())
    assert len(node["cells"]) == 3
    assert stdout(tmp_path / "p.ipynb").strip() == "a 3"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"rate": "fast"}, "'rate' is 'fast', a str"),
        ({"trees": 2.5}, "'trees' is 2.5, a float"),
        ({"trees": True}, "'trees' is True, a bool"),
        ({"name": 3}, "'name' is 3, a int"),
        ({"flag": 1}, "'flag' is 1, a int"),
        ({"names": "a"}, "'names' is 'a', a str"),
        ({"limits": []}, "'limits' is [], a list"),
        ({"given": "x"}, "'given' is 'x', a str"),
    ],
)
def test_a_value_of_another_type_is_refused_before_a_kernel_starts(
    tmp_path: Path, given: dict, says: str
) -> None:
    """The type is the annotation's, else the default's; nothing is written."""
    source = (
        "rate = 0.1\ntrees, name = 5, 'x'\nflag = False\nnames = ['a']\nlimits = {}\n"
        "given: float = None\nanything = None\ncomputed = 1 + len(name)\nmore: object = 3"
    )
    book = notebook(tmp_path / "book.ipynb", (source, "parameters"))
    with pytest.raises(ConfigError, match="parameter") as caught:
        execute_notebook(book, tmp_path / "out.ipynb", parameters=given, cwd=tmp_path)
    assert says in caught.value.message
    assert "its type in the notebook's parameters cell is" in caught.value.hint
    assert not (tmp_path / "out.ipynb").exists()


GITHUB = "ghp_" + "A1b2C3d4" * 4 + "E5f6"


@pytest.mark.parametrize("fails", [False, True], ids=["to the end", "stopped by an error"])
def test_secrets_are_masked_in_the_executed_copy(tmp_path: Path, fails: bool) -> None:
    """Parameters, environment, URLs and tokens: in sources, outputs, tracebacks and metadata."""
    book = notebook(
        tmp_path / "book.ipynb",
        ("api_key = 'none'\nurl = ''\nrate = 0.0", "parameters"),
        f"import os\ntoken = '{GITHUB}'\nprint(api_key, url, rate, os.environ['DB_PASSWORD'])",
        "import base64\n"
        "{'text/plain': 'x'}\n"
        "from IPython.display import display, HTML\n"
        "display(HTML(f'<b>{api_key}</b>'))",
        "raise RuntimeError(f'no luck with {api_key} at {url}')" if fails else "1 + 1",
    )
    given = {"api_key": "abc123xyz", "url": "postgresql://me:hunter42@host/db", "rate": 0.5}
    out = tmp_path / "kept" / "out.ipynb"

    def run() -> None:
        execute_notebook(
            book, out, parameters=given, cwd=tmp_path, environ={"DB_PASSWORD": "opensesame"}
        )

    if fails:
        with pytest.raises(ExecutionError, match="no luck with") as caught:
            run()
        assert "[masked]" in caught.value.message
        assert not [s for s in ("abc123xyz", "hunter42") if s in str(caught.value)]
    else:
        run()
    text = out.read_text()
    assert not [s for s in ("abc123xyz", "hunter42", "opensesame", GITHUB) if s in text]
    assert "postgresql://me:[masked]@host/db" in text
    assert "0.5" in text
    nbformat.validate(nbformat.read(out, as_version=4))
    assert [path.name for path in out.parent.iterdir()] == ["out.ipynb"]
