"""The answer by class of machines: `machine_answers` gives what comparable results of one class say about each lane.

Results are comparable by the rules of a comparison: the same tasks, major version of Lanebench, thinking and sampling.
Nothing is pooled: the words are those of one result, the one with the most trials, and the others say it too or not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from harness.report import STATE_WORDS, LaneVerdict
from harness.site.rows import MachineClass, SiteAnswer

MAX_OTHERS = 3


def machine_answers(answers: Iterable[SiteAnswer]) -> dict[MachineClass, tuple[LaneVerdict, ...]]:
    """The answers of each class of machines, one for each lane."""
    found: dict[MachineClass, dict[str, list[SiteAnswer]]] = defaultdict(lambda: defaultdict(list))
    for answer in answers:
        found[answer.machine][answer.lane].append(answer)
    return {
        machine: tuple(_verdict(lane, each) for lane, each in sorted(lanes.items())) for machine, lanes in found.items()
    }


def result_verdict(answer: SiteAnswer) -> LaneVerdict:
    """The answer of a single result."""
    return LaneVerdict(answer.lane, _pick(answer), _state(answer), _reason(answer))


def _verdict(lane: str, answers: Sequence[SiteAnswer]) -> LaneVerdict:
    """What the largest group of comparable answers says; of equally many, the one with the most trials."""
    groups: dict[str, list[SiteAnswer]] = defaultdict(list)
    for answer in answers:
        groups[answer.definition].append(answer)
    comparable = max(groups.values(), key=lambda group: (len(group), max(each.trials for each in group)))
    first = max(comparable, key=lambda each: each.trials)
    return LaneVerdict(lane, _pick(first), _state(first), _reason(first), _note(first, comparable, len(answers)))


def _note(first: SiteAnswer, comparable: Sequence[SiteAnswer], count: int) -> str:
    others = [each for each in comparable if each is not first]
    parts = [f"From a result of {first.started_at[:10]} with {first.trials} trials a task."]
    if others:
        alike = sum((each.model, each.state) == (first.model, first.state) for each in others)
        names = sorted({_pick(each) for each in others if each.model != first.model})[:MAX_OTHERS]
        also = f"; others say: {', '.join(names)}" if names else ""
        parts.append(f"{alike} of {len(others)} other comparable results say the same{also}.")
    if left := count - len(comparable):
        plural = "result is" if left == 1 else "results are"
        parts.append(f"{left} more {plural} not comparable (other tasks, settings or version).")
    return " ".join(parts)


def _pick(answer: SiteAnswer) -> str:
    if answer.label is None:
        return "no model" if answer.state == "none" else "not decided"
    return answer.label if answer.model in (None, answer.label) else f"{answer.label} ({answer.model})"


def _state(answer: SiteAnswer) -> str:
    return next((words for state, words in STATE_WORDS.items() if state == answer.state), answer.state)


def _reason(answer: SiteAnswer) -> str:
    """The answer's sentences without the first, which names the model."""
    text = answer.text.removeprefix(f"{answer.label}. ").removeprefix("no model. ")
    return text[:1].upper() + text[1:]
