"""Made-up notebooks, one cell a role, in many ways of writing: hypothesis draws them."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import strategies as st

IMPORTS = "import numpy as np\nimport pandas as pd"
DATA = [
    "frame = pd.DataFrame({'a': np.arange(n) % 5, 'b': np.arange(n) * 0.5, 'late': np.arange(n) % 2})",
    "raw = pd.DataFrame({'a': np.arange(n) % 5, 'b': np.arange(n) * 0.5})\nraw['late'] = raw['a'] % 2\nframe = raw[raw['b'] > 1]",
]
SPLIT = [
    "train = frame[frame['b'] < n / 4]\nholdout = frame[frame['b'] >= n / 4]",
    "cut = len(frame) // 2\ntrain, holdout = frame.iloc[:cut], frame.iloc[cut:]",
    "from sklearn.model_selection import train_test_split\ntrain, holdout = train_test_split(frame, random_state=n)",
]
FIT = [
    "mean = train['b'].mean()\nknown = sorted(train['a'].unique())",
    "known = [int(v) for v in train['a'].unique()]\nmean = float(sum(known)) + scale",
    "counts = {}\nfor v in train['a']:\n    counts[v] = counts.get(v, 0) + 1\nknown = sorted(counts)\n"
    "if (mean := train['b'].median()) > 0:\n    mean += len(known)",
]
FEATURES = [
    "X_train = pd.DataFrame({'p': train['b'] - mean, 'k': train['a'].isin(known)})\n"
    "X_holdout = pd.DataFrame({'p': holdout['b'] - mean, 'k': holdout['a'].isin(known)})",
    "def build(rows):\n    out = pd.DataFrame(index=rows.index)\n    out['p'] = rows['b'] * scale - mean\n"
    "    out['k'] = [known.index(v) if v in known else -1 for v in rows['a']]\n    return out\n"
    "X_train, X_holdout = build(train), build(holdout)",
    "train = train.copy()\nholdout = holdout.copy()\nfor part in (train, holdout):\n    part['p'] = part['b'] / mean\n"
    "    part['k'] = part['a'].map(lambda v: known.count(v))\n"
    "X_train = train[['p', 'k']]\nX_holdout = holdout[['p', 'k']]",
    "train, holdout = train.copy(), holdout.copy()\nframes = [train, holdout]\nfor part in frames:\n"
    "    part['p'] = 0.0\n    part.loc[part['a'].isin(known), 'p'] = mean\n    part.insert(0, 'k', part['a'] * scale)\n"
    "X_train, X_holdout = [part.drop(columns='late') for part in (train, holdout)]",
    "train = train.rename(columns={'a': 'k'})\nholdout = holdout.rename(columns={'a': 'k'})\n"
    "for c in ['b', 'k']:\n    train[c] = train[c] - mean\n    holdout[c] = holdout[c] - mean\n"
    "train['p'] = train['b'] * len(known)\nholdout['p'] = holdout['b'] * len(known)\n"
    "columns = [c for c in train.columns if c != 'late']\nX_train = train[columns]\nX_holdout = holdout[columns]",
    "def add(rows, column):\n    rows[column] = rows['b'] + mean\n"
    "X_train = train.drop(columns=['late'])\nadd(X_train, 'p')\nX_train['k'] = len(known)\n"
    "X_holdout = holdout.drop(columns=['late'])\nadd(X_holdout, 'p')\nX_holdout['k'] = len(known)",
]
TRAIN = [
    "y = train['late']\nmodel = {'w': (X_train[['p', 'k']].T @ y.to_numpy()).to_dict()}",
    "model = {'w': X_train[['p', 'k']].astype(float).mul(train.late * 1.0, axis=0).sum().to_dict()}\nmodel['n'] = scale",
]
PREDICT = [
    "predictions = pd.DataFrame({'late': X_holdout['p'] * model['w']['p'] + X_holdout['k']}, index=X_holdout.index)",
    "score = X_holdout['p'] * model['w']['k'] * scale\npredictions = score.to_frame('late')",
    "answers = holdout[['b']].copy()\nanswers['score'] = X_holdout['p'] * model['w']['p']\n"
    "answers['late'] = answers['score'].clip(0)\npredictions = answers[['late']]",
]
ROLES = ["", "parameters", "data", "split", "fit", "features", "train", "predict"]

notebooks = st.tuples(
    st.just(IMPORTS),
    st.builds("n = {}\nscale = {}".format, st.integers(20, 40), st.sampled_from(["2", "0.5"])),
    *(st.sampled_from(choices) for choices in (DATA, SPLIT, FIT, FEATURES, TRAIN, PREDICT)),
)


def written(folder: Path, cells: tuple[str, ...]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "train.ipynb"
    tags = [f"nbprod:{role}" if role not in ("", "parameters") else role for role in ROLES]
    made = [
        {
            "cell_type": "code",
            "id": f"c{number}",
            "metadata": {"tags": [tag]} if tag else {},
            "execution_count": None,
            "outputs": [],
            "source": source.splitlines(keepends=True),
        }
        for number, (tag, source) in enumerate(zip(tags, cells, strict=True), start=1)
    ]
    path.write_text(json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    return path


def content(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
