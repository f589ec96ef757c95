"""``nbprod.toml`` + environment + arguments -> one frozen ``Settings``."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.config.checking import check_values
from nbprod.config.places import FILE_NAME, line_of, place
from nbprod.config.sections import SECTIONS, Settings
from nbprod.config.values import did_you_mean, section_of
from nbprod.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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
            origins[f"{section}.{key}"] = f"{FILE_NAME}:{line_of(text, section, key)}"
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
        return lambda key: place(file, origins.get(f"{section}.{key}", "default"), section, key)

    sections = {
        name: section_of(kind, raw.get(name, {}), where(name)) for name, kind in SECTIONS.items()
    }
    for section, key in _REQUIRED:
        if not getattr(sections[section], key):
            raise ConfigError(
                f"{file}: [{section}] {key} is missing",
                hint=f'add to {FILE_NAME}:\n\n  [{section}]\n  {key} = "…"',
                key=f"{section}.{key}",
            )
    settings = Settings(project_path=str(folder), origins=origins, **sections)
    check_values(settings, file)
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
            line = line_of(text, section, None)
            raise ConfigError(
                f"{file}, line {line}: unknown section [{section}]",
                hint=did_you_mean(section, SECTIONS),
                key=section,
                line=line,
            )
        known = [item.name for item in dataclasses.fields(SECTIONS[section])]
        for key in keys:
            if key not in known:
                line = line_of(text, section, key)
                raise ConfigError(
                    f"{file}, line {line}: unknown key {key!r} in [{section}]",
                    hint=did_you_mean(key, known),
                    key=f"{section}.{key}",
                    line=line,
                )


def _from_text(value: str) -> Any:
    """An environment value: read as TOML where it is a TOML value, else as the text itself."""
    try:
        return tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return value
