"""The answer by class of machines: `machine_answers` gives what comparable results of one class say about each lane.

Results are comparable by the rules of a comparison: the same tasks, major version of Lanebench, agent, thinking and
sampling. Nothing is pooled: the words are those of one result, and the others say it too or not. What was verified to a
higher level goes first, since a result that is only consistent can be invented; then more trials, then the later date.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from harness.report import STATE_WORDS, LaneVerdict
from harness.site.rows import MachineClass, SiteAnswer
from harness.types import LEVELS

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
    return LaneVerdict(answer.lane, _pick(answer), _state(answer), _reason(answer), level=answer.level or LEVELS[0])


def _verdict(lane: str, answers: Sequence[SiteAnswer]) -> LaneVerdict:
    """What the largest comparable group of the highest level says; of equally large ones, that with the most trials."""
    highest = max(map(_rank, answers))
    groups: dict[str, list[SiteAnswer]] = defaultdict(list)
    for answer in answers:
        if _rank(answer) == highest:
            groups[answer.definition].append(answer)
    comparable = max(groups.values(), key=lambda group: (len(group), max(each.trials for each in group)))
    first = max(comparable, key=lambda each: (each.trials, each.started_at, each.bundle))
    return replace(result_verdict(first), lane=lane, note=_note(first, comparable, answers))


def _rank(answer: SiteAnswer) -> int:
    """The place of its level in LEVELS; -1 for one that is not there, as in a file from elsewhere."""
    return LEVELS.index(answer.level) if answer.level in LEVELS else -1


def _note(first: SiteAnswer, comparable: Sequence[SiteAnswer], answers: Sequence[SiteAnswer]) -> str:
    others = [each for each in comparable if each is not first]
    parts = [f"From a result of {first.started_at[:10]} with {first.trials} trials a task."]
    if others:
        alike = sum((each.model, each.state) == (first.model, first.state) for each in others)
        names = sorted({_pick(each) for each in others if each.model != first.model})[:MAX_OTHERS]
        also = f"; others say: {', '.join(names)}" if names else ""
        parts.append(f"{alike} of {len(others)} other comparable results say the same{also}.")
    lower = sum(_rank(each) < _rank(first) for each in answers)
    if left := len(answers) - lower - len(comparable):
        parts.append(f"{_more(left)} not comparable (other tasks, settings or version).")
    if lower:
        parts.append(f"{_more(lower)} verified to a lower level only.")
    return " ".join(parts)


def _more(count: int) -> str:
    return f"{count} more {'result is' if count == 1 else 'results are'}"


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
