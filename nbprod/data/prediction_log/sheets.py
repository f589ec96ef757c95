"""A sheet: the predictions of one request as one record, its rows as columns.

A hundred rows have one moment, one release and one seal, and each column's name is written once:
a fifth of the bytes, and a tenth of the time. Whoever reads the log is given single predictions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbprod.data.plain_columns import PlainColumns

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nbprod.records import Json

MARK = b'{"ids":'  # how the line of a sheet begins; that of a prediction begins with {"id":


def sheet(
    ids: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    features: Sequence[Mapping[str, Any]],
    outputs: Sequence[Any],
    *,
    key: Sequence[str],
    shadows: Sequence[str] = (),
    **common: Any,
) -> Json | None:
    """Predictions that run in parallel as one record; None where the rows' names differ.

    key: the contract's columns. shadows: the live prediction of each row, for a shadow.
    common: the fields of `Prediction` that all of them share.
    """
    inputs, fed = PlainColumns.of(rows), _columns(features)
    if inputs is None or fed is None:
        return None
    return {
        "ids": ids,
        **common,
        "inputs": inputs.columns,
        "features": fed,
        "outputs": outputs,
        "key": tuple(key),
        "shadows": shadows,
    }


def _columns(rows: Sequence[Mapping[str, Any]]) -> Mapping[str, list[Any]] | None:
    if isinstance(rows, PlainColumns):
        return rows.columns
    if not any(rows):  # a fallback was fed nothing
        return {}
    columns = PlainColumns.of(rows)
    return None if columns is None else columns.columns


def size(record: Any) -> int:
    """How many predictions a record holds: one, unless it is a sheet."""
    return len(record["ids"]) if isinstance(record, dict) and "ids" in record else 1


def ids_of(records: Iterable[Mapping[str, Any]]) -> list[str]:
    """The ids of all predictions in records."""
    ids: list[str] = []
    for record in records:
        if "ids" in record:
            ids += record["ids"]
        else:
            ids.append(record["id"])
    return ids


def prediction(
    common: Mapping[str, Any],
    prediction_id: str,
    inputs: Mapping[str, Any],
    features: Mapping[str, Any],
    output: Any,
    *,
    key: Sequence[str],
    shadow_of: str,
) -> Json:
    """One prediction as plain data, its fields in `Prediction`'s order; the rest from common."""
    return {
        "id": prediction_id,
        "at": common["at"],
        "deployment": common["deployment"],
        "release": common["release"],
        "role": common["role"],
        "request_id": common["request_id"],
        "inputs": inputs,
        "features": features,
        "output": output,
        "latency_ms": common["latency_ms"],
        "degraded": common["degraded"],
        "module_version": common["module_version"],
        "key": {name: inputs.get(name) for name in key},
        "shadow_of": shadow_of,
        "routing_key": common["routing_key"],
    }


def prediction_at(record: Any, place: int) -> Any:
    """One prediction of a sheet; a record that is none as it is."""
    if not isinstance(record, dict) or "ids" not in record:
        return record
    return prediction(
        record,
        record["ids"][place],
        {name: values[place] for name, values in record["inputs"].items()},
        {name: values[place] for name, values in record["features"].items()},
        record["outputs"][place],
        key=record["key"],
        shadow_of=record["shadows"][place] if record["shadows"] else "",
    )


def predictions(record: Any) -> list[Any]:
    """Every prediction of a record."""
    return [prediction_at(record, place) for place in range(size(record))]
