"""The answer of a comparison in sentences: `pair_answer` says whether a model is better or worse than its baseline.

Counts stand for themselves; an interval follows only where at least MIN_TRIALS trials carry it.
"""

from __future__ import annotations

from collections.abc import Iterator

from harness.compare.models import ModelPair, QuantityComparison, QuantityVerdict, same_answers_words
from harness.compare.quantities import ON_TASKS_LIKE_THESE, ON_THESE_TASKS, SPEEDS
from harness.errors import first_of
from harness.types import MIN_TRIALS

MAX_TASKS = 4
DECIDED: tuple[QuantityVerdict, ...] = ("worse", "better")


def quantity_of(pair: ModelPair, name: str) -> QuantityComparison | None:
    """A quantity over all tasks, by its name; None if nothing carries it."""
    return next((quantity for quantity in pair.overall if quantity.name == name), None)


def pair_answer(pair: ModelPair) -> str:
    """Better, worse or not decided, then the counts, the speeds, and the tasks that say otherwise."""
    rate = quantity_of(pair, ON_THESE_TASKS)
    if not pair.cells:
        return f"{_names(pair)}: no task was run whole by both: nothing is compared."
    if rate is None:
        solved = [f"{_names(pair)}: no task that both ran is scored: only speed is compared."]
    elif rate.verdict in DECIDED:
        solved = list(_decided(pair, rate))
    elif pair.same_answers is not None and pair.same_answers.passed == pair.same_answers.n >= pair.regressed.n:
        solved = [f"{_names(pair)}: all {pair.same_answers.n} answers are the same: it {_solved(pair)}."]
        return " ".join([*solved, *_speed(pair), *_task_speeds(pair)])
    else:
        solved = list(_undecided(pair, rate))
    same = (f"{words}." for words in same_answers_words(pair))
    return " ".join([*solved, *_speed(pair), *_task_speeds(pair), *_tasks(pair), *same])


def _names(pair: ModelPair) -> str:
    return pair.other if pair.other == pair.baseline else f"{pair.other} and {pair.baseline}"


def _reference(pair: ModelPair) -> str:
    return "before" if pair.other == pair.baseline else pair.baseline


def _decided(pair: ModelPair, rate: QuantityComparison) -> Iterator[str]:
    bounds = sorted(abs(round(100 * bound)) for bound in (rate.low, rate.high) if bound is not None)
    interval = f" ({bounds[0]} to {bounds[-1]})" if bounds and pair.regressed.n >= MIN_TRIALS else ""
    points = f"{abs(100 * (rate.estimate or 0)):.0f} points{interval}"
    yield f"{pair.other} is {rate.verdict} than {_reference(pair)} by {points}: it {_solved(pair)}."
    wide = quantity_of(pair, ON_TASKS_LIKE_THESE)
    if wide is not None and wide.verdict != rate.verdict:
        yield "Whether it is so on other tasks like these, the evidence does not decide."


def _undecided(pair: ModelPair, rate: QuantityComparison) -> Iterator[str]:
    more = None if rate.trials_to_decide is None else rate.trials_to_decide - _trials(pair)
    would = f"; {more:,} more trial{'' if more == 1 else 's'} a task would" if more is not None and more > 0 else ""
    if rate.estimate == 0:
        would = ": as many solved so far"
    if pair.other == pair.baseline:
        yield f"{pair.other}: the evidence does not decide between before and now{would}. It {_solved(pair)}."
    else:
        yield f"The evidence does not decide between {pair.other} and {pair.baseline}{would}."
        yield f"{pair.other} {_solved(pair)}."


def _trials(pair: ModelPair) -> int:
    """The trials of a scored task that are paired; of the task with the fewest."""
    return min((cell.regressed.n for cell in pair.cells if cell.regressed.n), default=0)


def _solved(pair: ModelPair) -> str:
    return f"solved {pair.other_passed} of {pair.regressed.n}, {_reference(pair)} {pair.baseline_passed}"


def _speed(pair: ModelPair) -> Iterator[str]:
    speeds = [(speed, found) for speed in SPEEDS if (found := quantity_of(pair, speed.name)) is not None]
    decided = [(speed, found) for speed, found in speeds if found.verdict in DECIDED]
    if decided:
        verdicts = {found.verdict for _, found in decided}
        word = "Speed" if len(verdicts) > 1 else "Faster" if "better" in verdicts else "Slower"
        yield f"{word}: {', '.join(speed.words.format(_times(found)) for speed, found in decided)}."
    elif speeds and all(found.verdict == "equivalent" for _, found in speeds):
        yield "As fast as each other, within 5 %."
    elif speeds:
        equal = [speed.name for speed, found in speeds if found.verdict == "equivalent"]
        within = f"; {' and '.join(equal)} within 5 %" if equal else ""
        yield f"No difference in speed is shown{within}."


def _task_speeds(pair: ModelPair) -> Iterator[str]:
    """Tasks with a speed that is decided otherwise than over all tasks together."""
    overall = {quantity.name: quantity.verdict for quantity in pair.overall}
    for verdict, word in (("worse", "Slower"), ("better", "Faster")):
        names = [
            cell.task
            for cell in pair.cells
            if any(each.is_ratio and each.verdict == verdict != overall.get(each.name) for each in cell.quantities)
        ]
        if names:
            yield f"{word} on {first_of(names, MAX_TASKS)}."


def _times(quantity: QuantityComparison) -> str:
    estimate = quantity.estimate or 0.0
    return f"{estimate:.1f}" if estimate >= 1.95 else f"{estimate:.2f}"


def _tasks(pair: ModelPair) -> Iterator[str]:
    """Tasks whose own difference is significant and goes the other way than all tasks together, or alone shows one."""
    overall = quantity_of(pair, ON_THESE_TASKS)
    for verdict in DECIDED:
        names = [
            cell.task
            for cell in pair.cells
            if any(not each.is_ratio and each.verdict == verdict for each in cell.quantities)
        ]
        if names and len(pair.cells) > 1 and overall is not None and overall.verdict != verdict:
            yield f"{verdict.capitalize()} on {first_of(names, MAX_TASKS)}."
    if pair.regressed.passed:
        yield f"{pair.regressed.passed} of {pair.regressed.n} trials regressed."
