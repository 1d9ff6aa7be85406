"""How long a pull request with 500 trials is checked: `python -m tests.bench_check_pr [BUNDLE...]`.

The bundles, by default two of results/ with some 600 recorded trials of real models, are added to a repository of
results in one pull request, which is verified to *rescored* as the GitHub Action does it: every answer runs again in
containers of this machine's engine. The images are built before the time begins. It is no test, because times on a
shared machine are not repeatable.
"""

import contextlib
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from harness.cli.verification import open_sandbox_for_verify
from harness.files import ROOT
from harness.languages import LANGUAGES
from harness.submission import render_answer
from harness.verify import VerifyOptions
from tests.samples import kit_tasks
from tests.submission_rejects import Results

BUNDLES = ("20261127-045454-5a4a.zip", "20261127-123052-7ffc.zip")
MAX_SECONDS_PER_TRIAL = 60 / 500


def main(paths: Sequence[Path]) -> int:
    """Check the pull request and print what it took; returns 1 where it is refused or the limit is missed."""
    with contextlib.ExitStack() as opened:
        opened.enter_context(open_sandbox_for_verify(tuple(LANGUAGES)))
    options = VerifyOptions("rescored", strict=True, tasks=kit_tasks(), open_sandbox=open_sandbox_for_verify)
    with TemporaryDirectory() as folder:
        results = Results(Path(folder) / "repository")
        results.commit({f"results/{path.name}": path.read_bytes() for path in paths})
        started, cpu = time.perf_counter(), time.process_time()
        found = results.review(options)
        took, cpu = time.perf_counter() - started, time.process_time() - cpu
    trials = sum(len(bundle.result.trials) for bundle in found.bundles if bundle.result is not None)
    levels = {report.level: report.state for each in found.bundles if each.verdict for report in each.verdict.levels}
    print(
        f"{len(paths)} bundles, {trials} trials on {len(os.sched_getaffinity(0))} cores: {took:.1f} s, {cpu:.1f} s of "
        f"CPU without the containers, rescored {levels.get('rescored', 'not checked')}, exit code {found.exit_code}"
    )
    if found.exit_code:
        print(render_answer(found))
    return int(found.exit_code != 0 or took > MAX_SECONDS_PER_TRIAL * trials)


if __name__ == "__main__":
    sys.exit(main([*map(Path, sys.argv[1:])] or [ROOT / "results" / name for name in BUNDLES]))
