"""Measures tests that stay outside: `python -m tests.bench_outside_tests [TRIALS]` prints rates, then what was forged.

The rate of two containers a trial stands beside that of one container, in which the same tests and the same answer run
as one program. Each is measured in turns with the other, so that a busy machine slows both. Then every hostile answer
in Python of tests/attacks/ is scored by tests in a container of their own: none may pass, and every honest one must.
"""

import statistics
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from harness.sandbox import DockerSandbox, open_sandbox
from harness.score import score
from harness.types import Job, Limits, Outcome
from tests.outside import TESTS, outside_variant
from tests.test_attacks import ATTACKS, CORPUS, HONEST, HOSTILE, is_honest, reading_of

ANSWER = "def order(items):\n    return sorted(items)\n"
RIGHT_VALUES = ("python/lying_name.py", "python/right_numbers_of_a_sly_class.py")
"""They return the right numbers, sorted, in classes of their own, whose content alone crosses. Nothing is forged."""
ROUNDS = 5
THREADS = 2


def run_in_one(box: DockerSandbox) -> bool:
    """One trial whose tests and answer share a container."""
    code = f"{ANSWER}\n{TESTS}\ndef run_tests():\n    check(order)\n"
    job = Job("python", "calls", "answer.py", {"answer.py": code}, (("c", {"call": "run_tests"}),), Limits())
    return all(seen.status == "returned" for seen in box.run(job))


def run_in_two(box: DockerSandbox) -> bool:
    """One trial whose tests and answer have a container each."""
    return score(outside_variant(), [reading_of(ANSWER, "python")], box).outcome is Outcome.PASSED


def rate(run: Callable[[DockerSandbox], bool], box: DockerSandbox, trials: int) -> float:
    """Trials per second."""
    began = time.monotonic()
    with ThreadPoolExecutor(THREADS) as pool:
        results = list(pool.map(lambda _: run(box), range(trials)))
    if not all(results):
        raise SystemExit("a right answer failed")
    return trials / (time.monotonic() - began)


def print_rates(box: DockerSandbox, trials: int) -> None:
    """Print both rates, the median of the rounds, and their ratio."""
    pairs = [(rate(run_in_one, box, trials), rate(run_in_two, box, trials)) for _ in range(ROUNDS)]
    one, two = (statistics.median(side) for side in zip(*pairs, strict=True))
    ratio = statistics.median(second / first for first, second in pairs)
    print(f"one container {one:.1f} trials/s, two {two:.1f} trials/s: {ratio:.0%} of the rate (target: at least 50 %)")


def wrong_verdicts(box: DockerSandbox, paths: Iterable[str]) -> list[str]:
    """The hostile answers that pass and the honest ones that do not."""

    def is_wrong(path: str) -> bool:
        variant = outside_variant(limits=HONEST if is_honest(path) else HOSTILE)
        verdict = score(variant, [reading_of((ATTACKS / path).read_text(encoding="utf-8"), "python")], box)
        return (verdict.outcome is Outcome.PASSED) != is_honest(path)

    chosen = list(paths)
    with ThreadPoolExecutor(THREADS) as pool:
        return [path for path, wrong in zip(chosen, pool.map(is_wrong, chosen), strict=True) if wrong]


def hostile_answers() -> list[str]:
    """The corpus in Python, without what returns right values, and what is about leaving the argument as it was."""
    paths = [f"python/{path.name}" for path in sorted((ATTACKS / "python").glob("*.py"))]
    return [path for path in paths if path not in RIGHT_VALUES and not CORPUS.get(path, {}).get("keeps")]


def main(words: list[str]) -> int:
    """Measure, then attack."""
    trials = int(words[0]) if words else 20
    with open_sandbox("bench-outside-tests", print, ["python"]) as box:
        rate(run_in_two, box, 2)
        print_rates(box, trials)
        paths = hostile_answers()
        wrong = wrong_verdicts(box, paths)
    hostile = [path for path in paths if not is_honest(path)]
    print(f"{len([path for path in wrong if path in hostile])} of {len(hostile)} hostile answers pass")
    print(f"{len([path for path in wrong if path not in hostile])} of {len(paths) - len(hostile)} honest ones fail")
    print("\n".join(Path(path).name for path in wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
