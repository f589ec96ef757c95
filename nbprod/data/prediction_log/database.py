"""The log in a PostgreSQL that replicas on several machines share; the one door to it.

A line is stored as the sealed text it is in a segment, so that it is tried against its sum when it
is read. ``<folder>/database.json`` in a log's folder says that its records are there.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from datetime import UTC
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from nbprod.data.prediction_log.segments import Kind, Lines, is_sealed
from nbprod.errors import ConfigError, MissingDependencyError, StoreError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

_FILE = "database.json"
_CONNECT_S = 2
_STATEMENT_MS = 10_000
_REST_S = 1.0  # after a failure writes fail at once for so long: callers have deadlines
_PAGE = 5000
_HINT = "start the database and check [serving.log] url; later predictions are tried anew"
# A NUL in a caller's text may lie here, but not be looked at: PostgreSQL's own text has none.
# Lines are compared as text and moments as ISO 8601 in UTC, which sorts as they do.
_TABLE = """
create table if not exists nbprod_log (
  deployment text not null,
  kind text not null,
  id text not null generated always as (coalesce(
    replace(line, '\\u0000', '\\u0020')::json ->> 'prediction_id',
    replace(line, '\\u0000', '\\u0020')::json ->> 'id')) stored,
  at text not null generated always as (coalesce(
    replace(line, '\\u0000', '\\u0020')::json ->> 'received_at',
    replace(line, '\\u0000', '\\u0020')::json ->> 'at')) stored,
  seal text not null generated always as (md5(line)) stored,
  line text not null
);
create unique index if not exists nbprod_log_line on nbprod_log (deployment, kind, id, seal);
create index if not exists nbprod_log_at on nbprod_log (deployment, kind, at);
"""
_INSERT = """
insert into nbprod_log (deployment, kind, line)
select %s, %s, unnest(%s::text[]) on conflict do nothing
"""


@dataclass
class Database:
    """One deployment's records in a shared database.

    url: ``postgresql://user@host:port/database``; a password comes from ``PGPASSWORD`` or
    ``~/.pgpass``, so that none is written down here.
    """

    url: str
    deployment: str
    _connection: Any = None
    _rest_until: float = field(default=0.0, repr=False)  # seconds, monotonic clock

    def write(self, kind: Kind, data: bytes) -> None:
        """Commit whole lines or none; OSError when the database cannot be reached or refuses.

        A line that is there already is not written twice, so that a commit whose answer was
        lost may be repeated.
        """
        if time.monotonic() < self._rest_until:
            raise OSError("the database did not answer a moment ago")
        # Not splitlines(): it would cut a line at a U+2028 in some caller's text.
        lines = data.decode().removesuffix("\n").split("\n")
        try:
            self._insert(kind, lines, again=self._connection is not None)
        except OSError:
            self._rest_until = time.monotonic() + _REST_S
            raise

    def _insert(self, kind: Kind, lines: list[str], *, again: bool) -> None:
        import psycopg

        try:
            with self._connected().cursor() as cursor:
                cursor.execute(_INSERT, (self.deployment, kind, lines))
        except psycopg.Error as error:
            self.close()
            if again and isinstance(error, psycopg.OperationalError):
                self._insert(kind, lines, again=False)  # the server was restarted meanwhile
                return
            raise OSError(_told(error)) from error

    def scan(self, kind: Kind, since: datetime | None = None) -> Iterator[Lines]:
        """The lines, oldest first, a page at a time."""
        first = since.astimezone(UTC).isoformat(timespec="milliseconds") if since else ""
        yield from self._pages(
            "select line from nbprod_log where deployment = %s and kind = %s and at >= %s"
            " order by at, id",
            [self.deployment, kind, first],
        )

    def with_ids(self, kind: Kind, ids: Collection[str]) -> Lines:
        """The lines about these predictions."""
        sql = "select line from nbprod_log where deployment = %s and kind = %s and id = any(%s)"
        pages = list(self._pages(sql + " order by at, id", [self.deployment, kind, list(ids)]))
        return Lines(
            tuple(line for page in pages for line in page.good), sum(p.damaged for p in pages)
        )

    def remove_before(self, moment: datetime) -> int:
        """Forget what was recorded before a moment; how many lines."""
        sql = "delete from nbprod_log where deployment = %s and at < %s"
        with self._connected().cursor() as cursor:
            cursor.execute(
                sql, (self.deployment, moment.astimezone(UTC).isoformat(timespec="milliseconds"))
            )
            return int(cursor.rowcount)

    def close(self) -> None:
        """Give the connection back; the next call opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _pages(self, sql: str, values: Sequence[Any]) -> Iterator[Lines]:
        import psycopg

        try:
            with self._connect() as connection, connection.cursor("lines") as cursor:
                cursor.itersize = _PAGE
                cursor.execute(sql, values)
                while page := cursor.fetchmany(_PAGE):
                    lines = [line.encode() for (line,) in page]
                    good = tuple(line for line in lines if is_sealed(line))
                    yield Lines(good, damaged=len(lines) - len(good))
        except psycopg.Error as error:
            raise StoreError(
                f"the prediction log cannot be read: {_told(error)}",
                hint="start the database and check [serving.log] url",
            ) from error

    def _connected(self) -> Any:
        if self._connection is None or self._connection.closed:
            connection = self._connect()
            connection.autocommit = True
            connection.execute(_TABLE)
            self._connection = connection
        return self._connection

    def _connect(self) -> Any:
        import psycopg

        return psycopg.connect(
            self.url,
            connect_timeout=_CONNECT_S,
            options=f"-c statement_timeout={_STATEMENT_MS}",
            application_name="nbprod prediction log",
        )


def shared(folder: Path) -> Database | None:
    """The database that a log's folder points to; None where its records are in the folder."""
    try:
        data = json.loads((folder / _FILE).read_text(encoding="utf-8"))
        return Database(data["url"], data["deployment"])
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError) as error:
        raise StoreError(
            f"{folder / _FILE} cannot be read: {error}",
            hint="remove it; `nbprod deploy` writes it again",
        ) from error


def share(folder: Path, url: str, deployment: str) -> None:
    """Let a log's folder point to a database, whose table is made when it is not there.

    Raises ConfigError for a URL that names no PostgreSQL or holds a password, StoreError when it
    cannot be reached: before anything is deployed.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("postgresql", "postgres") or not parts.hostname:
        raise ConfigError(
            f"{parts.scheme or 'no'}:// is no database of the prediction log",
            hint="postgresql://user@host:5432/database",
        )
    if parts.password:
        raise ConfigError(
            "the URL of the prediction log holds a password",
            hint="leave it out of the file: set PGPASSWORD, or write ~/.pgpass",
        )
    try:
        import psycopg
    except ImportError as error:
        raise MissingDependencyError(
            "a shared prediction log needs psycopg", extra="postgres"
        ) from error
    database = Database(url, deployment)
    try:
        database._connected()
    except psycopg.Error as error:
        raise StoreError(
            f"the database of the prediction log does not answer: {_told(error)}", hint=_HINT
        ) from error
    finally:
        database.close()
    folder.mkdir(parents=True, exist_ok=True)
    aside = folder / f".{_FILE}"
    aside.write_text(json.dumps({"url": url, "deployment": deployment}), encoding="utf-8")
    aside.replace(folder / _FILE)


def _told(error: Exception) -> str:
    """An error of the driver in one line, without what was sent."""
    return str(error).strip().partition("\n")[0]
