"""Scores the corpus: `python -m tests.corpus_check [TASK...] [--seeds N]`, or `nox -s corpus`.

tests/corpus/TASK holds answers to the task's first variant that were written from its prompt alone, without a look at
its checks: right ones in unusual forms, and wrong ones of the kind that models give (of an agent's task the trees, as
patches); notes.toml says what each is about. tests/corpus/TASK/variant-1 holds more, in the same way, by another author
from the prompt of the second variant. No wrong one may pass, whatever the hidden cases; every right one must.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tomllib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from harness.sandbox import open_sandbox
from harness.score import score, scoring_threads
from harness.tasks import HiddenCases, readings_of, vary
from harness.types import Outcome, Sandbox, Score, Variant
from tests.samples import kit_tasks

CORPUS = Path(__file__).parent / "corpus"
RIGHT, WRONG = "right", "wrong"
RIGHT_SEEDS = 2
"""How many sets of hidden cases a right answer meets: what is right by a rule is right whatever is drawn."""
MESSAGE_END = "\n=== next message ===\n"
"""Between the messages of an answer that has several."""


@dataclass(frozen=True)
class CorpusAnswer:
    """An answer of the corpus: its task and variant, which side it is on, and one text for each of its messages."""

    task: str
    variant: int
    side: str
    name: str
    replies: tuple[str, ...]

    @property
    def should_pass(self) -> bool:
        return self.side == RIGHT


def corpus_tasks() -> list[str]:
    """The names of the tasks that have a corpus."""
    return sorted(path.name for path in CORPUS.iterdir())


def _folders(task: str) -> list[tuple[int, str, Path]]:
    """Where the answers to each variant are: its index, what their names begin with, the folder."""
    second = CORPUS / task / "variant-1"
    return [(0, "", CORPUS / task), *([(1, "variant-1/", second)] if second.is_dir() else [])]


def corpus_answers(task: str) -> list[CorpusAnswer]:
    """The answers to a task, right ones first."""
    return [
        CorpusAnswer(task, variant, side, prefix + path.stem, tuple(_text(path).split(MESSAGE_END)))
        for side in (RIGHT, WRONG)
        for variant, prefix, folder in _folders(task)
        for path in sorted((folder / side).iterdir())
    ]


def _text(path: Path) -> str:
    """As it is: some have CRLF."""
    return path.read_bytes().decode("utf-8")


def notes_of(task: str) -> dict[str, dict[str, str]]:
    """What each answer is about, by its side and its name."""
    notes = [(prefix, tomllib.loads(_text(folder / "notes.toml"))) for _, prefix, folder in _folders(task)]
    return {
        side: {prefix + name: text for prefix, sides in notes for name, text in sides[side].items()}
        for side in (RIGHT, WRONG)
    }


def misjudged(task: str, sandbox: Sandbox, seeds: Sequence[str]) -> Iterator[tuple[CorpusAnswer, Score]]:
    """Each answer to a task that got the wrong verdict with the hidden cases of some seed, with that verdict."""
    answers, known = corpus_answers(task), kit_tasks()[task]
    draws = [HiddenCases(seed, sandbox) for seed in seeds[: None if known.generator else 1]]
    with ThreadPoolExecutor(max_workers=scoring_threads()) as pool:
        verdicts = pool.map(lambda answer: _judge(answer, vary(known, answer.variant), draws, sandbox), answers)
        for answer, verdict in zip(answers, verdicts, strict=True):
            if verdict is not None:
                yield answer, verdict


def _judge(answer: CorpusAnswer, variant: Variant, draws: Sequence[HiddenCases], sandbox: Sandbox) -> Score | None:
    """The first verdict that is not what the answer deserves; None if there is none."""
    for draw in draws[: RIGHT_SEEDS if answer.should_pass else None]:
        extended = draw.extend(variant)
        verdict = score(extended, readings_of(answer.replies), sandbox)
        if (verdict.outcome is Outcome.PASSED) is not answer.should_pass:
            return verdict
        if _fails_whatever_is_drawn(verdict, extended):
            return None
    return None


def _fails_whatever_is_drawn(verdict: Score, variant: Variant) -> bool:
    """Whether a check fails that is the same for every seed."""
    hidden = {case.id for case in variant.cases if case.hidden}
    return any(not check.passed and check.name not in hidden for check in verdict.checks)


def main(arguments: Sequence[str]) -> int:
    """Print a line for each task and each wrong verdict; 1 if there is one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="*", metavar="TASK")
    parser.add_argument(
        "--seeds", type=int, default=8, help="sets of hidden cases for a wrong answer that fails no fixed check"
    )
    options = parser.parse_args(arguments)
    tasks = options.tasks or corpus_tasks()
    seeds = [hashlib.sha256(f"corpus {number}".encode()).hexdigest() for number in range(options.seeds)]
    languages = {language for task in tasks if (language := kit_tasks()[task].language) is not None}
    wrong_verdicts = 0
    with open_sandbox("corpus", lambda message: None, sorted(languages | {"python"})) as sandbox:
        for task in tasks:
            found = list(misjudged(task, sandbox, seeds))
            wrong_verdicts += len(found)
            counts = [
                (sum(answer.side == side for answer in corpus_answers(task)), sum(a.side == side for a, _ in found))
                for side in (RIGHT, WRONG)
            ]
            (right, refused), (wrong, taken) = counts
            print(f"{task:24} right: {right - refused} of {right} pass   wrong: {taken} of {wrong} pass", flush=True)
            for answer, verdict in found:
                failed = [check.name for check in verdict.checks if not check.passed]
                print(f"  {answer.side}/{answer.name}: {verdict.outcome}, fails {', '.join(failed[:6]) or 'nothing'}")
    return 1 if wrong_verdicts else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
