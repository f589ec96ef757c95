"""The Open Inference Protocol v2: tensors as JSON, or as bytes behind it, in and out.

One tensor for each column, of shape [n] or [n, 1]. Bytes are the protocol's binary tensor data
extension, which its clients send by default: numbers little-endian, texts each behind its length.
"""

from __future__ import annotations

import json
import re
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbprod.serving.reading import checked_rows, read_json, rows_of_columns
from nbprod.serving.replies import JSON, Reply, refuse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nbprod.records import DataContract, Json

HEADER_LENGTH = "Inference-Header-Content-Length"
_FORMATS = {
    "BOOL": "?", "UINT8": "B", "UINT16": "H", "UINT32": "I", "UINT64": "Q", "INT8": "b",
    "INT16": "h", "INT32": "i", "INT64": "q", "FP16": "e", "FP32": "f", "FP64": "d",
}  # fmt: skip
_DATATYPES = {"int": "INT64", "float": "FP64", "str": "BYTES", "bool": "BOOL", "datetime": "BYTES"}


@dataclass(frozen=True)
class InferRequest:
    """What an inference request asks: rows, its id, and how each output is wanted."""

    rows: list[Json]
    id: Any
    outputs: tuple[str, ...]  # names; empty: all of them
    binary: frozenset[str] | None  # outputs as bytes; None: all of them


def server_metadata() -> Json:
    """``GET /v2``."""
    return {"name": "nbprod", "version": "1", "extensions": ["binary_tensor_data"]}


def model_metadata(contract: DataContract, *, name: str, release: str) -> Json:
    """``GET /v2/models/{name}``: one tensor for each column."""
    return {
        "name": name,
        "versions": [release],
        "platform": "nbprod",
        "inputs": [_tensor(rule.name, rule.dtype) for rule in contract.input],
        "outputs": [_tensor(rule.name, rule.dtype) for rule in contract.output],
    }


def _tensor(name: str, dtype: str) -> Json:
    return {"name": name, "datatype": _DATATYPES[dtype], "shape": [-1]}


# ---------------------------------------------------------------- request


def read_infer(body: bytes, headers: Mapping[str, str]) -> InferRequest:
    """An inference request; 400 for what the protocol does not know."""
    head, tail = body, b""
    length = headers.get(HEADER_LENGTH.lower())
    if length is not None:
        # Python reads no number of thousands of digits.
        if not re.fullmatch(r"[0-9]{1,10}", length) or int(length) > len(body):
            raise refuse(400, f"{HEADER_LENGTH} is not the length of a part of the body")
        head, tail = body[: int(length)], body[int(length) :]
    data = read_json(head)
    inputs = data.get("inputs") if isinstance(data, dict) else None
    if not isinstance(inputs, list) or not inputs:
        raise refuse(400, "the body has no list 'inputs'")
    columns: dict[str, list[Any]] = {}
    for tensor in inputs:
        name, values, tail = _values_of(tensor, tail)
        shape = tensor.get("shape", [len(values)])
        if shape not in ([len(values)], [len(values), 1]):
            raise refuse(400, f"input {name!r}: its shape is not [n] or [n, 1] of its data")
        if name in columns:
            raise refuse(400, f"input {name!r} comes twice")
        columns[name] = values
    if tail:
        raise refuse(400, f"{len(tail)} bytes behind the last tensor")
    outputs, binary = _wanted(data)
    return InferRequest(checked_rows(rows_of_columns(columns)), data.get("id"), outputs, binary)


def _values_of(tensor: Any, tail: bytes) -> tuple[str, list[Any], bytes]:
    """Name and values of one input, and the bytes that are left for the next."""
    if not isinstance(tensor, dict) or not isinstance(tensor.get("name"), str):
        raise refuse(400, "an input needs 'name', 'shape', 'datatype' and a list 'data'")
    name, size = tensor["name"], _parameters(tensor).get("binary_data_size")
    if size is None:
        if not isinstance(tensor.get("data"), list):
            raise refuse(400, f"input {name!r} has no list 'data'")
        values = [v[0] if isinstance(v, list) and len(v) == 1 else v for v in tensor["data"]]
        return name, values, tail
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= len(tail):
        raise refuse(400, f"input {name!r}: binary_data_size is not the size of its bytes")
    return name, _unpacked(name, tensor.get("datatype"), tail[:size]), tail[size:]


def _unpacked(name: str, datatype: Any, data: bytes) -> list[Any]:
    if datatype == "BYTES":
        return _texts(name, data)
    code = _FORMATS.get(datatype) if isinstance(datatype, str) else None
    if code is None or len(data) % struct.calcsize(code):
        raise refuse(400, f"input {name!r}: {len(data)} bytes are no tensor of {datatype}")
    return list(struct.unpack(f"<{len(data) // struct.calcsize(code)}{code}", data))


def _texts(name: str, data: bytes) -> list[Any]:
    texts, place = [], 0
    while place < len(data):
        (size,) = struct.unpack_from("<I", data, place) if place + 4 <= len(data) else (len(data),)
        text = data[place + 4 : place + 4 + size]
        if len(text) != size:
            raise refuse(400, f"input {name!r}: a text is shorter than the length before it")
        try:
            texts.append(text.decode())
        except UnicodeDecodeError:
            raise refuse(400, f"input {name!r}: a text is not UTF-8") from None
        place += 4 + size
    return texts


def _wanted(data: Json) -> tuple[tuple[str, ...], frozenset[str] | None]:
    outputs = data.get("outputs")
    if not outputs:
        return (), None if _parameters(data).get("binary_data_output") is True else frozenset()
    if not isinstance(outputs, list) or not all(
        isinstance(one, dict) and isinstance(one.get("name"), str) for one in outputs
    ):
        raise refuse(400, "'outputs' is not a list of objects with a 'name'")
    binary = {one["name"] for one in outputs if _parameters(one).get("binary_data") is True}
    return tuple(one["name"] for one in outputs), frozenset(binary)


def _parameters(given: Mapping[str, Any]) -> Mapping[str, Any]:
    parameters = given.get("parameters")
    return parameters if isinstance(parameters, dict) else {}


# ---------------------------------------------------------------- answer


def infer_reply(
    contract: DataContract, answer: Json, asked: InferRequest, *, name: str, request_id: str
) -> Reply:
    """A good answer in the protocol's shape; 400 for an output the model does not have."""
    rules = {rule.name: rule for rule in contract.output}
    if unknown := [one for one in asked.outputs if one not in rules]:
        raise refuse(400, f"the model has no output {unknown[0]!r}")
    outputs: Sequence[Any] = answer["predictions"]
    tensors, tail = [], b""
    for column in asked.outputs or tuple(rules):
        datatype = _DATATYPES[rules[column].dtype]
        values = list(outputs) if len(rules) == 1 else [output[column] for output in outputs]
        tensor: Json = {"name": column, "datatype": datatype, "shape": [len(values)]}
        if (asked.binary is None or column in asked.binary) and None not in values:
            data = _packed(datatype, values)
            tensor["parameters"] = {"binary_data_size": len(data)}
            tail += data
        else:
            tensor["data"] = values
        tensors.append(tensor)
    body: Json = {
        "model_name": name,
        "model_version": answer["release"],
        "id": request_id,
        "outputs": tensors,
        # The protocol's parameters are texts, numbers and flags: a list is its JSON text.
        "parameters": {
            "prediction_ids": json.dumps(answer["prediction_ids"]),
            "role": answer["role"],
            "degraded": answer["degraded"],
        },
    }
    if not tail:
        return Reply(200, body, {"Content-Type": JSON})
    head = json.dumps(body).encode()
    headers = {"Content-Type": "application/octet-stream", HEADER_LENGTH: str(len(head))}
    return Reply(200, head + tail, headers)


def _packed(datatype: str, values: list[Any]) -> bytes:
    if datatype == "BYTES":
        texts = [str(value).encode() for value in values]
        return b"".join(struct.pack("<I", len(text)) + text for text in texts)
    return struct.pack(f"<{len(values)}{_FORMATS[datatype]}", *values)
