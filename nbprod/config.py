"""``nbprod.toml`` + environment + arguments -> one frozen ``Settings``.

Precedence: argument > ``NBPROD_<SECTION>_<KEY>`` in the environment > file > default.
Unknown keys are refused with "did you mean"; every error names file, line and key.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import os
import re
import tomllib
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from nbprod.errors import ConfigError

FILE_NAME = "nbprod.toml"
_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_DURATION = re.compile(r"^(\d+(?:\.\d+)?)(ms|s|m|h|d|w)$")


def duration_s(text: str) -> float:
    """Seconds in a duration such as ``"90s"``, ``"1h"`` or ``"30d"``."""
    match = _DURATION.match(text.strip())
    if not match:
        raise ConfigError(
            f"{text!r} is not a duration", hint="write a number and a unit: 500ms, 90s, 1h, 30d, 2w"
        )
    return float(match[1]) * _UNITS_S[match[2]]


@dataclass(frozen=True)
class Model:
    """Which model this is and who answers for it."""

    name: str = ""
    owner: str = ""
    decision: str = ""
    outcome: str = ""
    task: Literal["classification", "regression", "ranking"] = "classification"
    risk: Literal["high", "low"] = "low"


@dataclass(frozen=True)
class Envelope:
    """What is promised of the service, written before anything is deployed."""

    patterns: tuple[str, ...] = ("online",)
    p99_ms: float = 100.0
    peak_rps: float = 10.0
    freshness: str = "1d"
    on_unavailable: Literal["fallback", "previous", "precomputed", "error"] = "error"
    fallback: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Notebooks:
    """The training notebook and the validation notebooks, relative to the project."""

    train: str = ""
    gates: tuple[str, ...] = ()


@dataclass(frozen=True)
class Module:
    """The generated package."""

    package: str = ""  # default: [model] name with underscores


@dataclass(frozen=True)
class Data:
    """Where the rows are and what their columns mean."""

    train: str = ""
    key: tuple[str, ...] = ()
    time: str = ""
    label: str = ""
    known_after: tuple[str, ...] = ()
    holdout: dict[str, Any] = field(default_factory=lambda: {"fraction": 0.2})
    snapshot: Literal["reference", "copy"] = "reference"


@dataclass(frozen=True)
class Parity:
    """How far two paths may be apart, per column."""

    tolerance: dict[str, str] = field(default_factory=lambda: {"*": "exact"})


@dataclass(frozen=True)
class Gate:
    """What a candidate must reach."""

    data: str = "holdout"
    primary: str = ""
    thresholds: dict[str, str] = field(default_factory=dict)
    baseline: dict[str, Any] = field(default_factory=dict)
    confidence: float = 0.95
    min_slice: int = 200
    approvers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Serving:
    """How a release answers."""

    host: str = "127.0.0.1"
    port: int = 8000
    address: str = "local"
    timeout_ms: float = 1000.0
    replicas: int | dict[str, int] = 1
    gpus: float = 0.0
    device: str = "auto"
    batch: dict[str, int] = field(default_factory=lambda: {"max_rows": 512})
    log: dict[str, Any] = field(default_factory=dict)
    auth: dict[str, str] = field(default_factory=lambda: {"tokens_env": "NBPROD_TOKENS"})


@dataclass(frozen=True)
class Rollout:
    """How a release comes to its users."""

    shadow: dict[str, Any] = field(default_factory=lambda: {"min_requests": 500})
    canary: dict[str, Any] = field(
        default_factory=lambda: {"steps": [10, 50, 100], "min_requests": 300, "hold_s": 60}
    )
    guard: dict[str, str] = field(
        default_factory=lambda: {
            "error_rate": "<= champion + 0.01",
            "fallback_rate": "<= champion + 0.01",
            "p99_ms": "<= champion * 2",
        }
    )


@dataclass(frozen=True)
class Monitor:
    """What is watched, over which window, and who is told."""

    window: str = "1h"
    label_delay: str = "1d"
    drift: dict[str, float] = field(default_factory=lambda: {"*": 0.2})
    alerts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Retrain:
    """When to train again."""

    schedule: str = ""
    on_drift: bool = False
    on_metric: str = ""
    on_labels: int = 0
    cooldown: str = "24h"
    holdout: float = 0.0


@dataclass(frozen=True)
class Store:
    """Where records and runs live."""

    url: str = ".nbprod"
    tracking_uri: str = "sqlite:///.nbprod/mlflow.db"


@dataclass(frozen=True)
class Settings:
    """Every value of one project; ``origins`` says where each one came from."""

    project_path: str
    model: Model = field(default_factory=Model)
    envelope: Envelope = field(default_factory=Envelope)
    notebooks: Notebooks = field(default_factory=Notebooks)
    module: Module = field(default_factory=Module)
    data: Data = field(default_factory=Data)
    parity: Parity = field(default_factory=Parity)
    gate: Gate = field(default_factory=Gate)
    serving: Serving = field(default_factory=Serving)
    rollout: Rollout = field(default_factory=Rollout)
    monitor: Monitor = field(default_factory=Monitor)
    retrain: Retrain = field(default_factory=Retrain)
    store: Store = field(default_factory=Store)
    origins: dict[str, str] = field(default_factory=dict)  # "serving.port" -> "file:12"

    def path(self, relative: str | Path) -> Path:
        """An absolute path for one written relative to the project folder."""
        return Path(self.project_path, relative)

    @property
    def package(self) -> str:
        """The name of the generated package."""
        return self.module.package or re.sub(r"\W+", "_", self.model.name).strip("_").lower()

    @property
    def package_path(self) -> Path:
        """The folder of the generated package."""
        return self.path(self.package)

    @property
    def store_path(self) -> Path:
        """The folder that holds records and artifacts."""
        return self.path(self.store.url)

    @property
    def tracking_uri(self) -> str:
        """The MLflow tracking URI; a relative SQLite path is made absolute in the project."""
        uri = self.store.tracking_uri
        if uri.startswith("sqlite:///") and not uri.startswith("sqlite:////"):
            return f"sqlite:///{self.path(uri.removeprefix('sqlite:///'))}"
        return uri

    @property
    def not_inputs(self) -> frozenset[str]:
        """Columns a prediction must never read: the label and what is known only after."""
        return frozenset({*self.data.known_after, self.data.label} - {""})

    @property
    def redacted(self) -> tuple[str, ...]:
        """Columns whose values stay out of logs, profiles, reports and releases."""
        return tuple(self.serving.log.get("redact", ()))

    def to_json(self) -> dict[str, Any]:
        """The settings as plain data, for a child process."""
        plain: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(self)))
        return plain

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Settings:
        """The settings again from plain data."""
        sections = {
            name: _section(kind, data[name], lambda key, name=name: f"{name}.{key}")
            for name, kind in SECTIONS.items()
        }
        return cls(project_path=data["project_path"], origins=dict(data["origins"]), **sections)


SECTIONS: dict[str, type] = {
    "model": Model,
    "envelope": Envelope,
    "notebooks": Notebooks,
    "module": Module,
    "data": Data,
    "parity": Parity,
    "gate": Gate,
    "serving": Serving,
    "rollout": Rollout,
    "monitor": Monitor,
    "retrain": Retrain,
    "store": Store,
}
_REQUIRED = (("model", "name"), ("model", "owner"), ("notebooks", "train"))


def load_settings(
    project: str | Path = ".",
    *,
    arguments: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """The settings of the project in a folder.

    arguments: ``{"serving.port": 9000}``, the values a command was given.
    environ: the process environment where not given.
    Raises ConfigError naming file, line and key.
    """
    folder = Path(project).resolve()
    file = folder / FILE_NAME
    raw, text = _read(file)
    origins: dict[str, str] = {}
    _check_names(raw, text, file)
    for section, keys in raw.items():
        for key in keys:
            origins[f"{section}.{key}"] = f"{FILE_NAME}:{_line_of(text, section, key)}"
    for section, kind in SECTIONS.items():
        for item in dataclasses.fields(kind):
            name = f"NBPROD_{section}_{item.name}".upper()
            value = (os.environ if environ is None else environ).get(name)
            if value is not None:
                raw.setdefault(section, {})[item.name] = _from_text(value)
                origins[f"{section}.{item.name}"] = f"environment {name}"
    for dotted, value in (arguments or {}).items():
        section, _, key = dotted.partition(".")
        raw.setdefault(section, {})[key] = value
        origins[dotted] = "argument"

    def where(section: str) -> Any:
        return lambda key: _place(file, origins.get(f"{section}.{key}", "default"), section, key)

    sections = {
        name: _section(kind, raw.get(name, {}), where(name)) for name, kind in SECTIONS.items()
    }
    for section, key in _REQUIRED:
        if not getattr(sections[section], key):
            raise ConfigError(
                f"{file}: [{section}] {key} is missing",
                hint=f'add to {FILE_NAME}:\n\n  [{section}]\n  {key} = "…"',
                key=f"{section}.{key}",
            )
    settings = Settings(project_path=str(folder), origins=origins, **sections)
    _check_values(settings, file)
    return settings


def setting_values(settings: Settings) -> Iterator[dict[str, Any]]:
    """Every value with its origin: {"key": "serving.port", "value": 8000, "origin": "default"}."""
    for section in SECTIONS:
        for key, value in dataclasses.asdict(getattr(settings, section)).items():
            dotted = f"{section}.{key}"
            plain = json.loads(json.dumps(value))
            yield {"key": dotted, "value": plain, "origin": settings.origins.get(dotted, "default")}


def _read(file: Path) -> tuple[dict[str, dict[str, Any]], str]:
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigError(
            f"there is no {FILE_NAME} in {file.parent}",
            hint="run `nbprod init` there, or name the project's folder with --project",
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} cannot be read: {error}", hint="check the file") from error
    try:
        return tomllib.loads(text), text
    except tomllib.TOMLDecodeError as error:
        match = re.search(r"line (\d+)", str(error))
        line = int(match[1]) if match else len(text.splitlines())
        shown = text.splitlines()[line - 1].strip() if 0 < line <= len(text.splitlines()) else ""
        raise ConfigError(
            f"{file}, line {line}: not valid TOML: {error}",
            hint=f"look at: {shown}",
            line=line,
        ) from error


def _check_names(raw: dict[str, Any], text: str, file: Path) -> None:
    for section, keys in raw.items():
        if section not in SECTIONS or not isinstance(keys, dict):
            line = _line_of(text, section, None)
            raise ConfigError(
                f"{file}, line {line}: unknown section [{section}]",
                hint=_did_you_mean(section, SECTIONS),
                key=section,
                line=line,
            )
        known = [item.name for item in dataclasses.fields(SECTIONS[section])]
        for key in keys:
            if key not in known:
                line = _line_of(text, section, key)
                raise ConfigError(
                    f"{file}, line {line}: unknown key {key!r} in [{section}]",
                    hint=_did_you_mean(key, known),
                    key=f"{section}.{key}",
                    line=line,
                )


def _did_you_mean(word: str, known: Any) -> str:
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    listed = ", ".join(sorted(known))
    return f"did you mean {close[0]!r}?" if close else f"known here: {listed}"


def _line_of(text: str, section: str, key: str | None) -> int:
    """The 1-based line of a key; of its section where the key stands in another form."""
    inside, section_line = False, 1
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if stripped.startswith("["):
            head = stripped.strip("[]").split("]")[0].strip()
            inside = head == section or head.startswith(f"{section}.")
            if inside:
                section_line = number
                if key is not None and head == f"{section}.{key}":
                    return number
        elif (
            key is not None
            and inside
            and re.match(rf"[\"']?{re.escape(key)}[\"']?\s*[=.]", stripped)
        ) or re.match(rf"{re.escape(section)}(\.{re.escape(key or '')})?\s*=", stripped):
            return number
    return section_line


def _from_text(value: str) -> Any:
    """An environment value: read as TOML where it is a TOML value, else as the text itself."""
    try:
        return tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return value


def _place(file: Path, origin: str, section: str, key: str) -> str:
    if origin.startswith(FILE_NAME):
        return f"{file}, line {origin.rpartition(':')[2]}: [{section}] {key}"
    return f"{origin}: [{section}] {key}"


def _section(kind: type, values: Mapping[str, Any], where: Any) -> Any:
    hints = typing.get_type_hints(kind)
    checked = {}
    for key, value in values.items():
        if key not in hints:
            raise ConfigError(f"unknown key {key!r}", hint=_did_you_mean(key, hints))
        checked[key] = _typed(hints[key], value, where(key))
    return kind(**checked)


def _typed(hint: Any, value: Any, where: str) -> Any:
    origin = typing.get_origin(hint)
    if origin is Literal:
        options = typing.get_args(hint)
        if value in options:
            return value
        raise ConfigError(
            f"{where} is {value!r}",
            hint=f"one of: {', '.join(map(repr, options))}",
        )
    if origin in (types.UnionType, typing.Union):
        for option in typing.get_args(hint):
            try:
                return _typed(option, value, where)
            except ConfigError:
                continue
    elif origin is tuple and isinstance(value, list | tuple):
        return tuple(_typed(typing.get_args(hint)[0], item, where) for item in value)
    elif origin is dict and isinstance(value, Mapping):
        inner = typing.get_args(hint)[1]
        return {str(name): _typed(inner, item, where) for name, item in value.items()}
    elif hint is Any:
        return value
    elif hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    elif isinstance(hint, type) and isinstance(value, hint):
        plain = not (hint is int and isinstance(value, bool))
        if plain:
            return value
    expected = getattr(hint, "__name__", str(hint)) if origin is None else str(hint)
    raise ConfigError(
        f"{where} is {value!r}, a {type(value).__name__}", hint=f"expected: {expected}"
    )


def _check_values(settings: Settings, file: Path) -> None:
    """What types cannot say: durations, ports, thresholds."""

    def refuse(section: str, key: str, message: str, hint: str) -> None:
        origin = settings.origins.get(f"{section}.{key}", "default")
        raise ConfigError(
            f"{_place(file, origin, section, key)} {message}", hint=hint, key=f"{section}.{key}"
        )

    durations = (
        ("envelope", "freshness"),
        ("monitor", "window"),
        ("monitor", "label_delay"),
        ("retrain", "cooldown"),
    )
    for section, key in durations:
        text = getattr(getattr(settings, section), key)
        if not _DURATION.match(text):
            refuse(section, key, f"is {text!r}, not a duration", "500ms, 90s, 1h, 30d, 2w")
    if not 0 <= settings.serving.port <= 65535:
        refuse("serving", "port", f"is {settings.serving.port}", "a port is 0 to 65535")
    for name, threshold in settings.gate.thresholds.items():
        if not re.match(r"^(>=|<=|>|<|==)\s*-?\d+(\.\d+)?(e-?\d+)?$", threshold.strip()):
            refuse("gate", "thresholds", f"{name} is {threshold!r}", 'such as ">= 0.70"')
    for column, tolerance in settings.parity.tolerance.items():
        if not re.match(r"^(exact|(abs|rel):\d+(\.\d+)?(e-?\d+)?|ulp:\d+)$", tolerance):
            refuse(
                "parity",
                "tolerance",
                f"{column} is {tolerance!r}",
                "exact, abs:x, rel:x or ulp:n",
            )
    if not settings.package.isidentifier():
        refuse("module", "package", f"{settings.package!r} cannot be imported", "a Python name")
    if set(settings.data.key) & settings.not_inputs:
        refuse("data", "key", "contains a column known only afterwards", "use another key")
    if not 0 < settings.gate.confidence < 1:
        refuse("gate", "confidence", f"is {settings.gate.confidence}", "between 0 and 1")
