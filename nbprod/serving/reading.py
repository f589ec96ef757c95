"""Bytes -> requests: what a caller sent, understood or refused with a 4xx, in every protocol."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from nbprod.data.row_texts import typed
from nbprod.data.row_values import plain
from nbprod.records import ColumnRule, Json, Outcome, new_id
from nbprod.serving.replies import RETRY_AFTER_S, PredictRequest, refuse
from nbprod.serving.suspects import attempt_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_ROWS = 10_000  # of one request
MAX_ID = 200
MAX_DEPTH = 64  # of objects and lists; what is logged and echoed is written no deeper than 254
_MAX_TIMEOUT_MS = 1e9
_PREDICT_KEYS = {"instances", "request_id", "partial"}
_OUTCOME_KEYS = {"prediction_id", "key", "outcome", "name", "observed_at"}


def read_json(body: bytes) -> Any:
    """The value of a JSON body; 400 where it is none. NaN and infinities are none."""
    import orjson

    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if "memory" in error.msg:  # not the caller's fault
            raise refuse(
                503,
                "there is no memory left to read the body",
                hint="send fewer rows at once, or try again",
                retry_after_s=RETRY_AFTER_S,
            ) from error
        hint = "GET /openapi.json says what each route reads"
        if any(word in body for word in (b"NaN", b"Infinity")):
            hint = "NaN and Infinity are not JSON: send null"
        raise refuse(400, f"the body is not JSON: {error}", hint=hint) from error
    if (opened := body.count(b"[") + body.count(b"{")) > MAX_DEPTH and _is_deep(value, opened):
        raise refuse(400, f"the body is nested deeper than {MAX_DEPTH} levels")
    return value


def _is_deep(value: Any, opened: int) -> bool:
    """Whether there are more than MAX_DEPTH levels; opened: brackets, some perhaps in texts.

    Each level takes its own from what is opened, so that rows without anything in them are not
    looked into.
    """
    level = [value] if isinstance(value, dict | list) else []
    for depth in range(MAX_DEPTH):
        opened -= len(level)
        if not level or depth + opened < MAX_DEPTH:
            return False
        held = (one.values() if isinstance(one, dict) else one for one in level)
        level = [inner for each in held for inner in each if isinstance(inner, dict | list)]
    return bool(level)


def read_predict(body: bytes, headers: Mapping[str, str]) -> PredictRequest:
    """A ``POST /predict`` body, with what the headers say of it."""
    data = read_json(body)
    if not isinstance(data, dict) or not isinstance(data.get("instances"), list):
        raise refuse(
            422, "the body has no list 'instances'", hint='send {"instances": [{"column": value}]}'
        )
    if unknown := set(data) - _PREDICT_KEYS:
        raise refuse(
            422,
            f"unknown key {', '.join(sorted(map(repr, unknown)))}",
            hint=f"known here: {', '.join(sorted(_PREDICT_KEYS))}",
        )
    partial = data.get("partial", False)
    if not isinstance(partial, bool):
        raise refuse(422, "'partial' is not true or false", hint='send "partial": true')
    rows = checked_rows(data["instances"])
    return request_of(rows, data.get("request_id"), headers, partial=partial)


def request_of(
    rows: list[Json], given_id: Any, headers: Mapping[str, str], *, partial: bool = False
) -> PredictRequest:
    """Rows with the request's id, routing key, deadline and trace.

    given_id: the body's. Headers, all of them optional: ``X-Request-Id``, ``X-Routing-Key``,
    ``X-Request-Timeout-Ms`` and the W3C's ``traceparent``.
    """
    return PredictRequest(
        rows,
        checked_id(given_id, headers.get("x-request-id")),
        partial,
        routing_key=headers.get("x-routing-key", ""),
        timeout_s=_timeout_s(headers.get("x-request-timeout-ms")),
        trace=headers.get("traceparent", ""),
        attempt=attempt_of(headers),
    )


def _timeout_s(text: str | None) -> float | None:
    """The caller's own deadline in seconds, None without one."""
    if text is None:
        return None
    try:
        timeout_ms = float(text)
    except ValueError:
        timeout_ms = -1.0
    if not 0 < timeout_ms < _MAX_TIMEOUT_MS:
        raise refuse(
            400,
            "X-Request-Timeout-Ms is not a number of milliseconds above 0",
            hint="send X-Request-Timeout-Ms: 250, or leave it out",
        )
    return timeout_ms / 1000


def checked_id(given: Any, header_id: str | None) -> str:
    """The request id: the body's, else the header's, else a new one."""
    request_id = given if given is not None else header_id
    if request_id is None:
        return new_id()
    if not isinstance(request_id, str) or not 0 < len(request_id) <= MAX_ID:
        raise refuse(422, f"request_id is not a text of 1 to {MAX_ID} characters")
    return request_id


def checked_rows(rows: Sequence[Any]) -> list[Json]:
    """Rows that are objects, not too many of them."""
    _not_too_many(len(rows))
    wrong = [place for place, row in enumerate(rows) if not isinstance(row, dict)]
    if wrong:
        raise refuse(
            422,
            f"row {wrong[0]} is not an object",
            hint='a row is {"column": value, …}',
            errors=[
                {
                    "row": place,
                    "column": None,  # the row as a whole
                    "rule": "type",
                    "value": plain(rows[place]),
                    "message": "a row is an object of column: value",
                }
                for place in wrong[:100]
            ],
        )
    return list(rows)


def _not_too_many(rows: int) -> None:
    """413 before rows are made of columns or text: they take fifty times its bytes."""
    if rows > MAX_ROWS:
        raise refuse(413, f"{rows} rows in one request", hint=f"send at most {MAX_ROWS} at once")


def _different(names: Sequence[str]) -> None:
    """400 where two columns have one name: it is not for us to say which of them is meant."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise refuse(400, f"column {name[:MAX_ID]!r} comes twice")
        seen.add(name)


def read_outcomes(body: bytes, label: str, *, numeric: bool = False) -> list[Outcome]:
    """A ``POST /outcomes`` body.

    label: the name of an outcome that does not say. numeric: whether that one is a number.
    """
    data = read_json(body)
    listed = data.get("outcomes") if isinstance(data, dict) else None
    if not isinstance(listed, list):
        raise refuse(
            422,
            "the body has no list 'outcomes'",
            hint='send {"outcomes": [{"prediction_id": "…", "outcome": …}]}',
        )
    if len(listed) > MAX_ROWS:
        raise refuse(
            413, f"{len(listed)} outcomes in one request", hint=f"send at most {MAX_ROWS} at once"
        )
    errors = []
    outcomes = []
    for place, item in enumerate(listed):
        if wrong := _wrong_outcome(item):
            errors.append({"row": place, "column": wrong[0], "rule": "type", "message": wrong[1]})
            continue
        outcome = Outcome(
            outcome=item["outcome"],
            name=item.get("name") or label,
            prediction_id=item.get("prediction_id") or "",
            key=item.get("key") or {},
            observed_at=item.get("observed_at") or "",
        )
        if numeric and outcome.name == label and not outcome.countable:
            message = f"{plain(outcome.outcome)!r} is no number, and {label!r} is one"
            errors.append({"row": place, "column": "outcome", "rule": "type", "message": message})
        outcomes.append(outcome)
    if errors:
        raise refuse(422, f"outcome {errors[0]['row']}: {errors[0]['message']}", errors=errors)
    return outcomes


def _wrong_outcome(item: Any) -> tuple[str, str] | None:
    """The field that is wrong and what is wrong with it."""
    if not isinstance(item, dict):
        return "", "an outcome is an object"
    if unknown := sorted(set(item) - _OUTCOME_KEYS):
        return unknown[0], f"unknown key; known here: {', '.join(sorted(_OUTCOME_KEYS))}"
    if "outcome" not in item or isinstance(item["outcome"], dict | list):
        return "outcome", "the outcome is missing, or not a plain value"
    if bool(item.get("prediction_id")) == bool(item.get("key")):
        return "prediction_id", "name the prediction by prediction_id or by key, one of them"
    for name, kind in (("prediction_id", str), ("name", str), ("observed_at", str), ("key", dict)):
        if item.get(name) is not None and not isinstance(item[name], kind):
            return name, f"not a {'text' if kind is str else 'object'}"
    if any(isinstance(value, dict | list) for value in (item.get("key") or {}).values()):
        return "key", "a key's values are plain values"
    if len(item.get("name") or "") > MAX_ID:
        return "name", f"longer than {MAX_ID} characters"
    return None


# ---------------------------------------------------------------- MLflow's scoring protocol


def read_invocations(body: bytes, content_type: str, rules: Sequence[ColumnRule]) -> list[Json]:
    """Rows of MLflow's scoring protocol: dataframe_split, dataframe_records, instances, inputs
    or CSV. Thin: ``params`` and tensors of more than one dimension are refused."""
    if content_type == "text/csv":
        return checked_rows(_csv_rows(body, rules))
    data = read_json(body)
    forms = {"dataframe_split", "dataframe_records", "instances", "inputs"}
    given = forms & set(data) if isinstance(data, dict) else set()
    if len(given) != 1 or len(data) != 1:
        raise refuse(
            400, "the body has not exactly one key", hint=f"one of: {', '.join(sorted(forms))}"
        )
    form = given.pop()
    value = data[form]
    if form == "dataframe_split":
        return checked_rows(_split_rows(value))
    if form == "inputs" and isinstance(value, dict):
        return checked_rows(rows_of_columns(value))
    if not isinstance(value, list):
        raise refuse(400, f"{form!r} is not a list of rows")
    return checked_rows(value)


def _split_rows(value: Any) -> list[Json]:
    columns = value.get("columns") if isinstance(value, dict) else None
    data = value.get("data") if isinstance(value, dict) else None
    if not isinstance(columns, list) or not isinstance(data, list):
        raise refuse(400, "'dataframe_split' needs the lists 'columns' and 'data'")
    if any(not isinstance(row, list) or len(row) != len(columns) for row in data):
        raise refuse(400, f"a row of 'data' has not {len(columns)} values, as 'columns' says")
    _not_too_many(len(data))
    names = list(map(str, columns))
    _different(names)
    return [dict(zip(names, row, strict=True)) for row in data]


def rows_of_columns(columns: Mapping[str, Any]) -> list[Json]:
    """Rows from columns of equal length; a lone value is a column of one row."""
    listed = {name: v if isinstance(v, list) else [v] for name, v in columns.items()}
    if len({len(values) for values in listed.values()}) > 1:
        raise refuse(400, "the columns have different lengths")
    _not_too_many(max(map(len, listed.values()), default=0))
    return [dict(zip(listed, row, strict=True)) for row in zip(*listed.values(), strict=True)]


def _csv_rows(body: bytes, rules: Sequence[ColumnRule]) -> list[Json]:
    """CSV knows only text: the contract's dtypes say what a value is; empty is null."""
    import csv
    import io

    try:
        read = csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True)
        lines = list(itertools.islice(filter(None, read), MAX_ROWS + 2))
    except (UnicodeDecodeError, csv.Error) as error:
        raise refuse(
            400, f"the body is not CSV: {error}", hint="UTF-8, a header line first"
        ) from error
    if not lines:
        raise refuse(400, "the body is empty", hint="send a header line and rows")
    _not_too_many(len(lines) - 1)
    header, kinds = lines[0], {rule.name: rule.dtype for rule in rules}
    _different(header)
    if any(len(line) != len(header) for line in lines[1:]):
        raise refuse(400, f"a line has not {len(header)} values, as the header says")
    return [
        {name: typed(text, kinds.get(name, "str")) for name, text in zip(header, line, strict=True)}
        for line in lines[1:]
    ]
