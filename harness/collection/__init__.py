"""Many results as tables: imported once into Parquet files, and asked with SQL through DuckDB.

`import_results` verifies and imports what folders hold, `open_collection` opens the views over it. tables.py declares
the tables with their columns; database.py keeps a statement of a user from anything but them.
"""

from harness.collection.database import Database, ParquetWriter, QueryLimits, Rows, open_database
from harness.collection.imports import Collection, ImportRequest, import_results
from harness.collection.selection import ImportedResult, ImportRecord, may_correct
from harness.collection.site_data import MAX_NAME_CHARS, open_site, short_name, write_site_data
from harness.collection.views import open_collection, views_section

__all__ = [
    "MAX_NAME_CHARS",
    "Collection",
    "Database",
    "ImportRecord",
    "ImportRequest",
    "ImportedResult",
    "ParquetWriter",
    "QueryLimits",
    "Rows",
    "import_results",
    "may_correct",
    "open_collection",
    "open_database",
    "open_site",
    "short_name",
    "views_section",
    "write_site_data",
]
