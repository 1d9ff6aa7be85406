"""DuckDB as the kit uses it: `ParquetWriter` writes rows as Parquet files, `open_database` reads them and nothing else.

`open_parquet` reads a single file in the same way.

The SQL of a user runs in a database in memory whose views are the tables. It may open the imported files and no other
file, address or extension, it is one statement that reads, and its memory, threads and time are limited.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from harness.collection.tables import MACHINES, TABLES, ColumnType, schema_of
from harness.errors import ConfigError, DiskError, RunError
from harness.files import disk_error, to_json
from harness.types import Json

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection, Statement

MIB = 1024 * 1024
INSTALL = "pip install 'lanebench[query]'"
READ_NODES = {"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"}
"""The queries that a SELECT may be made of. Its WITH clauses could also COPY into an imported file, or DELETE."""
_NODE = re.compile(r'"type":"(\w+_NODE)"')
NO_EXTENSIONS = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
ROWS_PER_FETCH = 1000
SOURCE_COLUMNS = ("bundle", "file", "level")
"""What the import knows of a bundle beside its content: the view `machines` has it, too."""


@dataclass(frozen=True, slots=True)
class QueryLimits:
    """What one statement may cost."""

    memory_bytes: int = 1536 * MIB
    threads: int = 2
    seconds: float = 60.0


def _connect(**settings: str | int) -> DuckDBPyConnection:
    """A database in memory. Raises ConfigError where DuckDB is not installed."""
    try:
        import duckdb
    except ImportError as error:
        raise ConfigError("DuckDB is not installed", fix=f"install it: {INSTALL}") from error
    connection = duckdb.connect(":memory:", config={**NO_EXTENSIONS, **settings})
    # The bar would stand among the rows on standard output.
    connection.execute("SET enable_progress_bar = false")
    return connection


def sql_text(text: str) -> str:
    """A string as SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def _sql_list(paths: Iterable[Path]) -> str:
    return f"[{', '.join(sql_text(str(path)) for path in paths)}]"


class ParquetWriter:
    """Writes rows of JSON values as Parquet files; one connection serves many files."""

    def __init__(self) -> None:
        """Open the connection."""
        self._connection = _connect(threads=1, memory_limit="512MB")

    def write(self, path: Path, columns: Mapping[str, ColumnType], rows: Sequence[Mapping[str, Json]]) -> None:
        """Write a file, by way of a JSON file beside it. Raises RunError for rows that are no table, and DiskError.

        Another process may write the same file at the same time: each has files of its own until one takes the place.
        """
        part = path.with_name(f".{path.name}.{uuid4().hex}")
        source = part.with_name(f"{part.name}.json")
        described = ", ".join(f"{sql_text(name)}: {sql_text(kind)}" for name, kind in columns.items())
        read = f"read_json({sql_text(str(source))}, format='array', columns={{{described}}})"
        try:
            source.write_text(to_json(rows), encoding="utf-8")
            self.copy(f"SELECT * FROM {read}", part)
            part.replace(path)
        except OSError as error:
            raise disk_error(path, error) from error
        finally:
            source.unlink(missing_ok=True)
            part.unlink(missing_ok=True)

    def copy(self, select: str, path: Path) -> None:
        """Write the rows of a statement of the kit's own. Raises RunError for one that fails, and DiskError."""
        _copy(self._connection, select, path)


def _copy(connection: DuckDBPyConnection, select: str, path: Path) -> None:
    import duckdb

    try:
        connection.execute(f"COPY ({select}) TO {sql_text(str(path))} (FORMAT parquet, COMPRESSION zstd)")
    except duckdb.IOException as error:
        raise DiskError(f"{path}: {error}") from error
    except duckdb.Error as error:
        raise RunError(f"the rows cannot be written as a table: {error}") from error


@dataclass(frozen=True, slots=True)
class Rows:
    """What a statement gives: the names of its columns, and the rows as they are read."""

    columns: tuple[str, ...]
    rows: Iterator[tuple[Json, ...]]


class Database:
    """The views over imported files."""

    def __init__(self, connection: DuckDBPyConnection, limits: QueryLimits) -> None:
        """Keep the connection, which is locked down already."""
        self._connection = connection
        self._limits = limits

    @contextmanager
    def query(self, sql: str, parameters: Sequence[Json] = ()) -> Iterator[Rows]:
        """The rows of one statement that reads. Raises RunError for any other, and for one that fails or takes long."""
        import duckdb

        remaining = _RemainingTime(self._limits.seconds, self._connection.interrupt)
        try:
            statements = self._connection.extract_statements(sql.encode().decode())
            if len(statements) != 1 or not self._reads(statements[0]):
                raise RunError("expected one statement that reads", fix="give one SELECT")
            with remaining.running():
                cursor = self._connection.execute(statements[0], list(parameters))
            names = tuple(column[0] for column in cursor.description or ())
            yield Rows(names, _fetch(cursor, remaining))
        except duckdb.InterruptException as error:
            message = f"the statement took longer than {self._limits.seconds:g} s"
            raise RunError(message, fix="ask for less, or allow more time") from error
        except (duckdb.Error, UnicodeEncodeError) as error:
            raise RunError(f"the statement failed: {error}") from error

    def _reads(self, statement: Statement) -> bool:
        """Whether a statement only reads. DESCRIBE, SHOW, VALUES and FROM are kinds of SELECT to DuckDB.

        EXPLAIN is none, since EXPLAIN ANALYZE executes whatever it is given.
        """
        if statement.type.name != "SELECT":
            return False
        ((parsed,),) = self._connection.execute("SELECT json_serialize_sql(?)", [statement.query]).fetchall()
        # Quotes within strings are escaped there, so that only nodes of the statement itself match.
        nodes = set(_NODE.findall(parsed))
        return bool(nodes) and nodes <= READ_NODES

    def write(self, select: str, path: Path) -> None:
        """Write the rows of a statement of the kit's own as a Parquet file: the `output` that was opened for it.

        Raises RunError for a statement that fails, and DiskError.
        """
        _copy(self._connection, select, path)

    def rows(self, sql: str, parameters: Sequence[Json] = ()) -> list[dict[str, Json]]:
        """All rows of a statement, by column."""
        with self.query(sql, parameters) as found:
            return [dict(zip(found.columns, row, strict=True)) for row in found.rows]


class _RemainingTime:
    """The time that a statement may still take: only that within `running` counts, not that of who reads its rows."""

    def __init__(self, seconds: float, interrupt: Callable[[], None]) -> None:
        self._seconds = seconds
        self._interrupt = interrupt

    @contextmanager
    def running(self) -> Iterator[None]:
        """Interrupts the statement where the time runs out within."""
        timer = threading.Timer(max(0.0, self._seconds), self._interrupt)
        timer.daemon = True
        began_s = time.monotonic()
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            self._seconds -= time.monotonic() - began_s


def _fetch(cursor: DuckDBPyConnection, remaining: _RemainingTime) -> Iterator[tuple[Json, ...]]:
    while True:
        with remaining.running():
            rows = cursor.fetchmany(ROWS_PER_FETCH)
        if not rows:
            return
        yield from rows


@contextmanager
def open_database(
    tables: Mapping[str, Sequence[Path]],
    sources: Sequence[Sequence[str]] = (),
    limits: QueryLimits | None = None,
    output: Path | None = None,
) -> Iterator[Database]:
    """A database with a view for each table over its files; `sources` has a row of SOURCE_COLUMNS for each bundle.

    `output` is the one file that `Database.write` may write. Raises ConfigError where DuckDB is not installed.
    """
    paths = [path for files in tables.values() for path in files]
    views = {name: _view(name, files) for name, files in tables.items()}
    with _locked(views, [*paths, *([output] if output else [])], sources, limits or QueryLimits()) as database:
        yield database


@contextmanager
def open_parquet(path: Path, view: str, limits: QueryLimits | None = None) -> Iterator[Database]:
    """A database with one view over one file, whose columns are whatever the file says.

    Raises ConfigError where DuckDB is not installed, RunError for a file that is no Parquet file.
    """
    with _locked(
        {view: f"SELECT * FROM read_parquet({_sql_list([path])})"}, [path], (), limits or QueryLimits()
    ) as found:
        yield found


@contextmanager
def _locked(
    views: Mapping[str, str], paths: Sequence[Path], sources: Sequence[Sequence[str]], limits: QueryLimits
) -> Iterator[Database]:
    """A database with these views that opens these files and no other."""
    connection = _connect(threads=limits.threads, memory_limit=f"{limits.memory_bytes}B", temp_directory="")
    import duckdb

    try:
        connection.execute(f"SET allowed_paths = {_sql_list(paths)}")
        unnested = ", ".join(f"unnest(?::VARCHAR[]) AS {name}" for name in SOURCE_COLUMNS)
        values = [[row[at] for row in sources] for at in range(len(SOURCE_COLUMNS))]
        connection.execute(f"CREATE TABLE sources AS SELECT {unnested}", values)
        for name, select in views.items():
            connection.execute(f"CREATE VIEW {name} AS {select}")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
    except duckdb.Error as error:
        connection.close()
        raise RunError(f"the files cannot be read as tables: {error}") from error
    try:
        yield Database(connection, limits)
    finally:
        connection.close()


def _view(name: str, files: Sequence[Path]) -> str:
    """The view of a table; that of the machines also has the sources."""
    (table,) = (table for table in TABLES if table.name == name)
    columns = ", ".join(f"NULL::{kind} AS {column}" for column, kind in schema_of(table).items())
    rows = f"read_parquet({_sql_list(files)})" if files else f"(SELECT {columns} WHERE false)"
    return f"SELECT * FROM {rows} JOIN sources USING (bundle)" if table is MACHINES else f"SELECT * FROM {rows}"
