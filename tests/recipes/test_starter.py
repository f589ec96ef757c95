"""The starter recipe: a project that runs at once, and its clear refusals at the road's junctions."""

from __future__ import annotations

from pathlib import Path

from command import nbprod


def test_release_needs_a_gate_and_a_gate_needs_a_run(tmp_path: Path) -> None:
    """Each refusal names the command that comes before."""
    assert nbprod("init", ".", cwd=tmp_path).code == 0
    for verb, word in (("gate", "train"), ("release", "train"), ("deploy", "release")):
        result = nbprod(verb, cwd=tmp_path)
        assert result.code == 3, result.err  # something is missing: nothing was judged
        assert f"nbprod {word}" in result.err
    for verb in ("status", "verify", "serve", "undeploy"):
        assert nbprod(verb, cwd=tmp_path).code == 3, verb


def test_config_and_doctor_tell_what_is_there(tmp_path: Path) -> None:
    """Every value has an origin; nothing that the core needs is missing."""
    assert nbprod("init", ".", cwd=tmp_path).code == 0
    values = nbprod("config", "show", "--json", cwd=tmp_path).record["values"]
    origins = {item["key"]: item["origin"] for item in values}
    assert origins["model.name"].startswith("nbprod.toml:")
    assert origins["serving.host"] == "default"
    diagnosis = nbprod("doctor", "--json", cwd=tmp_path)
    assert diagnosis.code == 0, diagnosis.out
    assert {item["name"] for item in diagnosis.record["items"]} >= {"python", "ray", "disk", "port"}
