"""Where a torch model computes; its way onto a GPU runs only where there is one."""

from __future__ import annotations

import pytest
import torch

from nbprod.errors import ServingError
from nbprod.predictor.model import load_model, save_model
from nbprod.predictor.placement import CPU, RELATIVE_TOLERANCE, Placement
from nbprod.predictor.torch_format import load_torch, save_torch

ROWS = torch.linspace(-1, 1, 60).reshape(20, 3)


@pytest.fixture
def no_gpu(monkeypatch):
    """This process sees no GPU, whatever the machine has."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A network, and the file of its exported program."""
    torch.manual_seed(1)
    net = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
    path = tmp_path_factory.mktemp("net") / "model.pt2"
    save_torch(net, path, lambda model: model(torch.ones(5, 3)))
    return net.eval(), path


def test_on_the_cpu_a_placed_model_answers_as_the_network_does(exported) -> None:
    """The numbers are the network's own; the answer may be written to, and asks for no gradient."""
    net, path = exported
    model = load_torch(path, Placement("cpu"))
    assert model.placed_on == "cpu"
    given = model(ROWS)
    assert not given.requires_grad
    with torch.no_grad():
        torch.testing.assert_close(given, net(ROWS))
    given += 1  # the module's own code may go on with it
    assert model(ROWS[:7]).shape == (7, 2)


def test_autocast_computes_in_narrower_numbers_and_gives_float32(exported) -> None:
    """bfloat16 moves the answer by about a hundredth, within what golden answers may differ."""
    _, path = exported
    wide = load_torch(path)(ROWS)
    narrow = load_torch(path, Placement(autocast="bfloat16"))(ROWS)
    assert narrow.dtype == torch.float32
    assert not torch.equal(narrow, wide)
    torch.testing.assert_close(narrow, wide, rtol=0.05, atol=0.02)


def test_a_compiled_model_needs_a_compiler(exported, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without one the error comes when the model is loaded, and says what to install."""
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ServingError, match=r"C\+\+ compiler") as refused:
        load_torch(exported[1], Placement(compile=True))
    assert "compile = false" in refused.value.hint


def test_a_compiled_model_is_asked_of_torch(exported, monkeypatch: pytest.MonkeyPatch) -> None:
    """One code for every size of a batch; how long making it takes is for the soak run."""
    made = []

    def compiled(module, *, dynamic: bool):
        made.append(dynamic)
        return module

    monkeypatch.setattr(torch, "compile", compiled)
    placement = Placement(compile=True)
    monkeypatch.setattr(Placement, "require_compiler", lambda *_: None)
    net, path = exported
    with torch.no_grad():
        torch.testing.assert_close(load_torch(path, placement)(ROWS), net(ROWS))
    assert made == [True]
    assert placement.tolerance("cpu") > RELATIVE_TOLERANCE


@pytest.mark.parametrize("device", ["cuda", "cuda:0", "cuda:3"])
def test_a_gpu_that_is_not_there_is_told_at_once(exported, no_gpu, device: str) -> None:
    """The error names the key, how many there are, and what to write instead."""
    _, path = exported
    with pytest.raises(ServingError, match="sees 0 GPUs") as refused:
        load_torch(path, Placement(device))
    assert "auto" in refused.value.hint


def test_auto_falls_back_to_the_cpu(exported, no_gpu) -> None:
    """Without a GPU `auto` computes on the CPU, to the CPU's own tolerance."""
    placement = Placement("auto")
    assert load_torch(exported[1], placement).placed_on == "cpu"
    assert placement.tolerance("cpu") == CPU.tolerance("cpu") == RELATIVE_TOLERANCE
    assert placement.tolerance("cuda:0") > RELATIVE_TOLERANCE
    assert Placement(autocast="float16").tolerance("cpu") > placement.tolerance("cuda:0")


def test_only_torch_models_are_placed(tmp_path) -> None:
    """A GPU named for a model of another library is refused, not ignored."""
    from sklearn.linear_model import LinearRegression

    manifest = save_model(LinearRegression().fit([[1.0], [2.0]], [1.0, 2.0]), tmp_path)
    with pytest.raises(ServingError, match="computes on the CPU"):
        load_model(tmp_path, manifest, placement=Placement("cuda"))
    assert load_model(tmp_path, manifest, placement=Placement("auto")).predict([[3.0]])[0] > 2
