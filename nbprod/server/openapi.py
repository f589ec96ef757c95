"""The OpenAPI document, generated from the routes and their schemas.

``python -m nbprod.server.openapi`` writes it beside this file; a test holds it against the routes,
and the front end's types are generated from it.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.server.requests import BASE
from nbprod.server.routes import ROUTES
from nbprod.server.schemas import Body, Problem

if TYPE_CHECKING:
    from nbprod.server.routes import Route

FILE = Path(__file__).with_name("openapi.json")
_REFERENCE = "#/components/schemas/{model}"


def document() -> dict[str, Any]:
    """The whole document as plain data."""
    from nbprod import __version__

    shapes, named = _shapes()
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(f"/{BASE}/{route.path}", {})[route.method.lower()] = _operation(
            route, shapes
        )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "nbprod in Jupyter Server",
            "version": __version__,
            "description": "Every verb of the road over REST, for the JupyterLab extension.",
        },
        "paths": paths,
        "components": {"schemas": named},
    }


def text() -> str:
    """The document as it lies in the repository."""
    return json.dumps(document(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _shapes() -> tuple[dict[tuple[type, str], Any], dict[str, Any]]:
    """By type and direction its schema, and all named schemas."""
    from pydantic import TypeAdapter

    bodies = {route.body for route in ROUTES if route.body}
    answers = {route.answer for route in ROUTES if route.answer} | {Problem}
    wanted = [(kind, "validation") for kind in bodies] + [
        (kind, "serialization") for kind in answers
    ]
    wanted.sort(key=lambda pair: (pair[0].__name__, pair[1]))
    shapes, document = TypeAdapter.json_schemas(
        [(kind, mode, TypeAdapter(kind)) for kind, mode in wanted],
        ref_template=_REFERENCE,
    )
    named = {name: _tidy(schema) for name, schema in document["$defs"].items()}
    asked = {kind.__name__ for kind in bodies} | {
        name for name, kind in _body_classes().items() if name in named and issubclass(kind, Body)
    }
    for name, schema in named.items():
        if name not in asked and "properties" in schema:
            schema["required"] = list(schema["properties"])  # an answer holds every field
    return {(kind, mode): _tidy(shapes[(kind, mode)]) for kind, mode in shapes}, named


def _body_classes() -> dict[str, type]:
    import nbprod.server.schemas as schemas

    return {name: kind for name, kind in vars(schemas).items() if isinstance(kind, type)}


def _tidy(schema: Any) -> Any:
    """A schema without titles, which only repeat the names, and without source indentation."""
    if isinstance(schema, list):
        return [_tidy(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made: dict[str, Any] = {}
    for name, item in schema.items():
        if name == "title" and isinstance(item, str):
            continue
        if name == "properties":
            made[name] = {key: _tidy(inner) for key, inner in item.items()}
        elif name == "description" and isinstance(item, str):
            made[name] = re.sub(r"\s+", " ", item).strip()
        else:
            made[name] = _tidy(item)
    return made


def _operation(route: Route, shapes: dict[tuple[type, str], Any]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "responses": {
            str(route.status): _answer(route, shapes),
            "default": {
                "description": "What went wrong, and the next step.",
                "content": {
                    "application/problem+json": {"schema": shapes[Problem, "serialization"]}
                },
            },
        },
    }
    names = re.findall(r"{(\w+)}", route.path)
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in names
    ] + [
        {
            "name": item.name,
            "in": "query",
            "description": item.about,
            "schema": {"type": "integer" if item.number else "string"},
        }
        for item in route.query
    ]
    if parameters:
        made["parameters"] = parameters
    if route.body:
        schema = shapes[route.body, "validation"]
        made["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schema}},
        }
    return made


def _answer(route: Route, shapes: dict[tuple[type, str], Any]) -> dict[str, Any]:
    if route.answer is None:
        page = {"text/html": {"schema": {"type": "string"}}}
        return {"description": "A self-contained page without script.", "content": page}
    schema = shapes[route.answer, "serialization"]
    told: dict[str, Any] = {
        "description": "Done.",
        "content": {"application/json": {"schema": schema}},
    }
    if route.status == 202:
        told["description"] = "The job that does it."
        told["headers"] = {"Location": {"schema": {"type": "string"}}}
    return told


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
