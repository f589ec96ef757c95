"""Bad input: one message with the next step, the documented exit code, nothing half-written."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import nbformat
import pytest
from command import nbprod

from nbprod.engine import free_port

if TYPE_CHECKING:
    from pathlib import Path


def _files(folder: Path) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if "__pycache__" not in path.parts
    }


def _refused(result, code: int, *words: str) -> None:
    """One message, no traceback, a hint, the documented code."""
    assert result.code == code, result.out + result.err
    assert "Traceback" not in result.err
    assert "hint:" in result.err
    for word in words:
        assert word in result.err, result.err


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A fresh starter project."""
    folder = tmp_path / "project"
    assert nbprod("init", str(folder), cwd=tmp_path).code == 0
    return folder


def _edit_cell(project: Path, cell_id: str, source: str) -> None:
    path = project / "notebooks" / "train.ipynb"
    notebook = nbformat.read(path, as_version=4)
    next(cell for cell in notebook.cells if cell.id == cell_id).source = source
    nbformat.write(notebook, path)


def test_an_outcome_that_nothing_could_use(tmp_path: Path) -> None:
    """A text where numbers are judged, and a prediction that nobody made: said, not stored."""
    (tmp_path / "nbprod.toml").write_text(
        '[model]\nname = "homes"\nowner = "me@example.com"\ntask = "regression"\n'
        '[notebooks]\ntrain = "n.ipynb"\n[data]\nlabel = "price"\n'
    )
    _refused(nbprod("outcome", "p1", "much", cwd=tmp_path), 2, "'much'", "regression")
    _refused(nbprod("outcome", "p1", "3", cwd=tmp_path), 3, "p1 is not in the log")


def test_a_folder_without_a_project(tmp_path: Path) -> None:
    """Every verb names `nbprod init`."""
    for verb in ("extract", "parity", "train", "gate", "release", "deploy", "status", "monitor"):
        _refused(nbprod(verb, cwd=tmp_path), 2, "nbprod.toml", "nbprod init")
    assert _files(tmp_path) == set()


def test_a_project_without_a_module(project: Path) -> None:
    """Exit 3 and `nbprod extract`: it is missing, nothing was judged."""
    for verb in (["sync"], ["parity"], ["contract", "infer"], ["train"]):
        _refused(nbprod(*verb, cwd=project), 3, "no module was extracted", "nbprod extract")


def test_a_notebook_without_tags(project: Path) -> None:
    """The message says how to tag; no module is written."""
    path = project / "notebooks" / "train.ipynb"
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        cell.metadata.pop("tags", None)
    nbformat.write(notebook, path)
    _refused(nbprod("extract", cwd=project), 1, "nbprod tag")
    assert not (project / "strong_wine").exists()


def test_a_syntax_error_in_a_tagged_cell(project: Path) -> None:
    """Cell and line are named; the old module is left as it was."""
    assert nbprod("extract", cwd=project).code == 0
    before = {path: path.read_bytes() for path in (project / "strong_wine").rglob("*.py")}
    _edit_cell(project, "fit", "centre = 1\nspread = (2\n")
    _refused(nbprod("extract", cwd=project), 1, "error: cell 7", "cell 7 (fit), line 2")
    assert before == {path: path.read_bytes() for path in (project / "strong_wine").rglob("*.py")}


def test_a_syntax_error_in_an_untagged_cell_does_not_matter(project: Path) -> None:
    """What stays in the notebook is the notebook's business."""
    _edit_cell(project, "look", "wines.describe(\n")
    assert nbprod("extract", cwd=project).code == 0


def test_a_transform_that_reads_the_label(project: Path) -> None:
    """Parity names the leak, its cell and its column, although training itself cannot go on."""
    notebook = project / "notebooks" / "train.ipynb"
    text = notebook.read_text()
    leaking = text.replace("/ spread[name]", "/ spread[name] * frame['strong']")
    assert leaking != text
    notebook.write_text(leaking)
    assert nbprod("extract", cwd=project).code == 0
    parity = nbprod("parity", "--json", cwd=project)
    assert parity.code == 1, parity.err
    (found,) = [item for item in parity.record["findings"] if item["severity"] == "error"]
    assert (found["code"], found["column"]) == ("NBP011", "strong")
    assert "cell 8" in found["message"]
    _refused(nbprod("train", cwd=project), 1, "'strong'")


def test_a_missing_data_file(project: Path) -> None:
    """The user's own cell raised: its file is named, and no run remains."""
    _edit_cell(project, "load", 'wines = pd.read_csv("data/nowhere.csv")\n')
    assert nbprod("extract", cwd=project).code == 0
    _refused(nbprod("train", cwd=project), 1, "data/nowhere.csv")
    assert not list((project / ".nbprod").glob("runs/*"))


def test_a_data_set_that_is_not_there(walked: Path) -> None:
    """Exit 3: something is missing."""
    _refused(nbprod("contract", "check", "data/nowhere.parquet", cwd=walked), 3, "nowhere.parquet")


def test_a_gate_that_fails(copy: Path) -> None:
    """Exit 1 is the verdict; the record is kept, and no release is made of it."""
    text = (copy / "nbprod.toml").read_text().replace('auc = ">= 0.8"', 'auc = ">= 0.9999"')
    (copy / "nbprod.toml").write_text(text)
    assert nbprod("train", "-p", "regularisation", "0.9", cwd=copy).code == 0
    result = nbprod("gate", "--json", cwd=copy)
    assert result.code == 1, result.err
    assert result.record["verdict"] in ("failed", "inconclusive")
    report = copy / ".nbprod" / "gates" / result.record["id"] / "report.html"
    assert f"the report of it: {report}" in result.err
    assert report.is_file()
    assert "next:" not in result.err
    _refused(nbprod("release", cwd=copy), 1, "gate")
    assert len(list((copy / ".nbprod" / "releases").iterdir())) == 1


def test_an_unknown_parameter(walked: Path) -> None:
    """Exit 2 with "did you mean"; nothing was started."""
    before = _files(walked)
    _refused(nbprod("train", "-p", "regularization", "2", cwd=walked), 2, "regularisation")
    _refused(nbprod("train", "-p", "max_iter", "many", cwd=walked), 2, "max_iter")
    assert before == _files(walked)


def test_a_port_in_use(walked: Path) -> None:
    """The port is named before any engine is started."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        _refused(nbprod("deploy", "--port", str(port), cwd=walked), 3, str(port))
    assert not list((walked / ".nbprod").glob("deployments/*.json"))


def test_a_ray_that_does_not_start(copy: Path, tmp_path: Path) -> None:
    """Its last words are in the message; no engine, deployment or token is left."""
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "sitecustomize.py").write_text(
        "import os, sys\n"
        "if '--head' in sys.orig_argv:\n"
        "    print('no room for a cluster', flush=True)\n"
        "    os._exit(7)\n"
    )
    before = _files(copy / ".nbprod")
    result = nbprod(
        "deploy", "--port", str(free_port()), cwd=copy, environ={"PYTHONPATH": str(broken)}
    )
    _refused(result, 3, "no room for a cluster")
    left = {
        path for path in _files(copy / ".nbprod") - before if not path.endswith((".log", ".lock"))
    }
    assert not [path for path in left if (copy / ".nbprod" / path).is_file()], left


def test_wrong_arguments(project: Path, tmp_path: Path) -> None:
    """Exit 2, and what would have been right."""
    notebook = "notebooks/train.ipynb"
    _refused(nbprod("tag", notebook, "features", "feature", cwd=project), 2, "'feature'")
    _refused(nbprod("tag", notebook, "99", "features", cwd=project), 2, "1 to 11")
    for arguments in (
        ("parity", "--rows", "0"),
        ("predictions", "query", "--limit", "0"),
        ("deploy", "--percent", "10"),
        ("outcome",),
        ("train", "-p", "max_iter"),
    ):
        result = nbprod(*arguments, cwd=project)
        assert (result.code, "Traceback" in result.err) == (2, False), arguments
    lines = tmp_path / "outcomes.jsonl"
    lines.write_text('["one"]\n')
    result = nbprod("outcome", "--file", str(lines), "--name", "late", cwd=project)
    assert (result.code, "one JSON object a line" in result.err) == (2, True), result.err


def test_an_empty_log_says_so(project: Path) -> None:
    """An answer, not silence; an outcome may be a word, and one for what is not there is told."""
    result = nbprod("predictions", "query", cwd=project)
    assert (result.code, result.out.strip()) == (0, "nothing found")
    assert nbprod("predictions", "query", "--json", cwd=project).record == []
    word = nbprod("outcome", "01a20accc957797f6c457d0f", "late", "--json", cwd=project)
    assert word.code == 3, word.out + word.err
    assert "01a20accc957797f6c457d0f is not in the log" in word.record["error"]["message"]


def test_an_unknown_command_or_option(tmp_path: Path) -> None:
    """Exit 2, with "did you mean"."""
    result = nbprod("depoly", cwd=tmp_path)
    assert result.code == 2
    assert "'deploy'" in result.err
    assert nbprod("extract", "--chek", cwd=tmp_path).code == 2


def test_errors_are_data_too(tmp_path: Path) -> None:
    """With --json the error is on standard output, for scripts."""
    result = nbprod("train", "--json", cwd=tmp_path)
    assert result.code == 2
    assert result.record["error"]["type"] == "ConfigError"
    assert result.record["error"]["hint"]


def test_init_never_overwrites(project: Path) -> None:
    """A second init changes nothing."""
    before = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
    _refused(nbprod("init", ".", cwd=project), 2, "already")
    _refused(nbprod("init", "--recipe", "nope", "x", cwd=project), 2, "starter")
    assert before == {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}


def test_a_recipe_that_is_a_truncated_notebook(project: Path) -> None:
    """Not a notebook, or half a one: a clear error, exit 1."""
    path = project / "notebooks" / "train.ipynb"
    path.write_text(path.read_text()[:200])
    _refused(nbprod("extract", cwd=project), 1, "train.ipynb")
    path.write_text(json.dumps({"hello": 1}))
    _refused(nbprod("inspect", cwd=project), 1, "train.ipynb")
    path.unlink()
    for verb in (("inspect",), ("extract", "--check")):
        _refused(nbprod(*verb, cwd=project), 3, "train.ipynb")


def test_a_hundred_megabytes_of_outputs(project: Path) -> None:
    """Outputs are no part of the module: a huge notebook gives the very same one."""
    assert nbprod("extract", cwd=project).code == 0
    path = project / "notebooks" / "train.ipynb"
    notebook = json.loads(path.read_text())
    cell = next(cell for cell in notebook["cells"] if cell["cell_type"] == "code")
    data = {"image/png": "iVBORw0KGgo" * 9_500_000}
    cell["outputs"] = [{"output_type": "display_data", "data": data, "metadata": {}}]
    path.write_text(json.dumps(notebook))
    assert path.stat().st_size > 100_000_000
    assert nbprod("extract", "--check", cwd=project).code == 0


def test_two_extractions_at_once(project: Path) -> None:
    """Both end well, or one says that the other was there; the module is whole."""
    arguments = [sys.executable, "-m", "nbprod", "extract", "--json"]
    for _ in range(2):
        both = [
            subprocess.Popen(
                arguments, cwd=project, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
            for _ in range(2)
        ]
        told = [process.communicate(timeout=300) for process in both]
        assert [process.returncode for process in both] == [0, 0], told
        _edit_cell(project, "load", 'wines = pd.read_csv("data/others.csv")\n')
    assert nbprod("extract", "--check", cwd=project).code == 0
    assert [name for name in _files(project / "strong_wine") if ".nbprod-" in name] == []


@pytest.mark.skipif(sys.platform != "linux", reason="such disks are made with Linux mounts")
def test_a_module_on_a_full_or_read_only_disk(project: Path, tmp_path: Path) -> None:
    """One message each; every file of the old module is as it was, nothing lies beside it."""
    assert nbprod("extract", cwd=project).code == 0
    _edit_cell(project, "load", f"# {'x' * 70_000}\nwines = pd.read_csv('data/others.csv')\n")
    disk, before = tmp_path / "disk", tmp_path / "before"
    disk.mkdir()
    shutil.copytree(project / "strong_wine", before)
    extract = f"{sys.executable} -B -m nbprod extract; echo code=$?"
    same = f"diff -r {before} strong_wine && echo same"
    script = (
        f"mount -t tmpfs -o size=3m tmpfs {disk} && cp -r {project}/. {disk} && cd {disk} && "
        f"{{ head -c 3m /dev/zero >filling 2>/dev/null; {extract}; {same}; rm filling; "
        f"mount -o remount,ro {disk} && {extract}; {same}; }}"
    )
    done = subprocess.run(
        ["unshare", "--map-root-user", "--mount", "sh", "-c", script],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.stdout.split() == ["code=3", "same", "code=3", "same"], done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "No space left on device" in done.stderr
    assert "Read-only file system" in done.stderr
    assert done.stderr.count("hint:") == 2


@pytest.mark.skipif(sys.platform != "linux", reason="a full disk is made with a Linux mount")
def test_no_disk_space_in_the_project_folder(walked: Path, tmp_path: Path) -> None:
    """One message; no half-written run, module or record remains."""
    disk = tmp_path / "disk"
    disk.mkdir()
    shutil.copytree(walked, tmp_path / "source", ignore=shutil.ignore_patterns(".nbprod"))
    # a private mount that ends with the process; 1 MB is too little for a run
    script = (
        f"mount -t tmpfs -o size=1m tmpfs {disk} && cp -r {tmp_path}/source/. {disk} "
        f"&& cd {disk} && "
        f"{sys.executable} -m nbprod train; echo code=$?; find {disk}/.nbprod -type f | sort; "
        f"find {disk}/.nbprod/runs -mindepth 1"
    )
    done = subprocess.run(
        ["unshare", "--map-root-user", "--mount", "sh", "-c", script],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert "code=3" in done.stdout or "code=1" in done.stdout, done.stdout + done.stderr
    assert "No space left" in done.stderr or "disk is full" in done.stderr
    assert "Traceback" not in done.stderr
    assert "/runs/" not in done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="a full disk is made with a Linux mount")
def test_no_disk_space_for_a_release(walked: Path, tmp_path: Path) -> None:
    """Neither a release nor a deployment is begun by halves, and a notebook stays as it was."""
    source, disk = tmp_path / "source", tmp_path / "disk"
    disk.mkdir()
    shutil.copytree(walked, source)
    before = _files(source)
    python = f"{sys.executable} -m nbprod"
    script = (
        f"mount -t tmpfs -o size=16m tmpfs {disk} && cp -r {source}/. {disk} && cd {disk} && "
        "mv .nbprod/releases/1 kept && "
        "{ head -c 16m /dev/zero >filling 2>/dev/null; "
        f"{python} release; echo code=$?; {python} tag notebooks/train.ipynb fit lib; "
        "echo code=$?; mv kept .nbprod/releases/1; "
        f"{python} deploy --port {free_port()}; echo code=$?; find . -type f; "
        f"cmp notebooks/train.ipynb {source}/notebooks/train.ipynb && echo same; }}"
    )
    done = subprocess.run(
        ["unshare", "--map-root-user", "--mount", "sh", "-c", script],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    told = done.stdout.split()
    assert told[:3] == ["code=3"] * 3, done.stdout + done.stderr
    assert told[-1] == "same"
    assert "Traceback" not in done.stderr
    assert done.stderr.count("No space left on device") == 3, done.stderr
    new = {name.removeprefix("./") for name in told[3:-1]} - before - {"filling"}
    assert [name for name in new if "__pycache__" not in name and not name.endswith(".lock")] == []
