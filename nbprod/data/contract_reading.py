"""A schemas.py read back: pandera models become the rules that single rows are judged by."""

from __future__ import annotations

import importlib.util
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from nbprod.config import duration_s
from nbprod.data.check_compilation import compiled
from nbprod.data.contract_source import PARTS
from nbprod.errors import ConfigError, DataError
from nbprod.records import ColumnRule, DataContract, Finding, sha256

if TYPE_CHECKING:
    from collections.abc import Iterator


def load_contract(
    schemas_path: str | Path, *, package: str, key: tuple[str, ...] = ()
) -> DataContract:
    """The contract that a schemas.py states; it is executed, so call this in a child process.

    A check that only pandera can run is kept as ``compiled=False`` on its column's rule (or its
    part's name in ``whole``) and named in a finding. Raises DataError when the file is missing,
    raises, or has no Input.
    """
    schemas = load_schemas(schemas_path)
    parts = {name: read_part(name, schema) for name, schema in schemas.items()}
    rules = {name: part.rules for name, part in parts.items()}
    return DataContract(
        package=package,
        source_digest=sha256(Path(schemas_path).read_bytes()),
        input=rules["Input"],
        features=rules.get("Features", ()),
        output=rules.get("Output", ()),
        key=tuple(key),
        strict=parts["Input"].strict,
        unique=parts["Input"].unique,
        whole=tuple(name.lower() for name, part in parts.items() if part.row_checks),
        findings=tuple(finding for part in parts.values() for finding in part.findings),
    )


def load_schemas(schemas_path: str | Path) -> dict[str, Any]:
    """Input, Features, Output of a schemas.py as pandera DataFrameSchemas, those that it has."""
    path = Path(schemas_path)
    if not path.is_file():
        raise DataError(
            f"there is no contract at {path}",
            hint="write one with `nbprod contract infer`, or in a cell tagged nbprod:schema",
        )
    with _executed(path) as module:
        schemas = {}
        for name in PARTS:
            model = getattr(module, name, None)
            if model is not None:
                schemas[name] = as_schema(model, name, path)
    if "Input" not in schemas:
        raise DataError(
            f"{path} has no class Input",
            hint="name the pandera models Input, Features and Output",
        )
    return schemas


def as_schema(model: Any, name: str, path: Path | str) -> Any:
    """A model or schema as a pandera DataFrameSchema; DataError names where it came from."""
    import pandera.pandas as pa

    try:
        schema = model.to_schema() if hasattr(model, "to_schema") else model
    except Exception as error:
        raise DataError(
            f"{path}: {name} is not a schema pandera understands: {error}",
            hint="look at the class's columns and their types",
        ) from error
    if not isinstance(schema, pa.DataFrameSchema):
        raise DataError(
            f"{path}: {name} is a {type(schema).__module__}.{type(schema).__name__}",
            hint="make it a DataFrameModel or DataFrameSchema of pandera.pandas",
        )
    return schema


@contextmanager
def _executed(path: Path) -> Iterator[ModuleType]:
    """The module of a file, run as part of a package of its own so that it may import siblings."""
    package = f"_nbprod_schemas_{sha256(str(path.resolve()))[:16]}"
    parent = ModuleType(package)
    parent.__path__ = [str(path.resolve().parent)]
    spec = importlib.util.spec_from_file_location(f"{package}.{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[package] = parent
    sys.modules[spec.name] = module  # pandera looks annotations up there
    try:
        spec.loader.exec_module(module)
        yield module
    except DataError:
        raise
    except (Exception, SystemExit) as error:
        raise DataError(
            f"{path} cannot be executed: {type(error).__name__}: {error}",
            hint="it must import on its own: run it with Python to see the whole traceback",
        ) from error
    finally:
        for name in [name for name in sys.modules if name.partition(".")[0] == package]:
            del sys.modules[name]


@dataclass(frozen=True)
class Part:
    """Input, Features or Output of a schemas.py: what was compiled, and what only pandera runs."""

    rules: tuple[ColumnRule, ...]
    strict: bool
    unique: tuple[tuple[str, ...], ...]
    column_checks: dict[str, list[Any]]  # column -> pandera checks
    row_checks: list[Any]  # pandera checks of whole rows or of the whole frame
    findings: tuple[Finding, ...]


def read_part(name: str, schema: Any) -> Part:
    """A pandera DataFrameSchema as rules, with the checks that they do not state."""
    findings = [_not_taken(name, what) for what in _changes(schema)]
    rules, foreign = [], {}
    unique = [_names(schema.unique)] if schema.unique else []
    for column_name, column in schema.columns.items():
        rule, checks = _rule(name, column_name, column, schema.dtype, findings)
        rules.append(rule)
        if checks:
            foreign[rule.name] = checks
        if column.unique:
            unique.append((rule.name,))
    if schema.checks:
        findings.append(_uncompiled(name, name, None, _listed(schema.checks)))
    return Part(
        rules=tuple(rules),
        strict=schema.strict is True,
        unique=tuple(dict.fromkeys(unique)),
        column_checks=foreign,
        row_checks=list(schema.checks),
        findings=tuple(findings),
    )


def _names(unique: Any) -> tuple[str, ...]:
    return (unique,) if isinstance(unique, str) else tuple(map(str, unique))


def _rule(
    part: str, name: Any, column: Any, every_dtype: Any, findings: list[Finding]
) -> tuple[ColumnRule, list[Any]]:
    if not isinstance(name, str) or column.regex:
        raise DataError(
            f"the contract names columns by {name!r}",
            hint="name each column, in text: a caller must know what to send",
        )
    facts, foreign = compiled(name, column, every_dtype or column.dtype)
    facts |= _declared(name, column, facts)
    if foreign:
        findings.append(_uncompiled(part, name, name, _listed(foreign)))
    findings.extend(_not_taken(name, what, name) for what in _column_changes(column, facts))
    rule = ColumnRule(
        name=name,
        required=bool(column.required),
        description=column.description or "",
        compiled=not foreign,
        **facts,
    )
    return rule, foreign


def _declared(name: str, column: Any, facts: dict[str, Any]) -> dict[str, Any]:
    """Unit and freshness, which pandera keeps in a column's metadata."""
    told = column.metadata or {}
    declared = {"unit": facts["unit"] or str(told.get("unit", ""))}
    freshness = str(told.get("freshness", ""))
    if not freshness:
        return declared
    try:
        duration_s(freshness)
    except ConfigError as error:
        raise DataError(
            f"the freshness of column {name!r}: {error}", hint=error.hint, column=name
        ) from error
    if facts["dtype"] != "datetime":
        raise DataError(
            f"column {name!r} has a freshness, but holds {facts['dtype']}",
            hint="say it on the datetime column that tells how old a row is",
            column=name,
        )
    return declared | {"freshness": freshness}


def _changes(schema: Any) -> list[str]:
    """What a whole schema does besides judging."""
    changes = ["a parser"] if schema.parsers else []
    changes += ["coerce=True"] if schema.coerce else []
    changes += ["add_missing_columns"] if schema.add_missing_columns else []
    changes += ["drop_invalid_rows"] if schema.drop_invalid_rows else []
    return changes + (["the index"] if schema.index is not None else [])


def _column_changes(column: Any, facts: dict[str, Any]) -> list[str]:
    # a naive datetime is coerced in every file of ours: pandera knows nanoseconds only
    coerces = column.coerce and facts["dtype"] != "datetime"
    changes = ["coerce=True"] if coerces else []
    changes += ["a parser"] if column.parsers else []
    return changes + ([] if column.default is None else ["a default"])


def _not_taken(where: str, what: str, column: str | None = None) -> Finding:
    return Finding(
        code="NBC004",
        severity="warning",
        message=f"{where}: {what} is not taken over: a contract judges rows, it changes none",
        hint="convert, fill or drop in the data or features cell, which training and serving share",
        column=column,
    )


def _listed(checks: list[Any]) -> str:
    return ", ".join(str(check.name or check.error or "a check") for check in checks)


def _uncompiled(part: str, where: str, column: str | None, what: str) -> Finding:
    when = "on the features of a training run"
    if part != "Features":
        when = "on each batch of rows, a millisecond or so"
    return Finding(
        code="NBC002",
        severity="info",
        message=f"{where}: {what} is run by pandera {when}",
        hint="ge, le, in_range, isin and str_matches are compiled; a check that gives one verdict "
        "for all rows judges frames, never a request",
        column=column,
    )
