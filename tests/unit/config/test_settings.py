"""nbprod.toml becomes frozen settings; every mistake is named with its file, line and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from nbprod.config import Settings, duration_s, load_settings, setting_values
from nbprod.errors import ConfigError

FIVE_LINES = """\
[model]
name = "flight-delay"
owner = "ops@example.com"
[notebooks]
train = "notebooks/train.ipynb"
"""
ROOT = Path(__file__).parents[3]


def _project(tmp_path: Path, text: str) -> Path:
    (tmp_path / "nbprod.toml").write_text(text)
    return tmp_path


def test_five_lines_are_enough(tmp_path: Path) -> None:
    """Everything else has a default that suits a small team."""
    settings = load_settings(_project(tmp_path, FIVE_LINES), environ={})
    assert settings.package == "flight_delay"
    assert settings.serving.host == "127.0.0.1"
    assert settings.tracking_uri == f"sqlite:///{tmp_path}/.nbprod/mlflow.db"


def test_the_flights_recipe_uses_every_section() -> None:
    """The recipe is the documentation of the file."""
    settings = load_settings(ROOT / "recipes" / "flights", environ={})
    sections = {key.split(".")[0] for key in settings.origins}
    assert sections == {name for name in vars(settings) if name not in ("project_path", "origins")}


def test_precedence_is_argument_environment_file_default(tmp_path: Path) -> None:
    """Each value's origin is kept, to be shown by `config show`."""
    folder = _project(tmp_path, FIVE_LINES + "[serving]\nport = 8001\nreplicas = 3\nhost = 'a'\n")
    environ = {"NBPROD_SERVING_PORT": "8002", "NBPROD_SERVING_HOST": "b"}
    settings = load_settings(folder, arguments={"serving.port": 8003}, environ=environ)
    assert (settings.serving.port, settings.serving.host, settings.serving.replicas) == (
        8003,
        "b",
        3,
    )
    origins = {item["key"]: item["origin"] for item in setting_values(settings)}
    assert origins["serving.port"] == "argument"
    assert origins["serving.host"] == "environment NBPROD_SERVING_HOST"
    assert origins["serving.replicas"] == "nbprod.toml:8"
    assert origins["serving.gpus"] == "default"


@pytest.mark.parametrize(
    ("text", "line", "words", "hint"),
    [
        (FIVE_LINES + "[serving]\nprot = 1\n", 7, ["'prot'", "[serving]"], "'port'"),
        (FIVE_LINES + "[servign]\nport = 1\n", 6, ["[servign]"], "'serving'"),
        (FIVE_LINES + "[serving]\nport = 'x'\n", 7, ["port", "'x'"], "a whole number"),
        (FIVE_LINES + "[serving]\nport = true\n", 7, ["port", "True"], "a whole number"),
        (FIVE_LINES + "[serving]\nport = 1\nreplicas = 0\n", 8, ["replicas is 0"], "at least 1"),
        (FIVE_LINES + "[serving]\nreplicas = {min = 3, max = 2}\n", 7, ["replicas"], "no more"),
        (FIVE_LINES + "[serving]\nreplicas = {min = 3, target = 0}\n", 7, ["replicas"], "target"),
        (FIVE_LINES + "[serving]\ndevice = 'gpu'\n", 7, ["device is 'gpu'"], "cuda"),
        (FIVE_LINES + "[serving]\ngpus = -0.5\n", 7, ["gpus is -0.5"], "fraction"),
        (FIVE_LINES + "[serving]\nreplicas = 'two'\n", 7, ["'two'"], "a table with min, max"),
        (FIVE_LINES + "[serving]\nbatch = {max_rows = 0}\n", 7, ["batch"], "no batches"),
        (FIVE_LINES + "[serving]\nlog = {redct = ['a']}\n", 7, ["log", "'redct'"], "'redact'"),
        (FIVE_LINES + "[serving.log]\nredact = 'a'\n", 6, ["log.redact is 'a'"], "a list"),
        (FIVE_LINES + "[serving]\nlog = {on_failure = 'x'}\n", 7, ["on_failure"], "'refuse'"),
        (FIVE_LINES + "[serving]\nauth = {token_env = 'X'}\n", 7, ["'token_env'"], "'tokens_env'"),
        (FIVE_LINES + "[rollout]\ncanary = {stpes = [10]}\n", 7, ["'stpes'"], "'steps'"),
        (FIVE_LINES + "[rollout]\ncanary = {steps = [0, 110]}\n", 7, ["[0.0, 110.0]"], "percent"),
        (FIVE_LINES + "[data]\nholdout = {last = '30d', fraction = 0.2}\n", 7, ["holdout"], "or"),
        (FIVE_LINES + "[data]\nholdout = {last = 'soon'}\n", 7, ["holdout"], "30d"),
        (FIVE_LINES + "[data]\nholdout = {fraction = 20}\n", 7, ["holdout"], "between 0 and 1"),
        (
            FIVE_LINES + "[gate]\nbaseline = {max_regresion = 1}\n",
            7,
            ["baseline"],
            "max_regression",
        ),
        (FIVE_LINES + "[serving]\nport = 99999\n", 7, ["port", "99999"], "65535"),
        (FIVE_LINES + "[model\n", 6, ["TOML"], ""),
        (FIVE_LINES + "[monitor]\nwindow = '1 hour'\n", 7, ["window"], "1h"),
        (FIVE_LINES + "[gate]\nthresholds = { auc = '0.7' }\n", 7, ["auc"], ">="),
        (FIVE_LINES + "[parity]\ntolerance = { x = 'near' }\n", 7, ["x", "near"], "exact"),
        (FIVE_LINES.replace('"ops', '"ops') + "risk = 'huge'\n", 6, ["risk"], ""),
        (FIVE_LINES + "[model.more]\na = 1\n", 6, ["more"], ""),
    ],
)
def test_a_mistake_is_named_with_file_line_and_key(
    tmp_path: Path, text: str, line: int, words: list[str], hint: str
) -> None:
    """What, where, and what to do next."""
    with pytest.raises(ConfigError) as caught:
        load_settings(_project(tmp_path, text), environ={})
    assert "nbprod.toml" in caught.value.message
    assert f"line {line}" in caught.value.message
    assert all(word in caught.value.message for word in words)
    assert hint in caught.value.hint


def test_a_table_keeps_the_defaults_of_the_keys_it_leaves_out(tmp_path: Path) -> None:
    """One key of a canary's table can be set without losing the others."""
    text = FIVE_LINES + "[rollout]\ncanary = { steps = [5] }\n[data]\nholdout = { last = '7d' }\n"
    settings = load_settings(_project(tmp_path, text), environ={})
    others = {"min_requests": 300, "hold_s": 60.0, "promotion": "automatic"}
    assert settings.rollout.canary == {"steps": (5.0,), **others}
    assert settings.data.holdout == {"last": "7d"}  # it is one or the other


@pytest.mark.parametrize("key", ["name", "owner", "train"])
def test_a_missing_required_key_shows_what_to_write(tmp_path: Path, key: str) -> None:
    """The hint can be pasted into the file."""
    text = "\n".join(line for line in FIVE_LINES.splitlines() if not line.startswith(key))
    with pytest.raises(ConfigError, match=f"{key} is missing") as caught:
        load_settings(_project(tmp_path, text), environ={})
    assert f"{key} =" in caught.value.hint


def test_no_file_names_init(tmp_path: Path) -> None:
    """The next step from an empty folder."""
    with pytest.raises(ConfigError, match=r"no nbprod\.toml") as caught:
        load_settings(tmp_path, environ={})
    assert "nbprod init" in caught.value.hint


def test_settings_survive_the_way_to_a_child_process(tmp_path: Path) -> None:
    """from_json(to_json(settings)) is the settings, also for the recipe with every key."""
    for folder in (_project(tmp_path, FIVE_LINES), ROOT / "recipes" / "flights"):
        settings = load_settings(folder, environ={})
        assert Settings.from_json(settings.to_json()) == settings


@pytest.mark.parametrize(
    ("text", "seconds"), [("500ms", 0.5), ("90s", 90), ("1h", 3600), ("30d", 2592000)]
)
def test_durations_carry_their_unit(text: str, seconds: float) -> None:
    """A bare number has none, and is refused."""
    assert duration_s(text) == seconds
    with pytest.raises(ConfigError):
        duration_s("30")
