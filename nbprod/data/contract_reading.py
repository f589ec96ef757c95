"""A schemas.py read back: pandera models become the rules that single rows are judged by."""

from __future__ import annotations

import importlib.util
import math
import sys
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from nbprod.data.contract_source import PARTS
from nbprod.errors import DataError
from nbprod.records import ColumnRule, DataContract, Finding, sha256

if TYPE_CHECKING:
    from collections.abc import Iterator


def load_contract(
    schemas_path: str | Path, *, package: str, key: tuple[str, ...] = ()
) -> DataContract:
    """The contract that a schemas.py states; it is executed, so call this in a child process.

    A check that only pandera can run is kept as ``compiled=False`` on its column's rule and
    named in a finding. Raises DataError when the file is missing, raises, or has no Input.
    """
    schemas = load_schemas(schemas_path)
    findings: list[Finding] = []
    parts = {name: _rules(name, schema, findings) for name, schema in schemas.items()}
    return DataContract(
        package=package,
        source_digest=sha256(Path(schemas_path).read_bytes()),
        input=parts["Input"],
        features=parts.get("Features", ()),
        output=parts.get("Output", ()),
        key=tuple(key),
        strict=schemas["Input"].strict is True,
        findings=tuple(findings),
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
                schemas[name] = _schema(model, name, path)
    if "Input" not in schemas:
        raise DataError(
            f"{path} has no class Input",
            hint="name the pandera models Input, Features and Output",
        )
    return schemas


def _schema(model: Any, name: str, path: Path) -> Any:
    try:
        return model.to_schema() if hasattr(model, "to_schema") else model
    except Exception as error:
        raise DataError(
            f"{path}: {name} is not a schema pandera understands: {error}",
            hint="look at the class's columns and their types",
        ) from error


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
    except Exception as error:
        raise DataError(
            f"{path} cannot be executed: {type(error).__name__}: {error}",
            hint="it must import on its own: run it with Python to see the whole traceback",
        ) from error
    finally:
        for name in [name for name in sys.modules if name.partition(".")[0] == package]:
            del sys.modules[name]


def _rules(part: str, schema: Any, findings: list[Finding]) -> tuple[ColumnRule, ...]:
    rules = tuple(_rule(str(name), column, findings) for name, column in schema.columns.items())
    if schema.checks or getattr(schema, "parsers", None) or schema.unique:
        findings.append(_uncompiled(part, None, "checks of the whole frame"))
    return rules


def _rule(name: str, column: Any, findings: list[Finding]) -> ColumnRule:
    if column.regex:
        raise DataError(
            f"the contract names columns by a pattern, {name!r}",
            hint="name each column: a caller must know what to send",
        )
    dtype, unit = _dtype(name, column.dtype)
    values: dict[str, Any] = {"minimum": None, "maximum": None, "categories": None}
    values |= {"earliest": None, "latest": None, "pattern": None}
    foreign = [check for check in column.checks if not _compile(check, dtype, values)]
    if foreign or column.unique or getattr(column, "parsers", None):
        names = [str(check.name or check.error or "a check") for check in foreign]
        names += ["unique"] if column.unique else []
        findings.append(_uncompiled(name, name, ", ".join(names) or "a parser"))
        values["compiled"] = False
    return ColumnRule(
        name=name,
        dtype=dtype,
        nullable=bool(column.nullable),
        required=bool(column.required),
        unit=unit if dtype == "datetime" and unit else (column.metadata or {}).get("unit", unit),
        description=column.description or "",
        **values,
    )


def _uncompiled(where: str, column: str | None, what: str) -> Finding:
    return Finding(
        code="NBC002",
        severity="warning",
        message=f"{where}: {what} can only be run by pandera, on whole frames",
        hint="single requests are not judged by it; say it with ge, le, isin or str_matches",
        column=column,
    )


def _dtype(name: str, dtype: Any) -> tuple[Any, str]:
    """The contract's dtype of a pandera one, and a datetime's resolution and zone."""
    text = str(dtype).lower()
    if text.startswith("datetime64"):
        resolution, _, zone = str(dtype)[len("datetime64[") : -1].partition(", ")
        return "datetime", f"{resolution}, {zone}" if zone else ""
    for prefixes, kind in (
        (("int", "uint"), "int"),
        (("float",), "float"),
        (("bool",), "bool"),
        (("str", "object", "category", "large_string"), "str"),
    ):
        if text.startswith(prefixes):
            return kind, ""
    raise DataError(
        f"the contract gives column {name!r} the type {dtype}",
        hint="a caller can send int, float, str, bool and datetimes",
        column=name,
    )


def _compile(check: Any, dtype: str, values: dict[str, Any]) -> bool:
    """Take a pandera check into a rule's values; False when only pandera can run it."""
    facts = check.statistics or {}
    name = check.name
    if check.raise_warning or not check.ignore_na:
        return False
    if name in ("greater_than_or_equal_to", "greater_than"):
        return _tighten(values, dtype, facts["min_value"], None, open_=name == "greater_than")
    if name in ("less_than_or_equal_to", "less_than"):
        return _tighten(values, dtype, None, facts["max_value"], open_=name == "less_than")
    if name == "in_range":
        low = _tighten(values, dtype, facts["min_value"], None, open_=not facts["include_min"])
        high = _tighten(values, dtype, None, facts["max_value"], open_=not facts["include_max"])
        return low and high
    if name == "isin":
        return _isin(values, dtype, list(facts["allowed_values"]))
    if name == "str_matches" and dtype == "str" and values["pattern"] is None:
        pattern = facts["pattern"]
        values["pattern"] = getattr(pattern, "pattern", pattern)
        return True
    return False


def _tighten(values: dict[str, Any], dtype: str, low: Any, high: Any, *, open_: bool) -> bool:
    """Take a bound, the tighter one where there are two; an open one becomes the next number."""
    if dtype == "datetime":
        if open_ or not hasattr(low if high is None else high, "isoformat"):
            return False
        slot, bound = ("earliest", low) if high is None else ("latest", high)
        if values[slot] is not None:
            return False
        values[slot] = bound.isoformat()
        return True
    if dtype not in ("int", "float"):
        return False
    bound = float(low if high is None else high)
    upwards = high is None
    if open_:
        bound = _next(bound, dtype, math.inf if upwards else -math.inf)
    slot = "minimum" if upwards else "maximum"
    other = values[slot]
    pick = max if upwards else min
    values[slot] = bound if other is None else pick(bound, other)
    return True


def _next(bound: float, dtype: str, towards: float) -> float:
    if dtype == "float":
        return math.nextafter(bound, towards)
    return math.floor(bound) + 1.0 if towards > 0 else math.ceil(bound) - 1.0


def _isin(values: dict[str, Any], dtype: str, allowed: list[Any]) -> bool:
    if dtype == "str" and all(isinstance(value, str) for value in allowed):
        if values["categories"] is not None:
            return False
        values["categories"] = tuple(allowed)
        return True
    whole = dtype == "int" and all(type(value) is int for value in allowed)
    if whole and sorted(allowed) == list(range(min(allowed), max(allowed) + 1)):
        low = _tighten(values, dtype, min(allowed), None, open_=False)
        return low and _tighten(values, dtype, None, max(allowed), open_=False)
    return False
