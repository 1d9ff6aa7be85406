"""Reads the many results that a command is given: `collect` imports them into the kit's cache, and says how many."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli.console import log

if TYPE_CHECKING:
    from harness.collection import Collection


def collect(paths: Sequence[Path], task_folders: Sequence[Path]) -> Collection:
    """The results in these folders, each verified to *consistent* at its first import. Raises DiskError."""
    from harness.cli.inputs import known_tasks
    from harness.collection import ImportRequest, import_results
    from harness.files import cache_folder
    from harness.verify import VerifyOptions

    options = VerifyOptions("consistent", tasks=known_tasks(task_folders))
    collection = import_results(ImportRequest(paths, cache_folder(), options, log))
    refused = len({problem.message.partition(": ")[0] for problem in collection.problems})
    log(f"{len(collection.results)} results" + (f", {refused} refused" if refused else ""))
    return collection
