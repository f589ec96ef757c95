"""The OpenAPI document: complete, and true. That it is the committed one is a house rule."""

from __future__ import annotations

import json
import re

from nbprod.server import openapi
from nbprod.server.routes import ROUTES, by_path


def test_every_route_stands_in_it_once_under_a_name_of_its_own() -> None:
    """A client's method for each path and verb, and no two of one name."""
    paths = json.loads(openapi.text())["paths"]
    told = [(path, method) for path, methods in paths.items() for method in methods]
    assert sorted(told) == sorted((f"/nbprod/api/{r.path}", r.method.lower()) for r in ROUTES)
    names = [methods[method]["operationId"] for methods in paths.values() for method in methods]
    assert len(names) == len(set(names)) == len(ROUTES)
    assert sum(map(len, by_path().values())) == len(ROUTES)


def test_every_reference_leads_somewhere_and_answers_hold_every_field() -> None:
    """No dangling schema; what a record holds is never optional for its reader."""
    text = openapi.text()
    document = json.loads(text)
    named = document["components"]["schemas"]
    assert {ref.rpartition("/")[2] for ref in re.findall(r'"\$ref": "([^"]+)"', text)} <= set(named)
    for name in ("Job", "GateResult", "ParityReport", "Problem", "Stage", "Finding", "Preview"):
        assert set(named[name]["required"]) == set(named[name]["properties"]), name
    assert named["Train"]["additionalProperties"] is False
    assert "required" not in named["Train"]
