"""What the service says about itself: schema and OpenAPI."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbprod.data.row_values import INT64
from nbprod.serving.reading import MAX_ID, MAX_ROWS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbprod.records import ColumnRule, DataContract, Json

_JSON_TYPES = {"int": "integer", "float": "number", "str": "string", "bool": "boolean"}


def row_schema(rules: Sequence[ColumnRule], *, strict: bool) -> Json:
    """A JSON Schema of one row."""
    return {
        "type": "object",
        "properties": {rule.name: _column_schema(rule) for rule in rules},
        "required": [rule.name for rule in rules if rule.required],
        "additionalProperties": not strict,
    }


def _column_schema(rule: ColumnRule) -> Json:
    schema: Json = {"type": _JSON_TYPES.get(rule.dtype, "string")}
    if rule.dtype == "datetime":
        schema["format"] = "date-time"
    low, high = INT64 if rule.dtype == "int" else (None, None)
    limits = {
        "minimum": low if rule.minimum is None else rule.minimum,
        "maximum": high if rule.maximum is None else rule.maximum,
        "enum": list(rule.categories) if rule.categories is not None else None,
        "pattern": rule.pattern,
        "description": ", ".join(filter(None, (rule.description, rule.unit))) or None,
    }
    schema |= {name: value for name, value in limits.items() if value is not None}
    if rule.nullable:
        schema["type"] = [schema["type"], "null"]
        if "enum" in schema:
            schema["enum"].append(None)
    return schema


def schema(contract: DataContract, *, name: str, release: str) -> Json:
    """``GET /schema``: the contract that requests are judged by."""
    return {
        "model": name,
        "release": release,
        "key": list(contract.key),
        "input": row_schema(contract.input, strict=contract.strict),
        "output": row_schema(contract.output, strict=True),
    }


def prediction_schema(contract: DataContract) -> Json:
    """One prediction: a scalar where Output has one column, else an object."""
    if len(contract.output) == 1:
        return _column_schema(contract.output[0])
    return row_schema(contract.output, strict=True)


def openapi(contract: DataContract, *, name: str, release: str, numeric_outcome: str = "") -> Json:
    """``GET /openapi.json``: the routes a caller uses, with this release's own schema.

    numeric_outcome: the name of the outcome that must be a number, where there is one.
    """
    problem = {"$ref": "#/components/schemas/Problem"}

    def answers(good: Json, *codes: int) -> Json:
        listed = {"200": {"description": "the answer", "content": {"application/json": good}}}
        return listed | {
            str(code): {
                "description": "refused",
                "content": {"application/problem+json": {"schema": problem}},
            }
            for code in codes
        }

    def posts(body: str, answer: str) -> Json:
        return {
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": _ref(body)}},
            },
            "responses": answers({"schema": _ref(answer)}, 400, 401, 403, 413, 415, 422, 503, 504),
        }

    def gets(answer: Json, *codes: int) -> Json:
        return {"responses": answers({"schema": answer}, *codes)}

    by_id = gets({"type": "object"}, 404) | {
        "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}]
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": name, "version": release},
        "paths": {
            "/predict": {"post": posts("PredictRequest", "PredictAnswer")},
            "/outcomes": {"post": posts("OutcomesRequest", "OutcomesAnswer")},
            "/predictions/{id}": {"get": by_id},
            "/schema": {"get": gets({"type": "object"})},
            "/healthz": {"get": gets({"type": "object"})},
            "/readyz": {"get": gets({"type": "object"}, 503)},
        },
        "components": {"schemas": _components(contract, numeric_outcome)},
    }


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _components(contract: DataContract, numeric_outcome: str) -> Json:
    text, flag = {"type": "string"}, {"type": "boolean"}
    rows = {"type": "array", "items": _ref("Row"), "maxItems": MAX_ROWS}
    request_id = {"type": "string", "minLength": 1, "maxLength": MAX_ID}
    outcome = _outcome(numeric_outcome)
    return {
        "Row": row_schema(contract.input, strict=contract.strict),
        "PredictRequest": {
            "type": "object",
            "properties": {"instances": rows, "request_id": request_id, "partial": flag},
            "required": ["instances"],
            "additionalProperties": False,
        },
        "PredictAnswer": {
            "type": "object",
            "properties": {
                "predictions": {"type": "array", "items": prediction_schema(contract)},
                "prediction_ids": {"type": "array", "items": text},
                "release": text,
                "role": text,
                "degraded": flag,
                "request_id": text,
            },
        },
        "OutcomesRequest": {
            "type": "object",
            "properties": {"outcomes": {"type": "array", "items": outcome, "maxItems": MAX_ROWS}},
            "required": ["outcomes"],
        },
        "OutcomesAnswer": {
            "type": "object",
            "properties": {
                "accepted": {"type": "integer"},
                "duplicates": {"type": "integer"},
                "unknown": {"type": "array", "items": text},
            },
        },
        "Problem": {
            "type": "object",
            "properties": {
                "type": text,
                "title": text,
                "status": {"type": "integer"},
                "detail": text,
                "hint": text,
                "errors": {"type": "array", "items": {"type": "object"}},
            },
        },
    }


def _outcome(numeric: str) -> Json:
    """One outcome: by prediction id or by key, exactly one of them.

    numeric: the name of the one that is a number; an outcome without a name is that one.
    """
    text, name = {"type": "string"}, {"type": "string", "minLength": 1}
    plain = {"type": ["string", "number", "boolean", "null"]}
    other = {
        "required": ["name"],
        "properties": {"name": {"minLength": 1, "not": {"const": numeric}}},
    }
    number = {"properties": {"outcome": {"type": ["number", "null"]}}}
    return ({"anyOf": [number, other]} if numeric else {}) | {
        "type": "object",
        "properties": {
            "prediction_id": name,
            "key": {"type": "object", "minProperties": 1, "additionalProperties": plain},
            "outcome": plain,
            "name": {"type": "string", "maxLength": MAX_ID},
            "observed_at": text,
        },
        "required": ["outcome"],
        "oneOf": [{"required": ["prediction_id"]}, {"required": ["key"]}],
        "additionalProperties": False,
    }
