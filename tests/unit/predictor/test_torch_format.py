"""torch archives: what torch itself would unpickle or evaluate is refused before it is loaded."""

from __future__ import annotations

import io
import json
import pickle
import zipfile

import pytest
import torch

from nbprod.errors import ExecutionError, TamperedReleaseError
from nbprod.predictor.torch_format import load_torch, save_torch


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(3, 1)
        self.register_buffer("scale", torch.tensor([2.0]))

    def forward(self, rows):
        return (self.linear(rows) * self.scale).squeeze(-1)


@pytest.fixture
def archive(tmp_path):
    """An exported model's file."""
    path = tmp_path / "model.pt2"
    save_torch(Net(), path, lambda model: model(torch.ones(5, 3)))
    return path


def _rewritten(path, change):
    """The archive with members changed: name -> bytes."""
    with zipfile.ZipFile(path) as old:
        members = {name: old.read(name) for name in old.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as new:
        for name, content in members.items():
            new.writestr(name, content)


def _pickled(trap):
    class Trap:
        def __reduce__(self):
            return (open, (str(trap), "w"))

    buffer = io.BytesIO()
    torch.save({"x": Trap()}, buffer)
    return buffer.getvalue()


def _only(members, part):
    return next(name for name in members if part in name)


def _planted_inputs(members, trap):
    members[_only(members, "sample_inputs")] = _pickled(trap)


def _planted_weight(members, trap):
    name = _only(members, "model_weights_config.json")
    config = json.loads(members[name])
    first = next(iter(config["config"].values()))
    first["use_pickle"] = True
    members[name] = json.dumps(config).encode()
    members[name.replace("model_weights_config.json", first["path_name"])] = _pickled(trap)


def _planted_object(members, trap):
    name = _only(members, "model_constants_config.json")
    config = json.loads(members[name])
    config["config"]["evil"] = {
        "path_name": "opaque_obj_0",
        "is_param": False,
        "use_pickle": True,
        "tensor_meta": None,
    }
    members[name] = json.dumps(config).encode()
    members[name.replace("model_constants_config.json", "opaque_obj_0")] = pickle.dumps(0)


def _planted_size(members, trap):
    name = _only(members, "/models/model.json")
    text = members[name].decode()
    start = text.index('"expr_str": "') + len('"expr_str": "')
    end = text.index('"', start)
    members[name] = (text[:start] + f"open(chr(47))+{text[start:end]}" + text[end:]).encode()


@pytest.mark.parametrize(
    "plant", [_planted_inputs, _planted_weight, _planted_object, _planted_size]
)
def test_what_would_run_code_is_refused(archive, tmp_path, plant):
    """Pickles as inputs, as weights, as objects, and a size that is a call: nothing of it runs."""
    trap = tmp_path / "trap"
    _rewritten(archive, lambda members: plant(members, trap))
    with pytest.raises(TamperedReleaseError, match=r"would run code|no tensor|evaluated"):
        load_torch(archive)
    assert not trap.exists()


def test_torch_alone_would_run_it(archive, tmp_path):
    """Why there is a guard: the same archive, loaded by torch, runs what it brings along."""
    trap = tmp_path / "trap"
    _rewritten(archive, lambda members: _planted_weight(members, trap))
    with pytest.raises(Exception):  # noqa: B017, PT011 - what comes out of it is no tensor
        torch.export.load(archive)
    assert trap.exists()


def test_a_sound_archive_passes_whole(archive):
    """Repacked but unchanged, it loads and answers for any number of rows."""
    _rewritten(archive, lambda members: None)
    model = load_torch(archive)
    with torch.no_grad():
        assert model(torch.ones(1, 3)).shape == (1,)
        assert torch.allclose(model(torch.ones(7, 3)), model(torch.ones(1, 3)).expand(7))


@pytest.mark.parametrize("content", [b"", b"PK", b"\x80\x02N.", b"no archive"])
def test_what_is_no_archive_is_refused(tmp_path, content):
    """One error, whatever lies there."""
    path = tmp_path / "model.pt2"
    path.write_bytes(content)
    with pytest.raises(TamperedReleaseError, match=r"model\.pt2 cannot be loaded"):
        load_torch(path)


def test_an_older_form_is_refused(tmp_path):
    """The archives of older torch were pickles throughout."""
    path = tmp_path / "model.pt2"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("version", "8.0")
        archive.writestr("serialized_state_dict.pt", b"")
    with pytest.raises(TamperedReleaseError, match="torch unpickled"):
        load_torch(path)


def test_a_model_that_is_not_called_with_tensors_is_refused(tmp_path):
    """predict must hand tensors to it, or nothing can be traced."""
    with pytest.raises(ExecutionError, match="tensors alone"):
        save_torch(Net(), tmp_path / "a.pt2", lambda model: None)
