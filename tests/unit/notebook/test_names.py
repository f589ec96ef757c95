"""Names that code reads, binds and changes, by Python's own rules of scope."""

from __future__ import annotations

import ast
import symtable
from pathlib import Path

import pytest

from nbprod.notebook.names import Names, function_names, names_of


def names(source: str, functions: str = "", **modules: str) -> Names:
    defined = [n for n in ast.parse(functions).body if isinstance(n, ast.FunctionDef)]
    return names_of(ast.parse(source).body, functions=function_names(defined), modules=modules)


@pytest.mark.parametrize(
    ("source", "reads", "deferred", "binds"),
    [
        ("x = y + z", "y z", "", "x"),
        ("x = 1\ny = x", "", "", "x y"),
        ("x += 1", "x", "", "x"),
        ("if a:\n    x = 1\ny = x", "a x", "", "x y"),
        ("if a:\n    x = 1\nelse:\n    x = 2\ny = x", "a", "", "x y"),
        ("for i in rows:\n    t = i\nu = t", "rows t", "", "i t u"),
        ("for i in (a, b):\n    t = i\nu = t", "a b", "", "i t u"),
        ("while n:\n    n = n - 1", "n", "", "n"),
        ("[v for v in a if v in b]", "a b", "", ""),
        ("[(v := w) for w in a]\nv", "a v", "", "v"),
        ("{k: v for k, v in a.items() if (lambda q: q + k + r)(v)}", "a", "r", ""),
        ("f = lambda a, b=c: a + b + d", "c", "d", "f"),
        ("def f(a: T, *b, c=k, **e) -> R:\n    g = a + h\n    return g", "T k R", "h", "f"),
        ("def f():\n    return g()\ndef g():\n    return f()", "", "g f", "f g"),
        ("@deco\nclass A(B, metaclass=M):\n    k = 1\n    j = k + z\n    def m(self):\n        return k, o",
         "deco B M z", "k o", "A"),
        ("with open(p) as f, lock:\n    t = f.read()", "open p lock", "", "f t"),
        ("try:\n    x = a\nexcept E as e:\n    x = e\ny = x", "a E", "", "x e y"),
        ("try:\n    import q\nexcept ImportError:\n    q = None", "ImportError", "", "q"),
        ("import a.b, c as d\nfrom e import f as g", "", "", "a d g"),
        ("match p:\n    case {'k': v, **rest} if g:\n        t = v\n    case Q(w):\n        pass", "p g Q", "", "v rest t w"),
        ("print(f'{a:{w}} {b!r}')", "print a w b", "", ""),
        ("x: T = y", "T y", "", "x"),
        ("a, (b, *c) = d", "d", "", "a b c"),
        ("def f():\n    global n\n    n = 1", "", "", "f"),
        ("x = 1\ndel x\ny = x", "x", "", "x y"),
    ],
)  # fmt: skip
def test_reads_and_binds(source: str, reads: str, deferred: str, binds: str) -> None:
    """What is read from outside, now or when a function is called, and what is bound."""
    found = names(source)
    assert set(found.reads) == set(reads.split())
    assert set(found.deferred) - set(found.binds) == set(deferred.split()) - set(found.binds)
    assert set(found.binds) == set(binds.split())


@pytest.mark.parametrize(
    ("source", "mutates"),
    [
        ("x['a'] = 1", "x"),
        ("x.a.b[0].c = 1", "x"),
        ("x += 1", "x"),
        ("del x['a']", "x"),
        ("x.append(1)", "x"),
        ("y = x.pop('a')", "x"),
        ("x.sort_values('a', inplace=True)", "x"),
        ("y = x.sort_values('a', inplace=False)", ""),
        ("model.fit(X, y)", "model"),
        ("model = Model().fit(X, y)", ""),
        ("y = model.fit(X).predict(X)", "model"),
        ("x = a\nx['b'] = 1", "a"),
        ("x = a.copy()\nx['b'] = 1", ""),
        ("for f in (a, b):\n    f['x'] = 1", "a b"),
        ("for f in frames:\n    f['x'] = 1", "frames"),
        ("for n, f in {'a': a, 'b': b}.items():\n    f['x'] = 1", "a b"),
        ("x = a if c else b\nx['k'] = 1", "a b"),
        ("for i in r:\n    x['k'] = 1\n    x = a", "x a"),
        ("add(x)", "x"),
        ("y = add(x)\ny['k'] = 1", "x"),
        ("y = clean(x)\ny['k'] = 1", ""),
        ("via(1, rows=x)", "x"),
        ("x.pipe(add)", "x"),
        ("unknown(x, y.z)", "x"),
        ("y = unknown(x)", ""),
        ("np.random.shuffle(x)", "x"),
        ("np.random.seed(seed)", ""),
        ("print(x)\nx.head()\nx.plot.scatter(a, b)", ""),
        ("tensor.zero_()", "tensor"),
        ("[x.append(v) for v in a]", "x"),
    ],
)
def test_changes_in_place(source: str, mutates: str) -> None:
    """Objects that may be changed, by the names under which they came in."""
    functions = (
        "def add(f):\n    f['x'] = 1\n    return f\n"
        "def clean(f):\n    f = f.copy()\n    return add(f)\n"
        "def via(n, *, rows):\n    add(rows)\n"
    )
    assert set(names(source, functions, np="numpy").mutates) - {"add"} == set(mutates.split())


def test_lines_are_told() -> None:
    """A name comes with the first line that reads it."""
    assert names("a = 1\nb = (c +\n  d)").reads == {"c": 2, "d": 3}


def test_functions_through_each_other() -> None:
    """What a function does to its arguments is found through the functions that it calls."""
    found = function_names(
        n
        for n in ast.parse(
            "def a(x, n):\n    return b(x, n - 1) if n else x\ndef b(y, n):\n    y['k'] = n\n    return a(y, n)\n"
        ).body
        if isinstance(n, ast.FunctionDef)
    )
    assert found["a"].mutates == {"x"}
    assert found["b"].returns == {"y"}


def test_agrees_with_symtable() -> None:
    """On this repository's own modules the names bound at the top are those symtable knows."""
    for path in sorted((Path(__file__).parents[3] / "nbprod" / "notebook").glob("*.py")):
        source = path.read_text()
        table = symtable.symtable(source, path.name, "exec")
        bound = {
            symbol.get_name()
            for symbol in table.get_symbols()
            if symbol.is_assigned() or symbol.is_imported()
        }
        comprehended = {  # newer Pythons list these at the top, too
            symbol.get_name()
            for child in table.get_children()
            if child.get_name() in ("listcomp", "setcomp", "dictcomp", "genexpr")
            for symbol in child.get_symbols()
        }
        found = set(names_of(ast.parse(source).body).binds)
        assert bound - comprehended <= found <= bound
