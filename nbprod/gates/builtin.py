"""Gate notebooks that nbprod brings: a project names them, or copies one and makes it its own.

``gates = ["nbprod:performance", "notebooks/gates/*.ipynb"]`` in nbprod.toml; what one of them
needs to know of a project stands in ``[gate.parameters.performance]``.
"""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.config import duration_s
from nbprod.errors import ConfigError
from nbprod.notebook.runnable import parameter_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbprod.config import Settings

PREFIX = "nbprod:"


def builtin_folder() -> Path:
    """Where they lie: inside an installed wheel, beside the package in a checkout."""
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "gate_templates", package.parent / "notebooks" / "gate_templates"):
        if folder.is_dir():
            return folder
    raise ConfigError(
        "this installation has no gate notebooks of its own", hint="install nbprod again"
    )


def builtin_names() -> list[str]:
    """The names of nbprod's own gate notebooks, such as ``nbprod:performance``."""
    return sorted(f"{PREFIX}{path.stem}" for path in builtin_folder().glob("*.ipynb"))


def notebook_path(settings: Settings, name: str) -> Path:
    """The file of a gate notebook: nbprod's own by name, any other relative to the project.

    Raises ConfigError for a name of ours that does not exist.
    """
    if not name.startswith(PREFIX):
        return settings.path(name)
    known = builtin_names()
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        raise ConfigError(
            f"[notebooks] gates names {name!r}, which nbprod does not have",
            hint=f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(known)}",
        )
    return builtin_folder() / f"{name.removeprefix(PREFIX)}.ipynb"


def short_name(name: str) -> str:
    """The word by which ``[gate.parameters]`` speaks of a notebook: its name without path."""
    return Path(name.removeprefix(PREFIX)).stem


def project_parameters(settings: Settings) -> dict[str, Any]:
    """What a gate notebook may ask of the project, by the name of its parameter."""
    envelope, gate = settings.envelope, settings.gate
    given: dict[str, Any] = {
        "task": settings.model.task,
        "label": settings.data.label,
        "time": settings.data.time,
        "key": list(settings.data.key),
        "confidence": gate.confidence,
        "min_rows": gate.min_slice,
        "p99_ms": envelope.p99_ms,
        "peak_rps": envelope.peak_rps,
        "memory_mb": envelope.memory_mb,
        "cold_start_s": envelope.cold_start_s,
        "freshness_s": duration_s(envelope.freshness),
        "drift": dict(settings.monitor.drift),
    }
    return {name: value for name, value in given.items() if value not in ("", [])}


def parameters_of(settings: Settings, name: str) -> dict[str, Any]:
    """What ``[gate.parameters]`` gives one notebook."""
    return dict(settings.gate.parameters.get(short_name(name), {}))


def check_parameters(settings: Settings, notebooks: Sequence[str]) -> None:
    """Refuse ``[gate.parameters]`` that no notebook takes, before any of them runs.

    Raises ConfigError with "did you mean".
    """
    known = {short_name(name): name for name in notebooks}
    for word, values in settings.gate.parameters.items():
        if word not in known:
            raise ConfigError(
                f"[gate.parameters.{word}]: no gate notebook has this name",
                hint=_did_you_mean(word, known),
            )
        names = parameter_names(notebook_path(settings, known[word]))
        for parameter in values:
            if parameter not in names:
                raise ConfigError(
                    f"[gate.parameters.{word}]: {known[word]} has no parameter {parameter!r}",
                    hint=_did_you_mean(parameter, names),
                )


def _did_you_mean(word: str, known: Any) -> str:
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(sorted(known))}"


def source_cells(path: Path) -> list[Any] | None:
    """Kind, source and tags of each cell; None for a notebook in a text format or unreadable."""
    if path.suffix != ".ipynb":
        return None
    try:
        cells: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["cells"]
        return [
            [
                cell.get("cell_type"),
                "".join(cell.get("source", "")),
                cell["metadata"].get("tags", []),
            ]
            for cell in cells
        ]
    except (ValueError, KeyError, TypeError):
        return None
