"""The collection as tables to ask: `open_collection` opens its views, `views_section` documents them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from harness.collection.database import Database, QueryLimits, open_database
from harness.collection.imports import Collection
from harness.collection.tables import BUNDLE, MACHINES, TABLES, TableForm
from harness.report import Section, Table, text_row

SOURCE_MEANINGS = (
    ("file", "VARCHAR", "where the bundle was found"),
    ("level", "VARCHAR", "the level of verification that it reached at the import"),
)


@contextmanager
def open_collection(collection: Collection, limits: QueryLimits | None = None) -> Iterator[Database]:
    """The views over a collection. Raises ConfigError where DuckDB is not installed."""
    with open_database(collection.files(), collection.sources(), limits) as database:
        yield database


def views_section() -> Section:
    """Every view with its columns and their meaning."""
    return Section("views", "Views", "", tuple(map(_view_table, TABLES)))


def _view_table(table: TableForm[object]) -> Table:
    rows = [
        (BUNDLE, "VARCHAR", "the digest of the bundle, which joins the views"),
        *((column.name, column.type, column.meaning) for column in table.columns),
        *(SOURCE_MEANINGS if table is MACHINES else ()),
    ]
    return Table(f"{table.name}: {table.meaning}", ("column", "type", "meaning"), tuple(text_row(*row) for row in rows))
