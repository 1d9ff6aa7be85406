"""The numbers of many results as one table, which is the data of a site: `write_site_data` writes it as a Parquet file.

Each row is one model of one result over all tasks (kind `model`), on one task (`cell`), or an answer for one lane
(`answer`); all of them have the machine. Strings that strangers wrote are cut to a length; a name keeps a digest of the
whole, so that two names that are alike at their start stay two (`short_name`). `open_site` reads the file, also one
from elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.collection.database import Database, QueryLimits, open_database, open_parquet
from harness.collection.imports import Collection
from harness.files import sha256_of, valid_text

SITE = "site"
"""The name of the view over the file."""
MAX_NAME_CHARS, MAX_TEXT_CHARS = 80, 2000
MAX_FILE_CHARS = 255
"""As long as the name of a file can be: a reader types it to verify the bundle."""
MAX_CLOCK_ERROR_HOURS = 24
"""Of the machine that measured: what is dated later than this from now is no result of today's."""
DIGEST_DIGITS = 16
_KEPT_CHARS = MAX_NAME_CHARS - DIGEST_DIGITS - 1


def short_name(name: str) -> str:
    """A name as the site's data has it: one that is too long ends in a digest of the whole of it."""
    # As the import stores it.
    name = valid_text(name)
    return name if len(name) <= MAX_NAME_CHARS else f"{name[:_KEPT_CHARS]}…{sha256_of(name)[:DIGEST_DIGITS]}"


def _name(column: str, name: str = "") -> str:
    """`short_name` in SQL, for what rows are grouped by."""
    short = f"left({column}, {_KEPT_CHARS}) || '…' || left(sha256({column}), {DIGEST_DIGITS})"
    kept = f"CASE WHEN length({column}) <= {MAX_NAME_CHARS} THEN {column} ELSE {short} END"
    return f"{kept} AS {name or column.rpartition('.')[2]}"


def _cut(column: str, name: str = "", length: int = MAX_NAME_CHARS) -> str:
    return f"left({column}, {length}) AS {name or column.rpartition('.')[2]}"


MACHINE_COLUMNS = f"""
    machines.bundle, {_cut("parse_filename(machines.file)", "file", MAX_FILE_CHARS)}, machines.level,
    {_name("machines.run")}, {_cut("machines.started_at")}, {_cut("machines.suite")}, {_cut("machines.kit_version")},
    {_name("coalesce(machines.chip, machines.architecture, 'unknown chip')", "chip")},
    machines.memory_gb, machines.gpu_cores, machines.gpu_gb,
    {_cut("machines.system")}, {_cut("machines.system_version")}
"""
MODEL_COLUMNS = f"""
    {_name("models.label")}, {_name("models.model")}, {_name("models.server")}, {_cut("models.server_version")},
    {_cut("models.thinking")}, models.comparable, {_cut("models.facts ->> 'quantization'", "quantization")}
"""
MODEL_NUMBERS = """
    passed, n, tasks, rate, low, high, decode_tps, decode_low, decode_high, decode_n,
    prefill_tps, prefill_low, prefill_high, cold_ttft_s AS ttft_s, cold_ttft_low AS ttft_low,
    cold_ttft_high AS ttft_high, cold_ttft_n AS ttft_n, models.memory_bytes AS loaded_bytes
"""
CELL_NUMBERS = f"""
    {_name("cells.task")}, cells.task_sha256, {_cut("cells.title", length=200)}, cells.scored, cells.passed, cells.n,
    cells.planned, cells.rate, cells.low, cells.high, cells.decode_tps, cells.decode_low, cells.decode_high,
    cells.decode_n, cells.ttft_s, cells.ttft_low, cells.ttft_high, cells.ttft_n
"""
ANSWER_COLUMNS = f"""
    {_name("answers.lane")}, answers.definition, answers.state, {_name("answers.label")}, {_name("answers.model")},
    answers.trials, {_cut("answers.text", length=MAX_TEXT_CHARS)}
"""
SELECT = f"""
    SELECT 'model' AS kind, {MACHINE_COLUMNS}, {MODEL_COLUMNS}, {MODEL_NUMBERS}
    FROM models JOIN machines USING (bundle) WHERE NOT simulated
    UNION ALL BY NAME
    SELECT 'cell' AS kind, {MACHINE_COLUMNS}, {MODEL_COLUMNS}, {CELL_NUMBERS}
    FROM cells JOIN models USING (bundle, label) JOIN machines USING (bundle) WHERE NOT simulated
    UNION ALL BY NAME
    SELECT 'answer' AS kind, {MACHINE_COLUMNS}, {ANSWER_COLUMNS}
    FROM answers JOIN machines USING (bundle) WHERE NOT simulated
    ORDER BY kind, bundle, label, task, lane
"""
SELECT_NOTES = f"""
    SELECT file, 'left out, simulated models answered' AS note FROM machines WHERE simulated
    UNION ALL
    SELECT file, 'is dated ' || left(started_at, 10) || ', in the future' FROM machines
    WHERE NOT simulated AND TRY_CAST(started_at AS TIMESTAMPTZ) > now() + INTERVAL {MAX_CLOCK_ERROR_HOURS} HOURS
    ORDER BY ALL
"""


def write_site_data(collection: Collection, path: Path, limits: QueryLimits | None = None) -> tuple[str, ...]:
    """Write the numbers of every measured result; gives a note for each simulated one, which is left out.

    Raises ConfigError where DuckDB is not installed, RunError and DiskError.
    """
    with open_database(collection.files(), collection.sources(), limits, output=path) as database:
        database.write(SELECT, path)
        return tuple(f"{row['file']}: {row['note']}" for row in database.rows(SELECT_NOTES))


@contextmanager
def open_site(path: Path, limits: QueryLimits | None = None) -> Iterator[Database]:
    """A database whose view `site` is the file. Raises ConfigError, and RunError for another kind of file."""
    with open_parquet(path, SITE, limits) as database:
        yield database
