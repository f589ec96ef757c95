"""The served protocols, spoken by clients that nobody here wrote."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest
import schemathesis
import tritonclient.http as triton
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import negative_data_rejection
from served import serving_trips

from nbprod.data import prediction_log
from nbprod.serving import LocalService

pytestmark = pytest.mark.engine
GENERATED = int(os.environ.get("NBPROD_GENERATED", "100"))  # requests of one operation
ROWS = [
    {"trip": f"T{n}", "km": n, "minutes": 5.0 * n, "city": "Bern" if n % 2 else "Zug"}
    for n in range(4)
]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, LocalService]]:
    with serving_trips(tmp_path_factory.mktemp("served")) as found:
        yield found


def _tensors(binary: bool) -> list[triton.InferInput]:
    columns = {
        "trip": ("BYTES", np.array([row["trip"] for row in ROWS], dtype=np.object_)),
        "km": ("INT64", np.array([row["km"] for row in ROWS], dtype=np.int64)),
        "minutes": ("FP64", np.array([row["minutes"] for row in ROWS])),
        "city": ("BYTES", np.array([row["city"] for row in ROWS], dtype=np.object_)),
    }
    inputs = []
    for name, (datatype, values) in columns.items():
        tensor = triton.InferInput(name, [len(ROWS)], datatype)
        tensor.set_data_from_numpy(values, binary_data=binary)
        inputs.append(tensor)
    return inputs


@pytest.mark.parametrize("binary", [False, True], ids=["json", "binary"])
def test_tritonclient_gets_its_predictions(served: tuple[str, LocalService], binary: bool) -> None:
    """Health, metadata and inference of the Open Inference Protocol, tensors as JSON or binary."""
    address, local = served
    with triton.InferenceServerClient(address) as client:
        assert client.is_server_live()
        assert client.is_server_ready()
        assert client.is_model_ready("trip-delay")
        assert client.get_server_metadata()["name"] == "nbprod"
        metadata = client.get_model_metadata("trip-delay")
        assert [tensor["name"] for tensor in metadata["inputs"]] == list(ROWS[0])
        wanted = [triton.InferRequestedOutput("late", binary_data=binary)]
        result = client.infer("trip-delay", _tensors(binary), outputs=wanted, request_id="r7")
    assert result.as_numpy("late") == pytest.approx([row["minutes"] / 100 for row in ROWS])
    assert result.get_response()["id"] == "r7"
    ids = result.get_response()["parameters"]["prediction_ids"]
    found = prediction_log.find(local.service.options.log_folder, json.loads(ids)[0])
    assert found is not None
    assert found.inputs == ROWS[0]


def test_tritonclient_is_told_what_is_wrong(served: tuple[str, LocalService]) -> None:
    """A row that breaks the contract is the protocol's own error, with the reason."""
    address, _ = served
    inputs = _tensors(False)
    inputs[1].set_data_from_numpy(np.array([-1, 1, 2, 3], dtype=np.int64), binary_data=False)
    with (
        triton.InferenceServerClient(address) as client,
        pytest.raises(triton.InferenceServerException, match="km"),
    ):
        client.infer("trip-delay", inputs)


def test_mlflow_scoring_client_gets_its_predictions(served: tuple[str, LocalService]) -> None:
    """MLflow's own client and every payload it documents: split, records, instances, inputs, CSV."""
    from mlflow.pyfunc.scoring_server.client import ScoringServerClient

    address, _ = served
    frame = pd.DataFrame(ROWS)
    host, _, port = address.partition(":")
    client = ScoringServerClient(host, int(port))
    answer = client.invoke(frame)
    wanted = [row["minutes"] / 100 for row in ROWS]
    assert answer.get_predictions().iloc[:, 0].tolist() == pytest.approx(wanted)
    text = io.StringIO()
    frame.to_csv(text, index=False)
    payloads = [
        (json.dumps({"dataframe_split": frame.to_dict("split")}), "application/json"),
        (json.dumps({"dataframe_records": ROWS}), "application/json"),
        (json.dumps({"instances": ROWS}), "application/json"),
        (json.dumps({"inputs": frame.to_dict("list")}), "application/json; charset=utf-8"),
        (text.getvalue(), "text/csv"),
    ]
    for body, kind in payloads:
        response = httpx.post(
            f"http://{address}/invocations", content=body, headers={"Content-Type": kind}
        )
        assert response.status_code == 200, response.text
        assert response.json()["predictions"] == pytest.approx(wanted)


def test_no_generated_request_makes_a_server_error(served: tuple[str, LocalService]) -> None:
    """Requests that schemathesis makes of /openapi.json, good and bad: no 5xx, good ones are not
    refused, and every answer is what the document says."""
    address, _ = served
    schema = schemathesis.openapi.from_url(f"http://{address}/openapi.json")
    sent: dict[str, int] = {}

    for result in schema.get_all_operations():
        operation = result.ok()

        @settings(
            max_examples=GENERATED,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @schemathesis_given(operation)
        def calls(case: Any) -> None:
            response = case.call()
            sent[operation.label] = sent.get(operation.label, 0) + 1
            assert response.status_code < 500, response.text
            # A bad row in an empty list is bad data for schemathesis, and so is what gets a 413.
            case.validate_response(response, excluded_checks=[negative_data_rejection])

        calls()
    print(sent)
    assert min(sent[label] for label in ("POST /predict", "POST /outcomes")) >= GENERATED / 2


def schemathesis_given(operation: Any) -> Any:
    """Hypothesis's decorator for the cases of one operation, good and bad ones alike."""
    from hypothesis import given
    from hypothesis import strategies as st
    from schemathesis import GenerationMode

    good = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    bad = operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)
    return given(case=st.one_of(good, bad))
