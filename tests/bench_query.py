"""How fast many results import and answer a query: `python -m tests.bench_query [BUNDLES [IMPORTED]]`.

Each bundle has 2,000 trials, and its own run. The first IMPORTED of them are imported for real, which gives the rate;
the files of the others are copied from one import, so that a query over 2,000 bundles and four million trials can be
timed in a few minutes. It is no test, because times on a shared machine are not repeatable.
"""

import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path

from harness.collection import (
    Collection,
    ImportedResult,
    ImportRecord,
    ImportRequest,
    QueryLimits,
    import_results,
    open_collection,
)
from harness.verify import VerifyOptions
from tests.bundle import large_bundle, later, tasks, write_bundle

TRIALS = 2000
SQL = """SELECT model, task, count(*) AS trials, avg(passed::INT) AS rate
FROM trials WHERE NOT warmup GROUP BY ALL ORDER BY ALL"""
MIN_MB_PER_S, MAX_SECONDS, MAX_BYTES = 20.0, 5.0, 2 * 2**30


def _import(folder: Path, count: int) -> tuple[ImportRequest, Collection, float]:
    """Bundles in a folder, imported; and megabytes of bundle per second."""
    bundle = large_bundle(TRIALS)
    for number in range(count):
        write_bundle(folder / "bundles" / f"b{number}", later(bundle, number))
    size = sum(file.stat().st_size for file in (folder / "bundles").rglob("*") if file.is_file())
    request = ImportRequest(
        [folder / "bundles"], folder / "cache", VerifyOptions("consistent", tasks=tasks()), lambda line: print(line)
    )
    start = time.perf_counter()
    collection = import_results(request)
    return request, collection, size / 1e6 / (time.perf_counter() - start)


def _grown(collection: Collection, count: int) -> Collection:
    """The collection with copies of its first import until it has so many."""
    first = collection.results[0].record.bundle
    results = list(collection.results)
    while len(results) < count:
        name = f"{len(results):020d}"
        for file in collection.folder.glob(f"{first}.*.parquet"):
            shutil.copy(file, collection.folder / file.name.replace(first, name))
        results.append(ImportedResult(Path(name), ImportRecord(name, level="consistent")))
    return Collection(collection.folder, tuple(results), ())


def main(count: int = 2000, imported: int = 5) -> int:
    """Import, ask, and print both; returns 1 where a limit is missed."""
    with tempfile.TemporaryDirectory() as folder:
        request, collection, rate = _import(Path(folder), min(imported, count))
        print(f"{len(collection.results)} bundles imported at {rate:.0f} MB/s (at least {MIN_MB_PER_S:.0f})")
        start = time.perf_counter()
        import_results(request)
        print(f"found again in {time.perf_counter() - start:.2f} s")
        grown = _grown(collection, count)
        start = time.perf_counter()
        with open_collection(grown, QueryLimits()) as database:
            opened = time.perf_counter() - start
            rows = database.rows(SQL)
        took = time.perf_counter() - start
    total = sum(row["trials"] for row in rows)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(
        f"{count} bundles, {total:,} trials: {took:.2f} s, of which {opened:.2f} s to open; peak {peak / 2**20:.0f} MiB"
    )
    return int(rate < MIN_MB_PER_S or took > MAX_SECONDS or peak > MAX_BYTES)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
