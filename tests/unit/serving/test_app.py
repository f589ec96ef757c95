"""The HTTP interface, route by route, against a real bundle in this process."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import re
import resource
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from nbprod.data import prediction_log
from nbprod.serving import LocalService, ServiceOptions
from nbprod.serving.auth import parse_tokens
from nbprod.serving.room import Room

Ask = Callable[..., httpx.Response]


def trip(number: int | str = 1, **changes: Any) -> dict[str, Any]:
    """One good row."""
    return {"trip": f"T{number}", "km": 10, "minutes": 50.0, "city": "Bern"} | changes


def asker(local: LocalService) -> Ask:
    """Sends one request to the application."""

    def ask(method: str, path: str, **options: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(local.app)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://localhost"
            ) as client:
                return await client.request(method, path, **options)

        return asyncio.run(send())

    return ask


@pytest.fixture
def ask(local: LocalService) -> Ask:
    return asker(local)


def predict(ask: Ask, *rows: dict[str, Any], **more: Any) -> httpx.Response:
    return ask("POST", "/predict", json={"instances": list(rows)} | more)


def test_a_prediction_has_exactly_the_promised_fields(ask: Ask) -> None:
    """The answer has the product's fields, one id a row, and echoes the request id."""
    response = predict(ask, trip(1), trip(2, minutes=25.0), request_id="mine")
    assert response.status_code == 200
    body = response.json()
    assert set(body) == {
        "predictions",
        "prediction_ids",
        "release",
        "role",
        "degraded",
        "request_id",
    }
    assert body["predictions"] == [0.5, 0.25]
    assert len(set(body["prediction_ids"])) == 2
    assert (body["release"], body["role"], body["degraded"]) == ("3", "champion", False)
    assert body["request_id"] == "mine"


def test_an_acknowledged_prediction_is_in_the_log(ask: Ask, options: ServiceOptions) -> None:
    """What was answered is found by its id, with inputs, features, key and request id."""
    body = predict(ask, trip(7), request_id="r7").json()
    found = prediction_log.find(options.log_folder, body["prediction_ids"][0])
    assert found is not None
    assert found.inputs == trip(7)
    assert found.features == {"km": 10.0, "minutes": 50.0}
    assert found.output == 0.5
    assert (found.request_id, found.release, found.role) == ("r7", "3", "champion")
    assert found.key == {"trip": "T7"}
    shown = ask("GET", f"/predictions/{found.id}")
    assert shown.json() == found.to_json()


def test_broken_rows_are_named_with_column_rule_and_value(ask: Ask) -> None:
    """A 422 lists every broken value and nothing is answered."""
    response = predict(ask, trip(), trip(km=-1, city="Rome"), {"trip": "T"})
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert "predictions" not in body
    listed = {(e["row"], e["column"], e["rule"]) for e in body["errors"]}
    assert {(1, "km", "range"), (1, "city", "category"), (2, "km", "missing")} <= listed
    assert next(e for e in body["errors"] if e["column"] == "city")["value"] == "Rome"


def test_refused_rows_are_kept_in_quarantine(ask: Ask, options: ServiceOptions) -> None:
    """Each refused row is one line beside the log, with what was wrong."""
    predict(ask, trip(), trip(2, km=-1), request_id="bad")
    (file,) = (options.log_folder / "quarantine").glob("*.jsonl")
    (line,) = file.read_text().splitlines()
    kept = json.loads(line)
    assert kept["inputs"] == trip(2, km=-1)
    assert kept["request_id"] == "bad"
    assert kept["violations"] == [{"column": "km", "rule": "range", "message": "is below 0"}]


def test_refused_rows_fill_no_disk(
    ask: Ask, options: ServiceOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is in the folder already counts; a row that does not fit is counted as dropped, whole."""
    folder = options.log_folder / "quarantine"
    folder.mkdir(parents=True)
    (folder / "earlier.jsonl").write_bytes(b"x" * 1000)
    monkeypatch.setattr("nbprod.serving.quarantine._FOLDER_BYTES", 1400)
    for number in (1, 2):
        predict(ask, trip(number, km=-1))
    (path,) = set(folder.glob("*.jsonl")) - {folder / "earlier.jsonl"}
    assert len(path.read_text().splitlines()) == 1
    text = ask("GET", "/metrics").text
    assert re.search(r"nbprod_quarantined_rows{[^}]*} 1(.0)?$", text, re.MULTILINE)
    assert re.search(r"nbprod_quarantine_rows_dropped{[^}]*} 1(.0)?$", text, re.MULTILINE)


def test_half_a_refused_row_is_none(ask: Ask, options: ServiceOptions) -> None:
    """A disk that is full in the middle of a line keeps the lines before it."""
    predict(ask, trip(1, km=-1))
    (path,) = (options.log_folder / "quarantine").glob("*.jsonl")
    before = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 20, hard))
    try:
        assert predict(ask, trip(2, km=-1)).status_code == 422
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == before


def test_partial_answers_the_good_rows_and_lists_the_bad(ask: Ask) -> None:
    """With partial, good rows are answered and their places told."""
    body = predict(ask, trip(1, km=-1), trip(2), trip(3, city="Rome"), partial=True).json()
    assert body["predictions"] == [0.5]
    assert body["rows"] == [1]
    assert {error["row"] for error in body["errors"]} == {0, 2}


def test_no_rows_give_no_predictions(ask: Ask) -> None:
    """An empty list is answered with an empty list."""
    assert predict(ask).json()["predictions"] == []


def nested(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


@pytest.mark.parametrize(
    "sent",
    [
        b'{"instances": [{"trip": %s}]}' % nested(300),
        b'{"instances": [{"trip": %s, "km": "]]]"}], "partial": true}' % nested(1000),
        b'{"instances": [%s]}' % nested(600),
        b'{"instances": [%s]}' % b",".join([b'{"trip": {"a": [%s]}}' % nested(61)] * 2),
    ],
)
def test_what_is_nested_deep_is_refused_by_itself(ask: Ask, sent: bytes) -> None:
    """It can be parsed, but neither be echoed nor put aside: 400, whatever it stands in."""
    headers = {"content-type": "application/json"}
    response = ask("POST", "/predict", content=sent, headers=headers)
    assert response.status_code == 400
    assert "nested deeper than 64 levels" in response.json()["detail"]
    brackets = predict(ask, *[trip(n, city="[{" * 100) for n in range(100)])
    assert brackets.status_code == 422  # a text may hold as many as it likes
    allowed = b'{"instances": [{"trip": %s}]}' % nested(61)
    assert ask("POST", "/predict", content=allowed, headers=headers).status_code == 422


def test_a_number_beyond_64_bits_is_a_broken_row_of_csv(ask: Ask, options: ServiceOptions) -> None:
    """It is refused and put aside as it came; nor is a number what only Python takes for one."""
    csv = {"content-type": "text/csv"}
    for km in ("9" * 400, "1_000"):
        content = f"trip,km,minutes,city\nT1,{km},50,Bern\n"
        refused = ask("POST", "/invocations", content=content, headers=csv)
        assert refused.status_code == 422
    (path,) = (options.log_folder / "quarantine").glob("*.jsonl")
    kept = [json.loads(line)["inputs"]["km"] for line in path.read_text().splitlines()]
    assert kept == [int("9" * 400), "1_000"]


def tensor(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "datatype": "BOOL", "shape": [1], "data": [1]} | more


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("/invocations", {"content": "km,km\n1,2\n", "headers": {"content-type": "text/csv"}}),
        (
            "/invocations",
            {"json": {"dataframe_split": {"columns": ["km", "km"], "data": [[1, 2]]}}},
        ),
        ("/v2/models/trip-delay/infer", {"json": {"inputs": [tensor("km"), tensor("km")]}}),
    ],
)
def test_two_columns_of_one_name_are_refused(ask: Ask, path: str, sent: dict[str, Any]) -> None:
    """Nothing is answered from one of them while the other is dropped in silence."""
    refused = ask("POST", path, **sent)
    assert refused.status_code == 400
    assert "comes twice" in refused.text


@pytest.mark.parametrize("form", ["csv", "inputs", "tensor"])
def test_too_many_rows_are_refused_before_they_are_made(
    ask: Ask, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sixteen megabytes of one column would be gigabytes of rows."""
    made = []
    monkeypatch.setattr("nbprod.serving.reading.checked_rows", made.append)
    monkeypatch.setattr("nbprod.serving.inference_protocol.checked_rows", made.append)
    values = [1] * 10_001
    path, sent = {
        "csv": ("/invocations", {"content": "km\n" + "1\n" * 10_001}),
        "inputs": ("/invocations", {"json": {"inputs": {"km": values}}}),
        "tensor": (
            "/v2/models/trip-delay/infer",
            {"json": {"inputs": [tensor("km", shape=[10_001], data=values)]}},
        ),
    }[form]
    headers = {"content-type": "text/csv" if form == "csv" else "application/json"}
    assert ask("POST", path, headers=headers, **sent).status_code == 413
    assert not made


def test_no_caller_is_sent_elsewhere(ask: Ask) -> None:
    """A path with a slash too many is not here: a redirect would name http and the caller's Host."""
    for method, path in (("POST", "/predict/"), ("GET", "/schema/")):
        refused = ask(method, path)
        assert refused.status_code == 404
        assert "location" not in refused.headers


def test_a_coded_body_is_refused_by_its_coding(ask: Ask) -> None:
    """It is not read as JSON that happens to be broken."""
    coded = {"content-type": "application/json", "content-encoding": "gzip"}
    refused = ask("POST", "/predict", content=b"\x1f\x8b", headers=coded)
    assert refused.status_code == 415
    assert "'gzip'" in refused.json()["detail"]


def test_no_id_and_no_length_is_the_services_fault(ask: Ask) -> None:
    """An id of the year 9999, a length of thousands of digits: refused like any other."""
    last = "e677d21fda00" + "0" * 12
    assert ask("GET", f"/predictions/{last}").status_code == 404
    sent = {"outcomes": [{"prediction_id": last, "outcome": 1}]}
    assert ask("POST", "/outcomes", json=sent).json()["unknown"] == [last]
    length = {"inference-header-content-length": "9" * 5000}
    path = "/v2/models/trip-delay/infer"
    assert ask("POST", path, json={"inputs": []}, headers=length).status_code == 400


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"", 400),
        (b'{"instances": [{"km": NaN}]}', 400),
        (b"\xff\xfe", 400),
        (b"[" * 100_000, 400),
        (b"[]", 422),
        (b"{}", 422),
        (b'{"instances": {}}', 422),
        (b'{"instances": [1, null, []]}', 422),
        (b'{"instances": [], "partial": 1}', 422),
        (b'{"instances": [], "request_id": 5}', 422),
        (b'{"instances": [], "instance": 5}', 422),
        (b'{"instances": [{"trip": {"a": 1}, "km": [1], "minutes": "x", "city": 5}]}', 422),
        (b'{"instances": [{"trip": "a", "km": 1e400, "minutes": 1, "city": "Bern"}]}', 422),
        (
            b'{"instances": [{"trip": "a", "km": 123456789012345678901234567890, '
            b'"minutes": 1, "city": "Bern"}]}',
            422,
        ),
    ],
)
def test_bad_input_is_the_callers_error(ask: Ask, body: bytes, status: int) -> None:
    """Nothing a caller sends is answered with 500."""
    response = ask("POST", "/predict", content=body, headers={"content-type": "application/json"})
    assert response.status_code in (status, 400, 422)
    assert response.status_code < 500
    assert response.json()["status"] == response.status_code


def test_bodies_that_are_under_way_have_a_limit_together(
    bundle: Path, options: ServiceOptions
) -> None:
    """Whoever comes while others hold it is told to come again; then there is room again."""
    held = dataclasses.replace(options, max_held_bytes=1000)
    begun = json.dumps({"instances": [trip()]})[:-1].encode() + b" " * 700

    async def both(app: Any, room: Room) -> tuple[int, httpx.Response, int]:
        on = asyncio.Event()

        async def slow() -> AsyncIterator[bytes]:
            yield begun
            await on.wait()
            yield b"}"

        kind = {"content-type": "application/json"}
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://localhost", headers=kind
        )
        async with client:
            first = asyncio.create_task(client.post("/predict", content=slow()))
            while room.held_bytes < len(begun):
                await asyncio.sleep(0)
            others = [await client.post(path, content=begun) for path in ("/predict", "/outcomes")]
            on.set()
            answered = await first
            again = await client.post("/predict", json={"instances": [trip()]})
        assert {one.status_code for one in others} == {503}
        return answered.status_code, others[0], again.status_code

    with LocalService(bundle, held) as service:
        first, refused, again = asyncio.run(both(service.app, service.service.room))
    assert (first, again) == (200, 200)
    assert refused.headers["retry-after"] == "1"
    assert "1000 is the most" in refused.json()["detail"]


def test_a_regressions_outcome_is_a_number(bundle: Path, options: ServiceOptions) -> None:
    """A text or a truth value is refused, and the OpenAPI document says so; others are free."""
    numeric = dataclasses.replace(options, label="late", numeric_outcome=True)
    by_id = {"prediction_id": "0" * 24}
    with LocalService(bundle, numeric) as service:
        ask = asker(service)
        for wrong in ("late", True):
            refused = ask("POST", "/outcomes", json={"outcomes": [by_id | {"outcome": wrong}]})
            assert refused.status_code == 422
            assert "'late' is one" in refused.json()["detail"]
        good = [{"outcome": 2}, {"outcome": 0.5}, {"outcome": None}, {"outcome": "x", "name": "y"}]
        for fine in good:
            sent = {"outcomes": [by_id | fine]}
            assert ask("POST", "/outcomes", json=sent).status_code == 200
        schemas = ask("GET", "/openapi.json").json()["components"]["schemas"]
        item = schemas["OutcomesRequest"]["properties"]["outcomes"]["items"]
        assert all(jsonschema.Draft202012Validator(item).is_valid(by_id | fine) for fine in good)
        assert not jsonschema.Draft202012Validator(item).is_valid(by_id | {"outcome": "x"})
        late = by_id | {"outcome": "x", "name": "late"}
        assert not jsonschema.Draft202012Validator(item).is_valid(late)


def test_http_errors_are_problem_documents(ask: Ask) -> None:
    """404, 405, 413 and 415 are problem documents with a title and a detail."""
    cases = {
        404: ask("GET", "/nothing"),
        405: ask("GET", "/predict"),
        413: ask(
            "POST",
            "/predict",
            content=b"x" * (17 * 1024 * 1024),
            headers={"content-type": "application/json"},
        ),
        415: ask("POST", "/predict", content=b"{}", headers={"content-type": "text/plain"}),
    }
    for status, response in cases.items():
        assert response.status_code == status
        assert response.headers["content-type"] == "application/problem+json"
        assert {"title", "status", "detail"} <= set(response.json())
    assert "POST" in cases[405].headers["allow"]


INFER = [
    {"name": name, "shape": [1], "datatype": "BYTES", "data": [value]}
    if isinstance(value, str)
    else {"name": name, "shape": [1], "datatype": "FP64", "data": [value]}
    for name, value in trip().items()
]


def test_curl_needs_no_header_and_a_page_gets_nothing(ask: Ask) -> None:
    """`curl -d` names a form's type: read as JSON, unless a browser says that a page sent it."""
    body = json.dumps({"instances": [trip(1)]}).encode()
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert ask("POST", "/predict", content=body, headers=form).status_code == 200
    assert ask("POST", "/predict", content=body).status_code == 200
    page = form | {"origin": "https://elsewhere.example"}
    assert ask("POST", "/predict", content=body, headers=page).status_code == 415


@pytest.mark.parametrize(
    ("route", "sent"),
    [
        ("/predict", {"instances": [trip()]}),
        ("/invocations", {"instances": [trip()]}),
        ("/outcomes", {"outcomes": [{"prediction_id": "0" * 24, "outcome": 1}]}),
        ("/v2/models/trip-delay/infer", {"inputs": INFER}),
    ],
)
def test_no_route_reads_what_a_page_may_send_unasked(ask: Ask, route: str, sent: Any) -> None:
    """A browser sends these types for any page without asking; from no browser two of them are
    what a tool says that was told none."""
    body = json.dumps(sent).encode()
    for kind in (None, "application/x-www-form-urlencoded", "text/plain", "multipart/form-data"):
        headers = {"content-type": kind} if kind else {}
        for named in ({"origin": "null"}, {"sec-fetch-site": "cross-site"}):
            assert ask("POST", route, content=body, headers=headers | named).status_code == 415
        told = ask("POST", route, content=body, headers=headers).status_code
        assert told == (415 if kind and kind.startswith(("text", "multipart")) else 200)


def test_a_models_error_fails_its_own_request_only(local: LocalService) -> None:
    """Requests that share a batch with a raising one are answered."""

    async def crowd() -> list[httpx.Response]:
        transport = httpx.ASGITransport(local.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            rows = [trip(n, minutes=13.0 if n == 5 else 50.0) for n in range(20)]
            return await asyncio.gather(
                *(client.post("/predict", json={"instances": [row]}) for row in rows)
            )

    responses = asyncio.run(crowd())
    assert [r.status_code for r in responses] == [500 if n == 5 else 200 for n in range(20)]
    assert "thirteen" not in responses[5].text


def test_each_request_of_a_batch_gets_its_own_rows(local: LocalService) -> None:
    """Answers, refusals and ids are cut back to the request they belong to."""

    async def crowd() -> list[httpx.Response]:
        transport = httpx.ASGITransport(local.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            bodies = [
                [trip(n, minutes=float(100 + n)), trip(n, km=-1 if n % 3 == 0 else 1)]
                for n in range(30)
            ]
            return await asyncio.gather(
                *(client.post("/predict", json={"instances": rows}) for rows in bodies)
            )

    for number, response in enumerate(asyncio.run(crowd())):
        if number % 3 == 0:
            assert response.status_code == 422
            assert [e["row"] for e in response.json()["errors"]] == [1]
        else:
            assert response.json()["predictions"] == [(100 + number) / 100, 0.5]


def test_past_the_deadline_is_504(bundle: Path, options: ServiceOptions) -> None:
    """A request that is not answered in time gets 504, and the service goes on."""
    hurried = dataclasses.replace(options, timeout_s=0.000001)
    with LocalService(bundle, hurried) as local:
        assert predict(asker(local), trip()).status_code == 504


def test_a_full_queue_is_503_with_retry_after(bundle: Path, options: ServiceOptions) -> None:
    """Over capacity the answer is 503 and says when to come back."""
    with LocalService(bundle, dataclasses.replace(options, max_queued=0)) as local:
        response = predict(asker(local), trip())
        assert response.status_code == 503
        assert response.headers["retry-after"] == "1"


def test_a_fallback_is_marked_degraded(bundle: Path, options: ServiceOptions) -> None:
    """Where the envelope has a fallback it is given, marked and logged; never for a bad row."""
    kept = dataclasses.replace(options, on_unavailable="fallback", fallback={"late": 0.2})
    with LocalService(bundle, kept) as local:
        ask = asker(local)
        body = predict(ask, trip(minutes=13.0)).json()
        assert body["predictions"] == [0.2]
        assert body["degraded"] is True
        logged = prediction_log.find(options.log_folder, body["prediction_ids"][0])
        assert logged is not None
        assert logged.degraded
        assert predict(ask, trip(minutes=13.0, km=-1)).status_code == 422


@pytest.mark.parametrize(("redact", "words"), [((), True), (("trip",), False)])
def test_the_log_names_the_cell_that_raised(
    bundle: Path,
    options: ServiceOptions,
    caplog: pytest.LogCaptureFixture,
    redact: tuple[str, ...],
    words: bool,
) -> None:
    """Notebook cell and line of a transform that raises; its words unless values are hidden."""
    with LocalService(bundle, dataclasses.replace(options, redact=redact)) as local:
        assert predict(asker(local), trip(minutes=13.0)).status_code == 500
    told = next(text for text in caplog.messages if "could not compute" in text)
    assert "ValueError" in told
    assert "features.py, line 15" in told
    assert "cell make-features, line 3" in told
    assert ("thirteen" in told) is words


def test_redacted_columns_stay_out_of_log_and_quarantine(
    bundle: Path, options: ServiceOptions
) -> None:
    """The values of a redacted column are on no disk, and in no refusal of its own."""
    with LocalService(bundle, dataclasses.replace(options, redact=("trip",))) as local:
        ask = asker(local)
        predict(ask, trip("SECRET"))
        predict(ask, trip("SECRET", km=-1))
        for more in ({}, {"partial": True}):
            refused = predict(ask, trip() | {"trip": ["SECRET"]}, **more)
            assert refused.json()["errors"][0]["column"] == "trip"
            assert "SECRET" not in refused.text
    written = [p.read_bytes() for p in options.log_folder.rglob("*") if p.is_file()]
    assert written
    assert not any(b"SECRET" in content for content in written)


def test_outcomes_join_by_id_and_by_key(ask: Ask) -> None:
    """Outcomes come by id or key; twice is once; unknown ids are named."""
    prediction_id = predict(ask, trip(1)).json()["prediction_ids"][0]
    sent = {
        "outcomes": [
            {"prediction_id": prediction_id, "outcome": 1},
            {"key": {"trip": "T1"}, "outcome": 30.5, "name": "cost"},
            {"prediction_id": "0" * 24, "outcome": 1},
        ]
    }
    receipt = ask("POST", "/outcomes", json=sent).json()
    assert receipt == {"accepted": 2, "duplicates": 0, "unknown": ["0" * 24]}
    assert ask("POST", "/outcomes", json=sent).json()["duplicates"] == 2


@pytest.mark.parametrize(
    "outcome",
    [
        {"outcome": 1},
        {"prediction_id": "a"},
        {"prediction_id": "a", "outcome": {"x": 1}},
        {"prediction_id": "a", "key": {"x": 1}, "outcome": 1},
        {"prediction_id": 5, "outcome": 1},
        {"prediction_id": "a", "outcome": 1, "when": "now"},
        {"prediction_id": "a", "outcome": 1, "name": "n" * 201},
        {"key": {"trip": [["T1"]]}, "outcome": 1},
        7,
    ],
)
def test_a_malformed_outcome_is_named(ask: Ask, outcome: Any) -> None:
    """An outcome that cannot be read refuses the request and says which one."""
    response = ask("POST", "/outcomes", json={"outcomes": [outcome]})
    assert response.status_code == 422
    assert response.json()["errors"][0]["row"] == 0


@pytest.mark.parametrize(
    "sent",
    [
        {"json": {"dataframe_split": {"columns": list(trip()), "data": [list(trip().values())]}}},
        {"json": {"dataframe_records": [trip()]}},
        {"json": {"instances": [trip()]}},
        {"json": {"inputs": {name: [value] for name, value in trip().items()}}},
        {
            "content": "trip,km,minutes,city\nT1,10,50,Bern\n",
            "headers": {"content-type": "text/csv"},
        },
    ],
)
def test_mlflows_protocol_is_spoken(ask: Ask, sent: dict[str, Any]) -> None:
    """Every form of MLflow's scoring protocol gives the same prediction."""
    response = ask("POST", "/invocations", **sent)
    assert response.json() == {"predictions": [0.5]}


def test_mlflows_refusals_have_mlflows_shape(ask: Ask) -> None:
    """A refusal on /invocations has error_code and message."""
    for body in ({"dataframe_records": [{"km": 1}]}, {}, {"a": 1, "b": 2}):
        response = ask("POST", "/invocations", json=body)
        assert 400 <= response.status_code < 500
        assert set(response.json()) == {"error_code", "message"}


def test_open_inference_is_spoken(ask: Ask) -> None:
    """Metadata names the tensors; infer takes them and gives one for each output."""
    metadata = ask("GET", "/v2/models/trip-delay").json()
    assert [tensor["name"] for tensor in metadata["inputs"]] == list(trip())
    inputs = [
        {"name": name, "shape": [2], "datatype": "BYTES", "data": [value, value]}
        for name, value in trip().items()
    ]
    body = ask("POST", "/v2/models/trip-delay/infer", json={"id": "q", "inputs": inputs}).json()
    assert body["id"] == "q"
    assert body["outputs"] == [
        {"name": "late", "datatype": "FP64", "shape": [2], "data": [0.5, 0.5]}
    ]
    refused = ask("POST", "/v2/models/trip-delay/infer", json={"inputs": []})
    assert set(refused.json()) == {"error"}
    assert ask("GET", "/v2/models/other").status_code == 404


def test_the_service_describes_itself(ask: Ask) -> None:
    """Health, schema, OpenAPI and metrics answer."""
    for path in ("/healthz", "/readyz", "/v2/health/live", "/v2/health/ready"):
        assert ask("GET", path).status_code == 200
    schema = ask("GET", "/schema").json()
    assert schema["input"]["properties"]["city"]["enum"] == ["Bern", "Zug"]
    assert schema["key"] == ["trip"]
    api = ask("GET", "/openapi.json").json()
    assert "/predict" in api["paths"]
    predict(ask, trip())
    text = ask("GET", "/metrics").text
    assert 'nbprod_requests_total{deployment="trips",release="3"' in text
    assert 'route="/predict",code="200"} 1' in text


def test_tokens_guard_routes_by_scope(bundle: Path, options: ServiceOptions) -> None:
    """With tokens: 401 without one, 403 with the wrong scope, health stays open."""
    guarded = dataclasses.replace(options, tokens=parse_tokens("good:predict;reader:read"))
    with LocalService(bundle, guarded) as local:
        ask = asker(local)

        def status(token: str) -> int:
            headers = {"authorization": f"Bearer {token}"}
            return ask(
                "POST", "/predict", json={"instances": [trip()]}, headers=headers
            ).status_code

        assert predict(ask, trip()).status_code == 401
        assert status("wrong") == 401
        assert status("reader") == 403
        assert status("good") == 200
        assert ask("GET", "/healthz").status_code == 200
        assert ask("GET", "/predictions/x").status_code == 401


def test_admin_always_needs_a_token(ask: Ask) -> None:
    """Without any configured token the admin routes are still closed."""
    assert ask("POST", "/admin/rollback").status_code == 401
    assert ask("GET", "/admin/traffic").status_code == 401


def test_a_log_that_cannot_be_written_answers_or_refuses_as_chosen(
    bundle: Path, options: ServiceOptions
) -> None:
    """on_failure decides: answered and counted, or 503; never silent."""
    options.log_folder.parent.mkdir(parents=True, exist_ok=True)
    options.log_folder.write_text("a file where the folder should be")
    for refuse, status in ((False, 200), (True, 503)):
        chosen = dataclasses.replace(options, refuse_unlogged=refuse)
        with LocalService(bundle, chosen) as local:
            ask = asker(local)
            assert predict(ask, trip()).status_code == status
            assert "nbprod_unlogged_predictions_total" in ask("GET", "/metrics").text


def test_a_body_there_is_no_memory_for_is_not_the_callers_fault(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What orjson says when it cannot allocate is answered 503 with a time to try again."""
    import orjson

    def no_room(_: bytes) -> None:
        text = "Not enough memory to allocate buffer for parsing"
        raise orjson.JSONDecodeError(text, "", 0)

    monkeypatch.setattr(orjson, "loads", no_room)
    response = ask("POST", "/predict", json={"instances": [trip()]})
    assert response.status_code == 503
    assert response.headers["retry-after"] == "1"
