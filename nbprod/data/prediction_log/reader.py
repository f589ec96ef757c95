"""Reading the log: every line is tried against its sum before anything is made of it.

Questions in SQL are answered by DuckDB over the sealed lines, copied into its memory. Before the
caller's ``where`` is looked at, that database can no longer read or write a file, load an
extension, see a Python variable or change a setting.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from nbprod.data.prediction_log.database import shared
from nbprod.data.prediction_log.lines import predictions_of, scan
from nbprod.data.prediction_log.parts import parts
from nbprod.data.prediction_log.segments import (
    Segment,
    is_sealed,
    open_line,
    read_lines,
    segments,
)
from nbprod.errors import ConfigError, TamperedRecordError
from nbprod.records import Prediction, id_time

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Moment = datetime | str | None
_COLUMNS = {
    "id": "VARCHAR",
    "at": "TIMESTAMPTZ",
    "deployment": "VARCHAR",
    "release": "VARCHAR",
    "role": "VARCHAR",
    "request_id": "VARCHAR",
    "latency_ms": "DOUBLE",
    "degraded": "BOOLEAN",
    "module_version": "VARCHAR",
}
_ROWS = ("inputs", "features", "key", "output")


@dataclass(frozen=True)
class _Slice:
    """Which predictions are asked for; the interval is half-open, [since, until)."""

    since: datetime | None = None
    until: datetime | None = None
    release: str | None = None
    role: str | None = None


def find(folder: Path, prediction_id: str) -> Prediction | None:
    """The prediction with this id, or None.

    Segments of the id's own time are looked at first, then all others, then the parts of its
    date. Raises StoreError for
    what is no id, TamperedRecordError when the record is there but altered.
    """
    made_ms = id_time(prediction_id).timestamp() * 1000

    def distance(segment: Segment) -> tuple[bool, float]:
        return segment.start_ms > made_ms, abs(segment.start_ms - made_ms)

    lines = predictions_of(folder, [prediction_id], first=distance)
    if lines.good:
        return Prediction.from_json(open_line(lines.good[0]))
    damaged = lines.damaged
    if damaged:
        raise TamperedRecordError(
            f"prediction {prediction_id} in {folder} is not the record that was written",
            hint="restore the segment from a copy; the record's content is not to be trusted",
        )
    return None


def query(
    folder: Path,
    *,
    since: Moment = None,
    until: Moment = None,
    release: str | None = None,
    role: str | None = None,
    where: str = "",
    limit: int = 100,
) -> list[Prediction]:
    """Predictions in [since, until), newest first; damaged records are never among them.

    where: one SQL condition on the record's fields, with columns of ``inputs``, ``features``,
    ``key`` and ``output`` behind a dot: ``"inputs.carrier = 'UA' and latency_ms > 20"``.
    ``"at"`` stands in double quotes, as SQL wants it. Raises ConfigError for a bad condition.
    """
    wanted = _Slice(moment(since), moment(until), release, role)
    enough = 0 if where.strip() else limit
    connection = _database(folder, wanted, with_rows=bool(where.strip()), enough=enough)
    try:
        _lock(connection)
        condition = f"\nwhere ({where}\n)" if where.strip() else ""
        sql = f'select line from predictions{condition}\norder by "at" desc, id desc limit ?'  # noqa: S608
        lines = _ask(connection, sql, [limit], where)
    finally:
        connection.close()
    sealed = [line.encode() for (line,) in lines if is_sealed(line.encode())]
    return [Prediction.from_json(open_line(line)) for line in sealed]


def moment(value: Moment) -> datetime | None:
    """A moment in UTC from a datetime or ISO 8601 text; without a time zone it is UTC's."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError as error:
            raise ConfigError(
                f"{value!r} is not a moment", hint="ISO 8601, such as 2026-11-23T10:00:00+00:00"
            ) from error
    if value is None:
        return None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def records(folder: Path, since: Moment, until: Moment) -> Iterator[dict[str, Any]]:
    """The predictions in [since, until) as plain data, in the order they were written."""
    start, end = moment(since), moment(until)
    for lines in scan(folder, "predictions", start):
        for line in lines.good:
            plain = open_line(line)
            at = moment(plain["at"])
            if at and (start is None or at >= start) and (end is None or at < end):
                yield plain


def _database(folder: Path, wanted: _Slice, *, with_rows: bool, enough: int) -> Any:
    """An in-memory database with the table ``predictions`` over the sealed lines of a slice.

    enough: so many of the newest will do; parts of earlier dates are not read then. 0: all.
    """
    import duckdb
    import pyarrow

    connection = duckdb.connect(
        ":memory:",
        config={
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "python_enable_replacements": False,
        },
    )
    _run(connection, "set timezone = 'UTC'")
    kept, values = _conditions(wanted)
    _run(connection, "create table lines(line varchar)")

    def keep(lines: tuple[bytes, ...]) -> None:
        # Piece by piece, so that only what was asked for is held.
        text = pyarrow.array([line.decode() for line in lines], pyarrow.string())
        connection.register("piece", pyarrow.table({"line": text}))
        _run(connection, f"insert into lines select line from piece where {kept}", values)  # noqa: S608
        connection.unregister("piece")

    if shared(folder) is not None:
        for lines in scan(folder, "predictions", wanted.since):
            keep(lines.good)
    else:
        read = set()
        for segment in segments(folder, "predictions", wanted.since):
            with contextlib.suppress(FileNotFoundError):  # it has become parts meanwhile
                keep(read_lines(segment).good)
                read.add(segment.path.stem)
        _keep_parts(connection, folder, wanted, read, enough)
    _run(connection, _view(connection, with_rows=with_rows))
    return connection


def _keep_parts(connection: Any, folder: Path, wanted: _Slice, read: set[str], enough: int) -> None:
    """Lines of the parts, newest date first; what they are asked for by is a column there."""
    conditions = {
        '"at" >= ?': wanted.since and wanted.since.isoformat(timespec="milliseconds"),
        '"at" < ?': wanted.until and wanted.until.isoformat(timespec="milliseconds"),
        "release = ?": wanted.release,
        "role = ?": wanted.role,
    }
    used = {text: value for text, value in conditions.items() if value is not None}
    where = " and ".join(["true", *used])
    by_date: dict[str, list[str]] = {}
    for part in parts(folder, since=wanted.since, until=wanted.until):
        if part.stem not in read:
            by_date.setdefault(part.parent.parent.name, []).append(str(part))
    newest = "select count(*) from lines where left(json_extract_string(line, '$.at'), 10) > ?"
    for date, files in sorted(by_date.items(), reverse=True):
        if enough and _run(connection, newest, [date])[0][0] >= enough:
            break
        last = f' order by "at" desc, id desc limit {int(enough)}' if enough else ""
        sql = f"insert into lines select line from read_parquet(?) where {where}{last}"  # noqa: S608
        _run(connection, sql, [files, *used.values()])


def _conditions(wanted: _Slice) -> tuple[str, list[Any]]:
    at = "try_cast(json_extract_string(line, '$.at') as timestamptz)"
    conditions: dict[str, Any] = {
        f"{at} >= ?": wanted.since,
        f"{at} < ?": wanted.until,
        "json_extract_string(line, '$.release') = ?": wanted.release,
        "json_extract_string(line, '$.role') = ?": wanted.role,
    }
    used = {text: value for text, value in conditions.items() if value is not None}
    return " and ".join(["json_valid(line)", *used]), list(used.values())


def _view(connection: Any, *, with_rows: bool) -> str:
    """The table: top-level fields typed, and rows as structs of the columns that occur in them."""
    columns = [
        f"try_cast(json_extract_string(line, '$.{name}') as {kind}) as \"{name}\""
        for name, kind in _COLUMNS.items()
    ]
    for name in _ROWS if with_rows else ():
        found = _run(
            connection,
            f"select json_group_structure(line->'$.{name}')::varchar from lines",  # noqa: S608
        )[0][0]
        shape = json.dumps(_shape(json.loads(found or '""')), ensure_ascii=False)
        columns.append(f"from_json(line->'$.{name}', '{_quoted(shape)}') as {name}")
    return f"create table predictions as select line, {', '.join(columns)} from lines"  # noqa: S608


def _shape(found: Any) -> Any:
    """The struct that a JSON structure fits into.

    Unsigned numbers become signed, because they wrap below zero; mixed types are compared as
    text. A column without a name, or named like another but for its case, cannot be asked for.
    """
    if isinstance(found, dict):
        fields: dict[str, Any] = {}
        for name, inner in found.items():
            if name and name.casefold() not in map(str.casefold, fields):
                fields[name] = _shape(inner)
        return fields or "VARCHAR"
    if isinstance(found, list):
        return [_shape(item) for item in found]
    return {"UBIGINT": "HUGEINT", "BIGINT": "HUGEINT"}.get(
        found, found if found in {"DOUBLE", "BOOLEAN", "HUGEINT"} else "VARCHAR"
    )


def _quoted(text: str) -> str:
    return text.replace("'", "''")


def _lock(connection: Any) -> None:
    for setting in ("enable_external_access = false", "lock_configuration = true"):
        _run(connection, f"set {setting}")


def _ask(connection: Any, sql: str, values: list[Any], where: str) -> list[tuple[Any, ...]]:
    import duckdb

    hint = (
        "one SQL condition, such as: inputs.carrier = 'UA' and \"at\" >= '2026-01-01'; columns: "
        + ", ".join([*_COLUMNS, *_ROWS])
    )
    try:
        statements = duckdb.extract_statements(sql)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise ConfigError(f"where {where!r} is more than a condition", hint=hint)
        return _run(connection, sql, values)
    except duckdb.Error as error:
        reason = str(error).strip().splitlines()[0]
        raise ConfigError(f"where {where!r} cannot be answered: {reason}", hint=hint) from error


def _run(connection: Any, sql: str, values: list[Any] | None = None) -> list[tuple[Any, ...]]:
    # Results are always fetched: an unfinished one blocks the connection.
    rows: list[tuple[Any, ...]] = connection.execute(sql, values or []).fetchall()
    return rows
