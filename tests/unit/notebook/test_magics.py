"""IPython's own syntax becomes plain Python with every line in its place."""

from __future__ import annotations

import ast

import pytest

from nbprod.notebook.magics import names_bound, plain_source


@pytest.mark.parametrize(
    ("source", "plain", "dropped"),
    [
        ("x = 1 % 2\ny = 'a!b?'", "x = 1 % 2\ny = 'a!b?'", []),
        ("%matplotlib inline\nx = 1", "pass\nx = 1", [1]),
        ("!ls\nz = !ls -l\nx = 1", "pass\npass\nx = 1", [1, 2]),
        ("df.head?\n??df\nx = 1", "pass\npass\nx = 1", [1, 2]),
        ("%time model.fit(X)\ny = %time f(x)", "model.fit(X)\ny = f(x)", [1, 2]),
        ("%timeit f(x)\nx = 1", "pass\nx = 1", [1]),
        ("%%timeit\nx = 1", "\n", [1]),
        ("%%capture out\n%%time\nx = 1", "\n\nx = 1", [1, 2]),
        ("%%capture\n%%bash\nls (", "\n\n", [1, 2]),
        ("x = 7 %2\ny = x %x", "x = 7 %2\ny = x %x", []),
        ('x = """\n%time\n!ls\n"""', 'x = """\n%time\n!ls\n"""', []),
        ("for x in y:\n    %time f(x)", "for x in y:\n    f(x)", [2]),
        ("x = a \\\n  % b\n!ls", "x = a \\\n  % b\npass", [3]),
        ("%%time\nx = 1\n!ls", "\nx = 1\npass", [1, 3]),
        ("\n%%bash\nls\nx = (", "\n\n\n", [2]),
        ("if a:\n    !ls\n    b = 1", "if a:\n    pass\n    b = 1", [2]),
        ("s = '''\n%foo\n'''\n%bar", "s = '''\n%foo\n'''\npass", [4]),
        ("%run \\\n  a.py\nx = 1", "pass\n\nx = 1", [1]),
    ],
)
def test_magics(source: str, plain: str, dropped: list[int]) -> None:
    """What only IPython runs is dropped and told by its line; the Python stays on its own."""
    found = plain_source(source)
    assert found.source == plain
    assert [line for line, _ in found.dropped] == dropped
    assert found.source.count("\n") == source.count("\n")
    ast.parse(found.source)


@pytest.mark.parametrize(
    "source",
    ["if x:\n    a = 1\n  b = 2", "  %time f()\n x", "'" * 3 + "\n", "x = (\n%ls"],
)
def test_what_cannot_even_be_tokenized_stays(source: str) -> None:
    """Bad indentation, a text or a bracket that is not closed: the cell's own error, not ours."""
    assert plain_source(source).tree is None
    assert plain_source(source).source.count("\n") == source.count("\n")


def test_plain_mistakes_stay() -> None:
    """What is neither Python nor IPython is left for the error message."""
    assert plain_source("x = (1").source == "x = (1"


@pytest.mark.parametrize(
    ("command", "names"),
    [
        ("files = !ls", ("files",)),
        ("a, b = %magic", ("a", "b")),
        ("%%capture --no-stderr out", ("out",)),
        ("%%capture", ()),
        ("%%bash --out text --no-raise-error\nls", ("text",)),
        ("%%sql rows << select 1", ("rows",)),
        ("%store -r table", ("table",)),
        ("!ls", ()),
        ("%time x = 1", ()),
    ],
)
def test_names_that_a_command_gives(command: str, names: tuple[str, ...]) -> None:
    """What IPython's line leaves in the notebook is known by name where the line says it."""
    assert names_bound(command) == names
