"""What is answered in the model's place: the envelope's fallback, or an answer made beforehand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from nbprod.errors import ConfigError
from nbprod.records import canonical_json

if TYPE_CHECKING:
    from nbprod.records import DataContract
    from nbprod.serving.options import ServiceOptions

StandIn = Callable[[Mapping[str, Any]], Any]


def stand_in(options: ServiceOptions, contract: DataContract) -> StandIn | None:
    """Row -> output where the envelope has one for a model that cannot answer, else None.

    ``fallback`` is one output for all rows. ``precomputed`` looks the contract's key up in the
    table that ``fallback = { table = "…" }`` names: its columns are the key's and the outputs';
    the function raises LookupError for a key that is not in it. Raises ConfigError for a table
    that cannot be used, before a replica takes traffic.
    """
    values = dict(options.fallback)
    if options.on_unavailable == "fallback":
        output = next(iter(values.values())) if len(values) == 1 else values
        return lambda _row: output
    if options.on_unavailable == "precomputed":
        return _table(str(values.get("table", "")), contract)
    return None


def _table(uri: str, contract: DataContract) -> StandIn:
    import pandas as pd

    key, outputs = list(contract.key), [rule.name for rule in contract.output]
    if not uri or not key:
        raise ConfigError(
            'on_unavailable = "precomputed" needs a table and the contract\'s key',
            hint='[envelope] fallback = { table = "data/answers.parquet" }, and [data] key',
        )
    try:
        frame = pd.read_parquet(uri)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"the table of answers {uri} cannot be read: {error}",
            hint="a Parquet file or its URI, in [envelope] fallback = { table = … }",
        ) from error
    if missing := [name for name in (*key, *outputs) if name not in frame]:
        raise ConfigError(
            f"{uri} has no column {', '.join(missing)}",
            hint=f"it needs {', '.join((*key, *outputs))}: one row for each key",
        )
    known: dict[str, Any] = {}
    for record in frame[[*key, *outputs]].to_dict("records"):
        values = {name: record[name] for name in outputs}
        output = next(iter(values.values())) if len(values) == 1 else values
        known[canonical_json([str(record[name]) for name in key])] = output

    def look_up(row: Mapping[str, Any]) -> Any:
        place = canonical_json([str(row.get(name)) for name in key])
        if place not in known:
            raise LookupError("the model cannot answer, and no answer was made beforehand")
        return known[place]

    return look_up
