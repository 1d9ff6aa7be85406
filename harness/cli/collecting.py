"""Reads the many results that a command is given: `collect` imports them into the kit's cache, and says how many.

`standing_among` says where a result stands among those of a folder, or of a site's data.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli.console import count_of, log
from harness.errors import Problem, RunError

if TYPE_CHECKING:
    from harness.collection import Collection, Database
    from harness.types import Result


def collect(paths: Sequence[Path], task_folders: Sequence[Path], level: str = "consistent") -> Collection:
    """The results in these folders, each verified up to a level at its first import.

    Raises DiskError, RunError for a path that does not exist.
    """
    from harness.cli.inputs import known_tasks
    from harness.cli.verification import open_sandbox_for_verify
    from harness.collection import ImportRequest, import_results
    from harness.files import cache_folder
    from harness.verify import VerifyOptions

    if missing := [
        Problem(f"{path}: no such file or folder", "correct the path") for path in paths if not path.exists()
    ]:
        raise RunError(*missing)
    options = VerifyOptions(level, tasks=known_tasks(task_folders), open_sandbox=open_sandbox_for_verify)
    collection = import_results(ImportRequest(paths, cache_folder(), options, log))
    refused = f", {collection.refused} refused" if collection.refused else ""
    log(f"{count_of(len(collection.results), 'result')}{refused}")
    return collection


def standing_among(result: Result, others: Path, task_folders: Sequence[Path]) -> list[str]:
    """A sentence for each model of a result. Raises ConfigError without DuckDB, RunError for files without results."""
    from harness.collection import open_site
    from harness.site import place_result

    if others.is_file() and others.suffix == ".parquet":
        with open_site(others) as database:
            return place_result(result, database)
    collection = collect([others], task_folders)
    if not collection.results and collection.problems:
        raise RunError(*collection.problems)
    for problem in collection.problems:
        log(problem.message)
    with site_of(collection) as database:
        return place_result(result, database)


@contextmanager
def site_of(collection: Collection) -> Iterator[Database]:
    """The numbers of a collection as the data of a site. Raises ConfigError without DuckDB."""
    from harness.collection import open_site, write_site_data

    with tempfile.TemporaryDirectory(prefix="lanebench-") as folder:
        data = Path(folder) / "site.parquet"
        for note in write_site_data(collection, data):
            log(note)
        with open_site(data) as database:
            yield database
