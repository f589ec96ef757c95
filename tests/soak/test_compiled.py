"""A torch model that is compiled when it is loaded: minutes on a busy machine, so not in `make test`."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from nbprod.predictor.placement import Placement
from nbprod.predictor.torch_format import load_torch, save_torch

pytestmark = [
    pytest.mark.timeout(1200),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:torch"),  # of its own compiler
]


def test_a_compiled_model_answers_as_the_network_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For batches of several sizes and for a single row, to what golden answers may differ."""
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "cache"))
    torch.manual_seed(1)
    net = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
    save_torch(net, tmp_path / "model.pt2", lambda model: model(torch.ones(5, 3)))
    placement = Placement(compile=True)
    model = load_torch(tmp_path / "model.pt2", placement)
    made = sorted((tmp_path / "cache").rglob("*.so"))
    for size in (20, 1, 7):
        rows = torch.linspace(-1, 1, 3 * size).reshape(size, 3)
        with torch.no_grad():
            wanted = net.eval()(rows)
        tolerance = placement.tolerance("cpu")
        torch.testing.assert_close(model(rows), wanted, rtol=tolerance, atol=tolerance)
    assert made, "nothing was compiled when it was loaded"
    assert made == sorted((tmp_path / "cache").rglob("*.so")), "a caller waited for the compiler"
