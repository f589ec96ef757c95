"""The contract written as pandera code that its user owns.

The law of the pair with `contract_reading`: reading what was written gives the same rules.
"""

from __future__ import annotations

import keyword
from typing import TYPE_CHECKING

from nbprod.data.row_values import datetime_unit

if TYPE_CHECKING:
    from nbprod.records import ColumnRule, DataContract

PARTS = {
    "Input": "Raw rows, as a caller sends them.",
    "Features": "What the model is fed: the transform's columns.",
    "Output": "What predict returns: one column per output.",
}
_NOTES = {
    "Input": (
        "Bounds are half a span wider than what training rows showed, in round numbers that keep",
        "their sign: next month brings other extremes, but a distance stays positive. Datetimes",
        "have no latest bound, since time goes on, and a column that never changed has none.",
        "Nulls are allowed only where they were seen. unique is asked of whole frames: a caller",
        "may well ask twice about one row.",
    ),
    "Features": (
        "No ranges: what an allowed input leads to must itself be allowed, and drift is watched",
        "by monitoring. Nulls are allowed only where training had them.",
    ),
    "Output": (),
}
_HEADER = '''"""What the rows of {package} may hold: raw input, features, output.

Written by `nbprod contract infer` from training rows, and yours to edit from here on: the
training run, the service and batch scoring all judge rows by this file. Check it against data
with `nbprod contract check`.
"""

'''


def render_schemas(contract: DataContract) -> str:
    """The contract as the text of a schemas.py: pandera models Input, Features, Output."""
    parts = {"Input": contract.input, "Features": contract.features, "Output": contract.output}
    classes = [
        _class(
            name,
            rules,
            strict=contract.strict or name != "Input",
            unique=contract.unique if name == "Input" else (),
        )
        for name, rules in parts.items()
    ]
    body = "\n\n\n".join(classes)
    return _HEADER.format(package=contract.package) + _imports(body) + "\n\n" + body + "\n"


def _imports(body: str) -> str:
    typing = [name for name in ("Annotated", "Optional") if f"{name}[" in body]
    lines = [f"from typing import {', '.join(typing)}", ""] if typing else []
    if "pd." in body:
        lines.append("import pandas as pd")
    lines.append("import pandera.pandas as pa")
    if "Series[" in body:
        lines.append("from pandera.typing import Series")
    return "\n".join(lines) + "\n"


def _class(
    name: str, rules: tuple[ColumnRule, ...], *, strict: bool, unique: tuple[tuple[str, ...], ...]
) -> str:
    lines = [f"class {name}(pa.DataFrameModel):", f'    """{PARTS[name]}"""', ""]
    if rules and _NOTES[name]:
        lines += [f"    # {line}" for line in _NOTES[name]]
    taken: set[str] = set()
    for rule in rules:
        lines += _field(rule, taken, unique=(rule.name,) in unique)
    if rules:
        lines.append("")
    lines += ["    class Config:", f"        strict = {strict}"]
    lines += [f"        unique = {_list(names)}" for names in unique if len(names) > 1][:1]
    return "\n".join(lines)


def _field(rule: ColumnRule, taken: set[str], *, unique: bool) -> list[str]:
    attribute = _attribute(rule.name, taken)
    options = _options(rule)
    if unique:
        options = {"unique": "True"} | options
    if attribute != rule.name:
        options["alias"] = _quoted(rule.name)
    annotation = f"Series[{_annotation(rule)}]"
    if not rule.required:
        annotation = f"Optional[{annotation}]"
    if not options:
        return [f"    {attribute}: {annotation}"]
    inline = ", ".join(f"{key}={value}" for key, value in options.items())
    line = f"    {attribute}: {annotation} = pa.Field({inline})"
    if len(line) <= 100:
        return [line]
    return [
        f"    {attribute}: {annotation} = pa.Field(",
        *(f"        {key}={value}," for key, value in options.items()),
        "    )",
    ]


def _attribute(name: str, taken: set[str]) -> str:
    """A Python name for a column; the column's own one where that can be an attribute."""
    import pandera.pandas as pa

    plain = name.isidentifier() and name.isascii() and not keyword.iskeyword(name)
    plain = plain and not name.startswith("_") and not hasattr(pa.DataFrameModel, name)
    plain = plain and name not in ("Config", "pa", "pd", "Series", "Optional", "Annotated")
    attribute = name
    if not plain or name in taken:
        attribute = f"column_{len(taken) + 1}"
    taken.add(attribute)
    return attribute


def _annotation(rule: ColumnRule) -> str:
    if rule.dtype == "datetime":
        resolution, zone = datetime_unit(rule)
        if zone:
            return f'Annotated[pd.DatetimeTZDtype, "{resolution}", "{zone}"]'
        return "pa.DateTime"
    if rule.nullable and rule.dtype in ("int", "bool"):
        return {"int": "pd.Int64Dtype", "bool": "pd.BooleanDtype"}[rule.dtype]
    return rule.dtype


def _options(rule: ColumnRule) -> dict[str, str]:
    options: dict[str, str] = {}
    whole = rule.dtype == "int"
    if rule.minimum is not None:
        options["ge"] = _number(rule.minimum, whole)
    if rule.maximum is not None:
        options["le"] = _number(rule.maximum, whole)
    if rule.earliest is not None:
        options["ge"] = f'pd.Timestamp("{rule.earliest}")'
    if rule.latest is not None:
        options["le"] = f'pd.Timestamp("{rule.latest}")'
    if rule.categories is not None:
        options["isin"] = _list(rule.categories)
    if rule.pattern is not None:
        options["str_matches"] = _quoted(rule.pattern)
    if rule.nullable:
        options["nullable"] = "True"
    if rule.dtype == "datetime" and "," not in rule.unit:
        options["coerce"] = "True"  # pandera knows naive datetimes in nanoseconds only
    if metadata := _metadata(rule):
        options["metadata"] = metadata
    if rule.description:
        options["description"] = _quoted(rule.description)
    return options


def _metadata(rule: ColumnRule) -> str:
    """What pandera has no word for: the unit (a zone is part of the type) and the freshness."""
    told = {}
    if rule.unit and not (rule.dtype == "datetime" and "," in rule.unit):
        told["unit"] = rule.unit
    if rule.freshness:
        told["freshness"] = rule.freshness
    pairs = ", ".join(f'"{key}": {_quoted(value)}' for key, value in told.items())
    return "{" + pairs + "}" if pairs else ""


def _number(value: float, whole: bool) -> str:
    return str(int(value)) if whole and value.is_integer() else repr(float(value))


def _quoted(text: str) -> str:
    """A string literal, in double quotes where that needs no escape."""
    literal = repr(text)
    return f'"{literal[1:-1]}"' if literal[0] == "'" and '"' not in literal else literal


def _list(values: tuple[str, ...]) -> str:
    """A list of texts, broken into lines where one is too long."""
    text = "[" + ", ".join(map(_quoted, values)) + "]"
    if len(text) <= 70:
        return text
    lines, line = [], " " * 12
    for value in map(_quoted, values):
        if len(line) + len(value) + 2 > 98 and line.strip():
            lines.append(line.rstrip())
            line = " " * 12
        line += value + ", "
    return "\n".join(["[", *lines, line.rstrip(), "        ]"])
