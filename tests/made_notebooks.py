"""Made-up notebooks in many ways of writing, for hypothesis to draw.

A notebook is put together of steps: what a step learns from training rows, what it needs in the
library, and what it does to a frame of rows. The steps are then written down in one of several
styles, in one cell a role or in many, with cells between them that stay in the notebook.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

Cells = tuple[tuple[str, str], ...]  # (role, source)

IMPORTS = "import numpy as np\nimport pandas as pd"
DATA = [
    "frame = pd.DataFrame({'a': np.arange(n) % 5, 'b': np.arange(n) * 0.5, 'late': np.arange(n) % 2})",
    "raw = pd.DataFrame({'a': np.arange(n) % 5, 'b': np.arange(n) * 0.5})\nraw['late'] = raw['a'] % 2\nframe = raw[raw['b'] > 1]",
    "rows = []\nfor i in range(n):\n    rows.append({'a': i % 5, 'b': i * 0.5, 'late': int(i % 3 == 0)})\nframe = pd.DataFrame(rows)",
    "def made(size):\n    return pd.DataFrame({'a': np.arange(size) % 5, 'b': np.sqrt(np.arange(size) * 1.0)})\n\n\n"
    "frame = made(n)\nframe['late'] = (frame['b'] * scale > 3).astype(int)\nframe = frame.reset_index(drop=True)",
]
SPLIT = [
    "train = frame[frame['b'] < frame['b'].median()]\nholdout = frame[frame['b'] >= frame['b'].median()]",
    "cut = len(frame) // 2\ntrain, holdout = frame.iloc[:cut], frame.iloc[cut:]",
    "from sklearn.model_selection import train_test_split\ntrain, holdout = train_test_split(frame, random_state=n)",
    "mask = np.random.default_rng(n).random(len(frame)) < 0.7\ntrain, holdout = frame[mask].copy(), frame[~mask].copy()",
]


@dataclass(frozen=True)
class Step:
    """One step of a transform: ``{r}`` is the frame, ``{k}`` the step's number.

    ``{c}`` is a column that an earlier step made, where the frame is the training rows themselves.
    """

    does: str
    learns: str = ""
    lib: str = ""
    helper: str = ""  # a function that stands with the features
    makes: tuple[str, ...] = field(default=("p{k}",))
    rebinds: bool = False  # gives the frame's name to another frame


STEPS = [
    Step("{r}['p{k}'] = {r}['b'] - mean{k}", "mean{k} = train['b'].mean()"),
    Step(
        "{r}['p{k}'] = {r}['a'].map(table{k}).fillna(0.0)",
        "table{k} = train.groupby('a')['b'].mean().to_dict()",
    ),
    Step(
        "{r}['p{k}'] = {r}['a'].isin(known{k}).astype(int)",
        "known{k} = sorted(int(v) for v in train['a'].unique())",
    ),
    Step(
        "{r}.loc[{r}['b'] > cap{k}, 'b'] = cap{k}",
        "cap{k} = float(train['b'].quantile(0.9))",
        makes=(),
    ),
    Step(
        "{r}['p{k}'] = [limited{k}(v) for v in {r}['a']]",
        lib="LIMIT{k} = 3\n\n\ndef limited{k}(value):\n    # never above\n    return min(value, LIMIT{k})",
    ),
    Step("{r}['p{k}'] = {r}['b'].apply(lambda v: v * scale)"),
    Step(
        "{r}['p{k}'] = np.where({r}['b'] > middle{k}, 1.0, scale)",
        "total{k} = 0.0\nfor value{k} in train['b']:\n    total{k} += value{k}\nmiddle{k} = total{k} / len(train)",
    ),
    Step(
        "{r}['p{k}'] = centred{k}({r}['b'])",
        "mean{k} = train['b'].median()",
        helper="def centred{k}(values):\n    return (values - mean{k}) * scale",
    ),
    Step(
        "for c{k} in ['a', 'b']:\n    {r}[c{k} + '_{k}'] = {r}[c{k}] * 2",
        makes=("a_{k}", "b_{k}"),
    ),
    Step("{r}['p{k}'] = 0.0\n{r}['p{k}'] += {r}['a']"),
    Step(
        "{r}['p{k}'] = scaler{k}.transform({r}[['b']].to_numpy())[:, 0]",
        "from sklearn.preprocessing import StandardScaler\n\nscaler{k} = StandardScaler()\nscaler{k}.fit(train[['b']].to_numpy())",
    ),
    Step(
        "if scale > 1:\n    {r}['p{k}'] = {r}['a'] + n\nelse:\n    {r}['p{k}'] = {r}['a'] - n",
    ),
    Step(
        "{r}['tmp'] = {r}['b'] ** 2\n{r}['p{k}'] = {r}['tmp'] / spread{k}\n{r}.drop(columns='tmp', inplace=True)",
        "spread{k} = train['b'].std()\nif spread{k} == 0:\n    spread{k} = 1.0",
    ),
    Step("{r} = {r}.assign(p{k}={r}['b'] * scale)", rebinds=True),
    Step(
        "{r} = widened{k}({r})",
        "counts{k} = {{}}\nfor v{k} in train['a']:\n    counts{k}[v{k}] = counts{k}.get(v{k}, 0) + 1",
        helper="def widened{k}(rows):\n    out = rows.copy()\n    out['p{k}'] = [counts{k}.get(v, 0) for v in out['a']]\n    return out",
        rebinds=True,
    ),
    Step(
        "{r}['p{k}'] = encoder{k}.transform({r}['a'])",
        "encoder{k} = Encoder{k}().fit(train['a'])",
        lib="class Encoder{k}:\n    unknown = -1\n\n    def fit(self, values):\n        self.known = sorted(set(values))\n        return self\n\n"
        "    def transform(self, values):\n        return [self.known.index(v) if v in self.known else self.unknown for v in values]",
    ),
    Step(
        "{r}['p{k}'] = pd.cut({r}['b'], edges{k}, labels=False).fillna(-1)",
        "low{k}, high{k} = train['b'].min(), train['b'].max()\nedges{k} = np.linspace(low{k} - 1, high{k} + 1, 4)",
    ),
    Step("{r}['p{k}'] = {r}.eval('a + b')"),
    Step(
        "{r}['p{k}'] = {r}['a'] * best{k}",
        "best{k} = max((train[name].max() for name in ['a', 'b']), default=0)\nwhile best{k} > 100:\n    best{k} /= 10",
    ),
    Step(
        "{r}['p{k}'] = 1.0\n{r}.loc[{r}['a'] == 2, 'p{k}'] = rate{k}",
        "try:\n    rate{k} = 1 / (train['a'] == 2).sum()\nexcept ZeroDivisionError:\n    rate{k} = 0.0",
    ),
    Step(
        "{r}['p{k}'] = {r}['{c}'] - mean{k}",
        "mean{k} = train['{c}'].mean()",
    ),
    Step(
        "{r}['p{k}'] = [weights{k}[int(v)] for v in {r}['a']]",
        "from collections import defaultdict\n\nweights{k} = defaultdict(int)\nfor v in train['a']:\n    weights{k}[int(v)] += 1\n"
        "weights{k} = dict.fromkeys(range(5), 0) | dict(weights{k})",
    ),
    Step(
        "{r}['p{k}'] = capped{k}({r}['{c}'])",
        "cap{k} = train['{c}'].max()",
        helper="def capped{k}(values, limit=None, *, factor=2.0):\n    limit = cap{k} if limit is None else limit\n"
        "    return values.clip(upper=limit) * factor",
    ),
    Step(
        "{r}['p{k}'] = {r}.apply(lambda row: scored{k}(row['a'], row['b']), axis=1)",
        "first{k}, *rest{k} = sorted(train['b'])",
        helper="def scored{k}(*values, **options):\n    from math import hypot\n\n"
        "    def inner(value):\n        return value - first{k} + len(rest{k})\n\n    return hypot(*map(inner, values))",
    ),
    Step(
        "name{k} = f'p{k}'\n{r}[name{k}] = {r}['a'].astype(str).map(lambda v: names{k}.get(v, f'{{n}}')).str.len()",
        "names{k} = {{}}\nfor i, v in enumerate(sorted(train['a'].unique())):\n    names{k}.update({{str(v): 'x' * i}})",
    ),
    Step(
        "values = {r}['{c}'].to_numpy(dtype=float)\n{r}['p{k}'] = (values - low{k}) / (high{k} - low{k} + 1)",
        "low{k} = high{k} = 0.0\nfor value in train['{c}']:\n    low{k}, high{k} = min(low{k}, value), max(high{k}, value)",
    ),
    Step(
        "{r}['p{k}'] = [next(stepped{k}(v)) for v in {r}['a']]",
        lib="def stepped{k}(start):\n    while True:\n        yield start * STEP{k}\n        start += 1\n\n\nSTEP{k} = 3",
    ),
    Step(
        "{r}['p{k}'] = timed{k}({r}['b'], offset{k})",
        "offset{k} = len([v for v in train['a'] if (half := v / 2) > 1])",
        lib="from functools import wraps\n\n\ndef doubled{k}(function):\n    @wraps(function)\n"
        "    def inner(*values):\n        return function(*values) * 2\n\n    return inner",
        helper="@doubled{k}\ndef timed{k}(values, offset):\n    return values + offset",
    ),
    Step(
        "{r}['p{k}'] = {r}['a'].map(ranks{k})\n{r}['p{k}'] = {r}['p{k}'].fillna(len(ranks{k}))",
        "ranks{k} = {{}}\nseen = []\nfor v in train['a']:\n    if v in seen:\n        continue\n    seen.append(v)\n    ranks{k}[v] = len(seen)",
    ),
    Step(
        "match scale:\n    case 2:\n        {r}['p{k}'] = {r}['a'] * 2\n    case _:\n        {r}['p{k}'] = {r}['a'] / 2",
    ),
    Step(
        "{r}['p{k}'] = sum(column * power for column, power in zip([{r}['a'], {r}['b']], powers{k}))",
        "powers{k} = []\nfor column in ('a', 'b'):\n    total = train[column].sum()\n    powers{k} += [1 / (1 + total)]",
    ),
    Step(
        "{r} = {r}.pipe(joined{k}, on='a')",
        "table{k} = train.groupby('a', as_index=False)['b'].max().rename(columns={{'b': 'p{k}'}})",
        helper="def joined{k}(rows, on):\n    made = rows.merge(table{k}, on=on, how='left')\n    made.index = rows.index\n    return made.fillna({{'p{k}': 0.0}})",
        rebinds=True,
    ),
    Step(
        "{r}['p{k}'] = pipeline{k}.transform({r}[['a', '{c}']].to_numpy())[:, 1]",
        "from sklearn.pipeline import make_pipeline\nfrom sklearn.preprocessing import MinMaxScaler as Scaler, PolynomialFeatures\n\n"
        "pipeline{k} = make_pipeline(Scaler(), PolynomialFeatures(2, include_bias=False))\npipeline{k}.fit(train[['a', '{c}']].to_numpy())",
    ),
    Step(
        "{r}['p{k}'] = model{k}.score({r})",
        "model{k} = Rule{k}(scale)\nmodel{k}.learn(train)",
        lib="from dataclasses import dataclass, field\n\n\n@dataclass\nclass Rule{k}:\n    factor: float\n    means: dict = field(default_factory=dict)\n\n"
        "    def learn(self, rows):\n        for name in ['a', 'b']:\n            self.means[name] = float(rows[name].mean())\n\n"
        "    def score(self, rows):\n        return sum(rows[name] - mean for name, mean in self.means.items()) * self.factor",
    ),
]
LOOKS = [
    "train.describe()",
    "print(len(holdout), train['b'].mean())",
    "noted = train.groupby('a')['b'].agg(['mean', 'count'])\nnoted.head()",
    "import collections\n\ncollections.Counter(train['a']).most_common(3)",
]
TRAIN = [
    "y = train['late']\nmodel = {'w': (X_train.astype(float).T @ y.to_numpy()).to_dict()}",
    "model = {'w': X_train.astype(float).mul(train.late * 1.0, axis=0).sum().to_dict()}\nmodel['n'] = scale",
    "weights = {}\nfor column in X_train.columns:\n    weights[column] = float((X_train[column] * train['late']).sum())\nmodel = {'w': weights}",
]
PREDICT = [
    "predictions = pd.DataFrame({'late': X_holdout[FIRST] * model['w'][FIRST]}, index=X_holdout.index)",
    "score = X_holdout[FIRST] * model['w'][FIRST] * scale\npredictions = score.to_frame('late')",
    "answers = holdout[['b']].copy()\nanswers['score'] = X_holdout[FIRST] * model['w'][FIRST]\n"
    "answers['late'] = answers['score'].clip(0)\npredictions = answers[['late']]",
]


def _both(source: str) -> str:
    """A statement for training rows, and the same for held-out rows."""
    return source.replace("{r}", "train") + "\n" + source.replace("{r}", "holdout")


def _indented(source: str) -> str:
    return "\n".join(f"    {line}" if line else "" for line in source.split("\n"))


_NEXT = "\n    # next\n"


def _loop(does: list[str], columns: str) -> list[str]:
    body = _NEXT.join(_indented(text.replace("{r}", "part")) for text in does)
    return [
        f"train, holdout = train.copy(), holdout.copy()\nfor part in (train, holdout):\n{body}",
        f"X_train = train[{columns}]\nX_holdout = holdout[{columns}]",
    ]


def _function(does: list[str], columns: str) -> list[str]:
    body = "\n".join(_indented(text.replace("{r}", "out")) for text in does)
    made = f"def build(rows):\n    out = rows.copy()\n{body}\n    return out[{columns}]"
    return [f"{made}\n\n\nX_train = build(train)\nX_holdout = build(holdout)"]


def _repeated(does: list[str], columns: str) -> list[str]:
    return [
        "train, holdout = train.copy(), holdout.copy()",
        *map(_both, does),
        f"X_train = train[{columns}]\nX_holdout = holdout[{columns}]",
    ]


def _from_rows(does: list[str], columns: str) -> list[str]:
    named = {"train": "X_train", "holdout": "X_holdout"}
    start = "\n".join(f"{x} = {rows}.drop(columns=['late'])" for rows, x in named.items())
    steps = ["\n".join(text.replace("{r}", x) for x in named.values()) for text in does]
    chosen = f"columns = {columns}"
    return [start, *steps, chosen, "\n".join(f"{x} = {x}[columns]" for x in named.values())]


@st.composite
def notebooks(draw: st.DrawFn) -> Cells:
    """The cells of a notebook that runs, and that can become a module."""
    style = draw(st.sampled_from([_loop, _function, _repeated, _from_rows]))
    fitting = [s for s in STEPS if not (s.rebinds and style is _loop)]
    steps = draw(st.lists(st.sampled_from(fitting), min_size=1, max_size=4))
    mixed = style in (_loop, _repeated) and draw(st.booleans())  # learning between transforming
    columns: list[str] = []
    does, learned, library, helpers = [], [], [], []
    for number, step in enumerate(steps):
        k, before = str(number), draw(st.sampled_from(["b", *columns])) if mixed else "b"
        for text, told in (
            (step.does, does), (step.learns, learned), (step.lib, library), (step.helper, helpers)
        ):  # fmt: skip
            said = text.replace("{k}", k).replace("{c}", before)
            told.append(said.replace("{{", "{").replace("}}", "}"))
        columns += [name.replace("{k}", k) for name in step.makes]
    columns = columns or ["b"]
    features = style(does, repr(columns))
    scale = draw(st.sampled_from(["2", "0.5"]))
    cells: list[tuple[str, str]] = [
        ("", IMPORTS),
        ("parameters", f"n = {draw(st.integers(20, 40))}\nscale = {scale}"),
        *_laid_out(draw, "lib", [text for text in library if text]),
        ("data", draw(st.sampled_from(DATA))),
        ("split", draw(st.sampled_from(SPLIT))),
        *(
            _mixed(features, learned, helpers, style)
            if mixed
            else [
                *_laid_out(draw, "fit", [text for text in learned if text]),
                *_laid_out(
                    draw, draw(st.sampled_from(["lib", "features"])), [t for t in helpers if t]
                ),
                *_laid_out(draw, "features", features),
            ]
        ),
        ("train", draw(st.sampled_from(TRAIN))),
        ("predict", draw(st.sampled_from(PREDICT)).replace("FIRST", repr(columns[0]))),
    ]
    for look in draw(st.lists(st.sampled_from(LOOKS), max_size=2, unique=True)):
        after = next(i for i, (role, _) in enumerate(cells) if role == "split") + 1
        cells.insert(draw(st.integers(after, len(cells))), ("", look))
    return tuple(cells)


def _mixed(
    features: list[str], learned: list[str], helpers: list[str], style: Any
) -> list[tuple[str, str]]:
    """What is learned and what is done in turns: a step learns from what the last one made."""
    first, *does, last = features
    if style is _loop:
        head, *bodies = first.split("\nfor part in (train, holdout):\n")
        parts = bodies[0].split(_NEXT)
        first, does = head, [f"for part in (train, holdout):\n{part}" for part in parts]
    cells = [("features", first)]
    for learns, helper, done in zip(learned, helpers, does, strict=True):
        cells += [
            (r, t) for r, t in (("fit", learns), ("features", helper), ("features", done)) if t
        ]
    return [*cells, ("features", last)]


def _laid_out(draw: st.DrawFn, role: str, parts: list[str]) -> list[tuple[str, str]]:
    """Parts as one cell, or each as a cell of its own."""
    if not parts:
        return []
    if draw(st.booleans()):
        return [(role, part) for part in parts]
    apart = "\n\n\n" if any(part.startswith(("def ", "class ")) for part in parts) else "\n"
    return [(role, apart.join(parts))]


def written(folder: Path, cells: Cells) -> Path:
    """The cells as an .ipynb with the ids c1, c2, …"""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "train.ipynb"
    told: list[dict[str, Any]] = []
    for number, (role, source) in enumerate(cells, start=1):
        tag = f"nbprod:{role}" if role not in ("", "parameters") else role
        told.append(
            {
                "cell_type": "code",
                "id": f"c{number}",
                "metadata": {"tags": [tag]} if tag else {},
                "execution_count": None,
                "outputs": [],
                "source": source.splitlines(keepends=True),
            }
        )
    path.write_text(json.dumps({"cells": told, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    return path


def content(folder: Path) -> dict[str, bytes]:
    """Every file of a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
