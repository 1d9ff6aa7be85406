"""How fast a site of many results builds: `python -m tests.bench_site [BUNDLES]`.

Small bundles are made for 25 classes of machines, imported and built into a site; then one more result is
added and the site is built again. The peak memory is that of the build, in a process of its own. It is no test, because
times on a shared machine are not repeatable; the seconds of CPU are.
"""

import random
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from harness.collection import ImportRequest, import_results
from harness.site import SiteRequest, build_site
from harness.types import Model
from harness.verify import VerifyOptions
from tests.bundle import MODELS, Bundle, bundle_of, later, summarized, tasks, write_bundle

CHIPS = ("Apple M1 Max", "Apple M2 Ultra", "Apple M3 Ultra", "Apple M4 Max", "Apple M4 Pro")
GIGABYTES = (24, 48, 64, 96, 128)
NAMES = ("qwen-coder-32b", "qwen-coder-7b", "devstral-24b", "gemma-27b", "gpt-oss-20b", "glm-air")
LIMITS = {100: (10.0, 512.0), 2000: (180.0, float("inf"))}
"""Bundles -> seconds and MiB that a first build may take."""


def _bundles() -> list[Bundle]:
    """A bundle for each pair of models and each class of machines."""
    found = []
    for number in range(0, len(NAMES), 2):
        models = tuple(_model(name) for name in NAMES[number : number + 2])
        for chip in CHIPS:
            for gigabytes in GIGABYTES:
                bundle = bundle_of(*models).copy()
                bundle.result["host"] |= {"chip": chip, "memory_bytes": gigabytes * 2**30}
                found.append(summarized(bundle))
    return found


def _model(name: str) -> Model:
    return replace(MODELS[0], label=name, model=name)


def _write(folder: Path, kinds: list[Bundle], numbers: range) -> None:
    drawn = random.Random(1)
    for number in numbers:
        write_bundle(folder / f"b{number:05}", later(drawn.choice(kinds), number))


def build(folder: str, out: str) -> None:
    """What is measured: import and build. Prints what it took."""
    start, cpu = time.perf_counter(), time.process_time()
    request = ImportRequest([Path(folder)], Path(out) / "cache", VerifyOptions("consistent", tasks=tasks()))
    collection = import_results(request)
    imported = time.perf_counter()
    report = build_site(SiteRequest(collection, Path(out) / "site"))
    end = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{report.results} results, {report.pages} pages, {report.changed} files changed: {end - start:.1f} s "
        f"({imported - start:.1f} s import), {time.process_time() - cpu:.1f} s of CPU, peak {peak:.0f} MiB",
        flush=True,
    )


def main(count: int = 100) -> int:
    """Build, build again with one more result, and print both; returns 1 where a limit is missed."""
    with tempfile.TemporaryDirectory() as folder:
        bundles, out = Path(folder) / "bundles", Path(folder) / "out"
        kinds = _bundles()
        _write(bundles, kinds, range(count))
        started = time.perf_counter()
        said = _measure(bundles, out)
        took = time.perf_counter() - started
        _write(bundles, kinds, range(count, count + 1))
        _measure(bundles, out)
        _measure(bundles, out)
    seconds, mebibytes = LIMITS.get(count, (float("inf"), float("inf")))
    return int(took > seconds or float(said.rpartition("peak ")[2].split()[0]) > mebibytes)


def _measure(bundles: Path, out: Path) -> str:
    code = f"from tests.bench_site import build; build({str(bundles)!r}, {str(out)!r})"
    done = subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, text=True)
    print(done.stdout, end="", flush=True)
    return done.stdout


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
