"""A training run on one page: what it read, what came of it, how its predictions are spread."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from nbprod.reporting.drawing import legend
from nbprod.reporting.page import Markup, facts, number, page, seconds, section, short, table, tag
from nbprod.reporting.plots import distribution_plot

if TYPE_CHECKING:
    import pandas as pd

    from nbprod.records import TrainingRun

_BINS = 10
_MOST_CLASSES = 20


def run_page(run: TrainingRun, outputs: pd.DataFrame, label: pd.Series) -> str:
    """The page as an HTML document that needs nothing beside it.

    outputs, label: of the held-out rows, in parallel.
    """
    snapshot, machine = run.snapshot, run.machine
    rows = f"{number(run.train_rows)} trained, {number(run.holdout_rows)} held out"
    return page(
        f"A run of {run.candidate.name}",
        section("Metrics", table(["metric", "value"], _metrics(run), numeric=(1,))),
        section("Predictions of the held-out rows", *_plots(outputs, label)),
        section("Time", table(["step", "took"], _times(run), numeric=(1,))),
        section(
            "Made from",
            facts(
                [
                    ("rows", rows),
                    ("data", f"{snapshot.uri} ({short(snapshot.digest)})"),
                    ("query", snapshot.query),
                    ("data time", f"{snapshot.time_start} – {snapshot.time_end}".strip(" –")),
                    ("parameters", ", ".join(f"{k}={v}" for k, v in run.parameters.items())),
                    ("seed", str(run.seed)),
                    ("module", tag("code", short(run.candidate.module_version))),
                    ("git", run.git_commit[:12] + (" with changes" if run.git_dirty else "")),
                    ("python", f"{machine.python} on {machine.system}"),
                    ("processor", f"{machine.processor}, {machine.cores} cores"),
                    ("accelerators", ", ".join(machine.accelerators)),
                    ("took", seconds(sum(run.durations_s.values()))),
                ]
            ),
        ),
        kicker="nbprod train",
        subtitle=f"candidate digest {short(run.candidate.digest)}",
    )


def _metrics(run: TrainingRun) -> list[tuple[str, str]]:
    return [(name, number(value)) for name, value in run.metrics.items()]


def _times(run: TrainingRun) -> list[tuple[str, str]]:
    return [(name, seconds(value)) for name, value in run.durations_s.items()]


def _plots(outputs: pd.DataFrame, label: pd.Series) -> list[Markup]:
    """How each output is spread: by class where the label has a few, else beside the label."""
    import pandas as pd

    plots: list[Markup] = []
    for name, output in outputs.items():
        if not pd.api.types.is_numeric_dtype(output) or not len(output.dropna()):
            continue
        classes = sorted(label.dropna().unique().tolist(), key=str)
        if len(classes) == 2:
            parts = {str(value): output[label == value] for value in classes}
        elif pd.api.types.is_numeric_dtype(label):
            parts = {"observed": label, "predicted": output}
        else:
            parts = {"predicted": output}
        plots.append(_distributions(str(name), parts))
    return plots or [tag("p", "No output is a number.", class_="note")]


def _distributions(title: str, parts: dict[str, pd.Series]) -> Markup:
    """One or two series over the same ten bins, as shares of each."""
    import numpy as np

    values = [part.dropna().to_numpy(dtype=float) for part in parts.values()]
    edges = np.histogram_bin_edges(np.concatenate(values), bins=_BINS)
    names = [f"{number(a, 2)}–{number(b, 2)}" for a, b in itertools.pairwise(edges)]
    shares = [
        dict(zip(names, (np.histogram(v, edges)[0] / max(1, len(v))).tolist(), strict=True))
        for v in values
    ]
    colours = ("var(--s6)", "var(--s2)")
    return tag(
        "div",
        tag("h3", title),
        legend(list(zip(parts, colours, strict=False))),
        distribution_plot(shares[0], shares[1] if len(shares) > 1 else {}),
    )
