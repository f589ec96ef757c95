"""Lines that only a notebook runs: dropped or translated, each with a finding; never confused."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest

from nbprod.errors import ExtractionError
from nbprod.extraction import inspect_notebook

LOAD = ("data", "import pandas as pd\nframe = pd.read_parquet('flights.parquet')")
TRAIN = ("train", "y = frame['late']\nmodel = float((y - X['miles']).mean())")


def body(text: str, function: str) -> str:
    """The statements of a function in generated code, without its docstring."""
    defined = next(n for n in ast.parse(text).body if getattr(n, "name", "") == function)
    lines = text.split("\n")[defined.body[1].lineno - 1 : defined.end_lineno]
    return "\n".join(line.removeprefix("    ") for line in lines)


# name: (features cell, what transform() holds, (rule, line, a word of the message) of each finding)
CARRIED = {
    "time_keeps_its_body": (
        "%%time\nX = frame[['distance']].rename(columns={'distance': 'miles'})",
        "X = frame[['distance']].rename(columns={'distance': 'miles'})\nreturn X",
        [("NBX008", 1, "%%time")],
    ),
    "capture_within_time": (
        "%%time\n%%capture out\nX = frame[['distance']].copy()\nX['miles'] = X['distance'] % 7",
        "X = frame[['distance']].copy()\nX['miles'] = X['distance'] % 7\nreturn X",
        [("NBX008", 1, "%%time"), ("NBX008", 2, "%%capture out")],
    ),
    "timed_assignment": (
        "%time X = frame[['distance']]\nX = X.rename(columns={'distance': 'miles'})",
        "X = frame[['distance']]\nX = X.rename(columns={'distance': 'miles'})\nreturn X",
        [("NBX008", 1, "%time")],
    ),
    "timeit_goes": (
        "X = frame[['distance']].set_axis(['miles'], axis=1)\n%timeit X.mean()",
        "X = frame[['distance']].set_axis(['miles'], axis=1)\nreturn X",
        [("NBX008", 2, "%timeit")],
    ),
    "modulo_is_no_magic": (
        "miles = frame['distance'] \\\n    % 7\nX = pd.DataFrame({'miles': miles})\n!ls",
        "miles = frame['distance'] \\\n% 7\nX = pd.DataFrame({'miles': miles})\nreturn X",
        [("NBX008", 4, "!ls")],
    ),
    "magics_in_a_string": (
        'help_text = """\n%matplotlib inline\n!rm -rf\nfoo?\n"""\n%matplotlib inline\n'
        "X = frame[['distance']].set_axis(['miles'], axis=1) + len(help_text)",
        'help_text = """\n%matplotlib inline\n!rm -rf\nfoo?\n"""\n'
        "X = frame[['distance']].set_axis(['miles'], axis=1) + len(help_text)\nreturn X",
        [("NBX008", 6, "%matplotlib")],
    ),
    "help_and_shell": (
        "frame.head?\n??frame\n!wget -q https://example.org/a.csv\n"
        "X = frame[['distance']].set_axis(['miles'], axis=1)",
        "X = frame[['distance']].set_axis(['miles'], axis=1)\nreturn X",
        [("NBX008", 1, "head?"), ("NBX008", 2, "??frame"), ("NBX008", 3, "changes files")],
    ),
    "shown_and_plotted": (
        "import matplotlib.pyplot as plt\nX = frame[['distance']].set_axis(['miles'], axis=1)\n"
        "display(X)\nX.head()\nX\nX['miles'].plot(kind='hist')\nplt.title('miles')\nplt.show()\n"
        "fig, ax = plt.subplots()\nX.hist(ax=ax)\nprint(X.shape)",
        "X = frame[['distance']].set_axis(['miles'], axis=1)\nreturn X",
        [("NBX009", line, "only shows") for line in range(3, 12)],
    ),
    "widgets_become_a_plain_bar": (
        "from tqdm.notebook import tqdm\nX = frame[['distance']].set_axis(['miles'], axis=1)\n"
        "for column in tqdm(['miles']):\n    X[column] = X[column] * 2",
        "X = frame[['distance']].set_axis(['miles'], axis=1)\n"
        "for column in tqdm(['miles']):\n    X[column] = X[column] * 2\nreturn X",
        [("NBX011", 1, "plain bar")],
    ),
    "autoreload_and_installs": (
        "%load_ext autoreload\n%autoreload 2\n%pip install -q pandas==2.3 numpy\n"
        "X = frame[['distance']].set_axis(['miles'], axis=1)",
        "X = frame[['distance']].set_axis(['miles'], axis=1)\nreturn X",
        [("NBX008", 1, "load_ext"), ("NBX008", 2, "autoreload"), ("NBX008", 3, "installs")],
    ),
    "environment_and_folder": (
        "%env SCALE=2\n%cd ..\nX = frame[['distance']].set_axis(['miles'], axis=1)",
        "X = frame[['distance']].set_axis(['miles'], axis=1)\nreturn X",
        [("NBX008", 1, "without SCALE"), ("NBX008", 2, "project's folder")],
    ),
    "exported_magic_calls": (
        "get_ipython().run_line_magic('matplotlib', 'inline')\n"
        "X = frame[['distance']].set_axis(['miles'], axis=1)",
        "X = frame[['distance']].set_axis(['miles'], axis=1)\nreturn X",
        [("NBX008", 1, "get_ipython")],
    ),
    "in_a_branch": (
        "if len(frame) > 3:\n    %matplotlib inline\nX = frame[['distance']]\n"
        "X = X.set_axis(['miles'], axis=1)",
        "X = frame[['distance']]\nX = X.set_axis(['miles'], axis=1)\nreturn X",
        [("NBX008", 2, "%matplotlib"), ("NBX009", 1, "only shows")],
    ),
}


@pytest.mark.parametrize("name", CARRIED)
def test_what_only_a_notebook_runs_is_dropped(
    carry: Callable[..., object], data_uri: str, name: str
) -> None:
    """The transform holds the Python and nothing else; each line left out has its finding."""
    cell, expected, findings = CARRIED[name]
    carried = carry([LOAD, ("features", cell), TRAIN])
    assert body(carried.text("features.py"), "transform") == expected
    told = [f for f in carried.record.findings if f.cell_id == "c2" and f.code != "NBX010"]
    assert [(f.code, f.line) for f in told] == [(code, line) for code, line, _ in findings]
    for finding, (_, _, word) in zip(told, findings, strict=True):
        assert word in finding.message
    assert not {"NBX001", "NBX027"} & {f.code for f in inspect_notebook(carried.notebook).findings}
    module = carried.run_module()
    assert list(module["features"]) == list(module["holdout_features"])


def test_tqdm_is_imported_without_widgets(carry: Callable[..., object], data_uri: str) -> None:
    """Whatever the notebook calls its progress bar, the module's writes plain text."""
    cell = CARRIED["widgets_become_a_plain_bar"][0]
    assert "from tqdm import tqdm\n" in carry([LOAD, ("features", cell), TRAIN]).text("features.py")
    cell = cell.replace("from tqdm.notebook import tqdm", "from tqdm import tqdm_notebook as tqdm")
    assert "from tqdm import tqdm\n" in carry([LOAD, ("features", cell), TRAIN]).text("features.py")


# name: (the cells before training, the cell that is named, its line, words of the message)
REFUSED = {
    "run_another_notebook": (
        [LOAD, ("features", "X = frame[['distance']]\n%run other.ipynb")],
        ("c2", 2, "runs another file"),
    ),
    "pylab": ([("data", "%pylab inline"), LOAD], ("c1", 1, "nobody can see")),
    "shell_output": (
        [("data", "files = !ls *.csv"), LOAD, ("features", "X = frame[[files[0]]]")],
        ("c3", 1, "`files = !ls *.csv` in cell c1"),
    ),
    "run_in_an_untagged_cell": (
        [("", "%run setup.py"), LOAD, ("features", "X = prepared(frame)")],
        ("c3", 1, "perhaps it comes from `%run setup.py`"),
    ),
    "captured_output": (
        [LOAD, ("", "%%capture shown\nprint(1)"), ("features", "X = frame[[shown.stdout]]")],
        ("c3", 1, "`%%capture shown`"),
    ),
    "display_as_a_value": (
        [LOAD, ("features", "X = display(frame, display_id=True)")],
        ("c2", 1, "belongs to a notebook"),
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_told_is_refused(carry: Callable[..., object], name: str) -> None:
    """Where a module would compute something else, the cell, the line and a fix are named."""
    cells, (cell, line, words) = REFUSED[name]
    with pytest.raises(ExtractionError, match=re.escape(words)) as raised:
        carry([*cells, TRAIN])
    assert (raised.value.cell_id, raised.value.line) == (cell, line)
    assert raised.value.hint


def test_names_that_commands_give_are_no_false_alarm(tmp_path: Path) -> None:
    """An untagged cell may use what a shell line left, and IPython's own history."""
    cells = [("", "files = !ls"), ("", "%%capture out\nprint(1)"), ("", "%store -r table")]
    cells += [("", "len(files), out.stdout, table, _12, _i3, Out[1], _ih"), LOAD]
    notebook = nbformat.v4.new_notebook()
    for role, source in cells:
        tags = {"tags": [f"nbprod:{role}"]} if role else {}
        notebook.cells.append(nbformat.v4.new_code_cell(source, metadata=tags))
    path = tmp_path / "n.ipynb"
    nbformat.write(notebook, path)
    assert [f.code for f in inspect_notebook(path).findings] == ["NBX016"] * 2
