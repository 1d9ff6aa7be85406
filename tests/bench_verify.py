"""Measures how long `verify` takes up to the level reread: `python -m tests.bench_verify [trials]`.

It makes a zip of a large sound bundle first. It is no test, because times on a shared machine are not repeatable.
"""

import argparse
import os
import sys
import tempfile
import time
import zipfile
from pathlib import Path

from harness.cli.verification import render_verdict
from harness.verify import VerifyOptions, verify
from tests.bundle import large_bundle, tasks, write_bundle


def _cpu_s() -> tuple[float, float]:
    """CPU seconds of this process and of its children; a busy machine hardly changes them."""
    times = os.times()
    return times.user + times.system, times.children_user + times.children_system


def _zipped(folder: Path, trials: int) -> Path:
    path = folder / f"bundle-{trials}.zip"
    write_bundle(folder / "bundle", large_bundle(trials))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted((folder / "bundle").iterdir()):
            archive.write(file, file.name)
    return path


def main() -> int:
    """Make the bundle, verify it to reread, print the seconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("trials", type=int, nargs="?", default=5000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = _zipped(Path(folder), args.trials)
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
        start, cpu = time.perf_counter(), _cpu_s()
        verdict = verify(path, VerifyOptions("reread", tasks=tasks()))
        took = time.perf_counter() - start
        own, others = (after - before for after, before in zip(_cpu_s(), cpu, strict=True))
    print(render_verdict(verdict))
    print(f"{args.trials} trials, {unpacked / 2**20:.0f} MiB unpacked: {took:.1f} s")
    print(f"CPU time: {own:.1f} s here, {others:.1f} s in other processes")
    return verdict.exit_code


if __name__ == "__main__":
    sys.exit(main())
