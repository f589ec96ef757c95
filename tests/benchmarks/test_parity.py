"""Parity beside what teams do today, on the same bank in one run; and how long it takes.

The three others are given the serve path as it is: the transform (or the serving code of its
own) on rows that came through JSON. They are styles, not products:

* "it runs" is what `mlflow.models.predict` checks: requests of one row are answered without an
  error and have the columns of the signature.
* "distributions" is TFDV's skew: the L-infinity distance of categories and the Jensen-Shannon
  divergence of numbers, above its customary threshold of 0.3.
* "one batch" compares all rows at once on both paths, value by value.
"""

from __future__ import annotations

import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from parity_bank import CLEAN, SKEWED, Case
from parity_bank.processes import Processes
from rich.console import Console

from nbprod.data.comparison import compare, kind_of_dtype
from nbprod.parity import check_parity
from nbprod.parity.calls import Raised, Subject, invoke, quiet
from nbprod.parity.serve_paths import Served
from nbprod.parity.wire import Request

ROOT = Path(__file__).parents[2]
BEGIN, END = "<!-- parity:begin -->", "<!-- parity:end -->"
THRESHOLD = 0.3


class Serving:
    """A case as a service runs it: rows as JSON in, features out."""

    def __init__(self, case: Case) -> None:
        told = case.prepared()
        self.rows, self.state = told["rows"].reset_index(drop=True), told["state"]
        self.transform = case.transform
        self.trained = quiet(lambda: invoke(case.transform, self.rows.copy(), self.state))
        subject = Subject(case.transform, self.state, self.rows, {})
        subject.rebase()
        hidden = [told.get("label", ""), *told.get("not_inputs", ())]
        contract = told.get("contract")
        self.request = Request.of(subject, contract, hidden)
        serve = told.get("serve_path")
        self.served = Served(serve, subject) if serve else None

    def __call__(self, positions: list[int]) -> pd.DataFrame:
        """Features of these rows, together in one request."""
        if self.served:
            return self.served(self.request, positions)
        frame = self.request.frame(positions)
        return quiet(lambda: invoke(self.transform, frame, self.state))


def it_runs(serving: Serving) -> bool:
    """Whether twenty requests of one row fail, or lack a column of the signature."""
    for place in serving.request.positions[:20]:
        try:
            answered = serving([place])
        except Raised:
            return True
        if set(serving.trained.columns) - set(answered.columns):
            return True
    return False


def distributions(serving: Serving) -> bool:
    """Whether a feature's distribution over requests of one row is far from training's."""
    parts = []
    for place in serving.request.positions:
        try:
            parts.append(serving([place]))
        except Raised:
            continue  # it counts values, not errors
    if not parts:
        return False
    served = pd.concat(parts, ignore_index=True)
    shared = [name for name in serving.trained.columns if name in served.columns]
    if len(shared) < len(serving.trained.columns):
        return True
    return any(_distance(serving.trained[n], served[n]) > THRESHOLD for n in shared)


def _distance(one: pd.Series, other: pd.Series) -> float:
    numbers = {kind_of_dtype(one), kind_of_dtype(other)} <= {"int", "float", "bool"}
    if not numbers:
        shares = [part.astype(str).value_counts(normalize=True) for part in (one, other)]
        return float((shares[0].sub(shares[1], fill_value=0.0)).abs().max())
    left, right = (part.dropna().astype(float).to_numpy() for part in (one, other))
    both = np.concatenate([left, right])
    both = both[np.isfinite(both)]
    if not len(both) or both.min() == both.max():
        return 0.0
    edges = np.linspace(both.min(), both.max(), 11)
    p, q = (np.histogram(part, edges)[0] / max(len(part), 1) for part in (left, right))
    return _jensen_shannon(p, q)


def _jensen_shannon(p: np.ndarray, q: np.ndarray) -> float:
    middle = (p + q) / 2
    with np.errstate(all="ignore"):
        parts = [np.where(x > 0, x * np.log2(x / middle), 0.0).sum() for x in (p, q)]
    return float(sum(parts) / 2)


def one_batch(serving: Serving) -> bool:
    """Whether all rows in one request get other features than in training."""
    try:
        answered = serving(serving.request.positions)
    except Raised:
        return True
    if len(serving.trained) != len(serving.rows):
        return True  # rows got lost or were made: no batch can be laid beside them
    base = serving.trained.iloc[serving.request.positions].reset_index(drop=True)
    return bool(compare(base, answered).differences)


def nbprod(case: Case, processes: Processes) -> tuple[bool, bool]:
    """Whether parity finds an error, and whether it is the right code and no other."""
    told = case.prepared()
    rerun = processes.rerun(case.transform, told["state"])
    report = check_parity(case.transform, rerun=rerun, **told)
    codes = {finding.code for finding in report.findings if finding.severity == "error"}
    return bool(codes) or not report.passed, codes == {case.code}


def _flags(case: Case, processes: Processes) -> dict[str, bool]:
    found, right = nbprod(case, processes)
    flags = {"nbprod parity": found, "right code": right}
    for name, check in OTHERS.items():
        try:
            flags[name] = check(Serving(case))
        except Raised:
            flags[name] = True  # it cannot even be called or sent
    return flags


OTHERS = {
    "it runs (MLflow predict)": it_runs,
    "distributions (TFDV, 0.3)": distributions,
    "one batch compared": one_batch,
}


def _block(skewed: list[dict[str, bool]], clean: list[dict[str, bool]]) -> str:
    lines = [
        "| check | skew bugs found | false alarms |",
        "|---|---|---|",
    ]
    for name in ("nbprod parity", *OTHERS):
        caught = sum(flags[name] for flags in skewed)
        alarms = sum(flags[name] for flags in clean)
        lines.append(f"| {name} | {caught} of {len(skewed)} | {alarms} of {len(clean)} |")
    return "\n".join(lines)


def test_the_bank_against_what_teams_do_today(tmp_path: Path) -> None:
    """Every skew bug is found under its code, no clean transform is flagged; the README says
    what the others find. The block in the README is written by this run."""
    processes = Processes(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        skewed = [_flags(case, processes) for case in SKEWED]
        clean = [_flags(case, processes) for case in CLEAN]
    processes.end()
    block = _block(skewed, clean)
    Console().print(block)
    readme = ROOT / "README.md"
    before, _, rest = readme.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    readme.write_text(f"{before}{BEGIN}\n{block}\n{END}{after}", encoding="utf-8")
    wrong = [c.name for c, flags in zip(SKEWED, skewed, strict=True) if not flags["right code"]]
    assert wrong == []
    assert all(flags["nbprod parity"] and flags["right code"] for flags in skewed)
    assert not any(flags["nbprod parity"] for flags in clean)


# ---------------------------------------------------------------- speed


def twenty(frame: pd.DataFrame, state: object) -> pd.DataFrame:
    """Twenty features in the manner of a notebook, row by row in effect."""
    features = {f"n{k}": frame[f"x{k}"] * (k + 1) - 0.5 for k in range(12)}
    features |= {f"l{k}": np.log1p(frame[f"x{k}"].abs()) for k in range(6)}
    features["city"] = frame["city"].map({"a": 0.1, "b": 0.2, "c": 0.3}).fillna(0.2)
    features["hour"] = pd.to_datetime(frame["at"]).dt.hour
    return pd.DataFrame(features)


def test_ten_thousand_rows_of_twenty_features() -> None:
    """All relations over 10,000 rows × 20 features, as a ratio to calling the transform once for
    every row: what a hand-written loop that compares single rows costs."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({f"x{k}": rng.normal(size=10_000) for k in range(12)})
    frame["city"] = rng.choice(["a", "b", "c"], 10_000)
    frame["at"] = pd.date_range("2026-01-01", periods=10_000, freq="min")
    frame["at"] = frame["at"].astype(str)
    started, cpu = time.perf_counter(), time.process_time()
    report = check_parity(twenty, rows=frame)
    took, cpu = time.perf_counter() - started, time.process_time() - cpu
    started = time.perf_counter()
    for place in range(300):
        twenty(frame.iloc[[place]], None)
    loop = (time.perf_counter() - started) * len(frame) / 300
    slowest = sorted(report.relations, key=lambda item: -item.duration_s)[:3]
    told = ", ".join(f"{item.name} {item.duration_s:.1f} s" for item in slowest)
    print(
        f"\nparity of 10,000 rows x 20 features: {took:.1f} s, {cpu:.1f} s of them computing here ({told}); "
        f"a loop over single rows: {loop:.1f} s; ratio {took / loop:.2f}"
    )
    assert report.passed, report.findings
    assert took < loop
