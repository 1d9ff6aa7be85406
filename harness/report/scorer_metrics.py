"""What the scorers saw besides right and wrong: edits that applied, recall and precision, calls in vain, declines.

A kind of scorer is a line in the table at the foot: its measures, each a name and what it makes of the trials' facts.
A trial that gave no answer has no facts; each measure says over how many trials it is made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from harness.report.elements import Entry, Section, Table
from harness.report.formatting import NOTHING, figure, percent
from harness.report.task_tables import labels_of
from harness.types import Json, Result, TaskInfo

Facts = Sequence[Mapping[str, Json]]
Tell = Callable[[Facts], str]


@dataclass(frozen=True, slots=True)
class Measure:
    """A line of the table: its name, and its words for the facts of one model's trials of one task."""

    name: str
    tell: Tell


def _numbers(facts: Facts, key: str) -> list[float]:
    """The values that are numbers: facts of a foreign file may be anything."""
    values = (one.get(key) for one in facts)
    return [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]


def _mean_share(key: str) -> Tell:
    def tell(facts: Facts) -> str:
        values = _numbers(facts, key)
        return f"{percent(sum(values) / len(values))} (n {len(values)})" if values else NOTHING

    return tell


def _mean(key: str) -> Tell:
    def tell(facts: Facts) -> str:
        values = _numbers(facts, key)
        return f"{figure(sum(values) / len(values))} (n {len(values)})" if values else NOTHING

    return tell


def _count(key: str, wanted: Json = True) -> Tell:
    def tell(facts: Facts) -> str:
        values = [one[key] for one in facts if key in one]
        return f"{sum(value == wanted for value in values)}/{len(values)}" if values else NOTHING

    return tell


def _ratio(part: str, whole: str) -> Tell:
    def tell(facts: Facts) -> str:
        parts, wholes = sum(_numbers(facts, part)), sum(_numbers(facts, whole))
        return f"{figure(parts)}/{figure(wholes)}" if wholes else NOTHING

    return tell


def _rules_kept(key: str) -> Tell:
    """Rules kept of rules asked, over all trials."""

    def tell(facts: Facts) -> str:
        asked = sum(len(one["loose"]) for one in facts if isinstance(one.get("loose"), dict))
        return f"{figure(sum(_numbers(facts, key)))}/{asked}" if asked else NOTHING

    return tell


def _listed(key: str) -> Tell:
    """How many different things were listed, a trial."""

    def tell(facts: Facts) -> str:
        counts = [len(one[key]) for one in facts if isinstance(one.get(key), list)]
        return f"{figure(sum(counts) / len(counts))} (n {len(counts)})" if counts else NOTHING

    return tell


def _remarks(facts: Facts) -> str:
    lints = [one["lint"] for one in facts if isinstance(one.get("lint"), dict)]
    counts = [sum(_numbers([lint], level)) for lint in lints for level in ("error", "warning", "info", "style")]
    return f"{figure(sum(counts) / len(lints))} (n {len(lints)})" if lints else NOTHING


def _rows(result: Result, task: TaskInfo) -> list[tuple[Entry, ...]]:
    trials = [trial for trial in result.trials if trial.task == task.name and not trial.warmup and trial.facts]
    by_model = [[trial.facts for trial in trials if trial.model == label] for label in labels_of(result)]
    rows = []
    for measure in MEASURES.get(task.scorer, ()):
        told = [measure.tell(facts) for facts in by_model]
        if any(text != NOTHING for text in told):
            rows.append((Entry(f"{task.name}: {measure.name}"), *map(Entry, told)))
    return rows


def beside(result: Result) -> Section:
    """What else the scorers saw, a line a task and measure."""
    rows = tuple(row for task in result.tasks for row in _rows(result, task))
    if not rows:
        return Section("beside", "", "")
    return Section(
        "beside",
        "Beside the verdicts",
        "What the scorers saw besides passed and failed, over the trials that gave an answer.",
        (Table("", ("task: measure", *labels_of(result)), rows, by_model=True),),
    )


_EDITS = (
    Measure("edits applied", _count("applied")),
    Measure("blanks overlooked", _count("edit_rule", "whitespace")),
)
_PROSE = (
    Measure("rules kept", _rules_kept("strict_passed")),
    Measure("rules kept, loosely read", _rules_kept("loose_passed")),
)

MEASURES: Mapping[str, tuple[Measure, ...]] = {
    "program": (Measure("shellcheck remarks a script", _remarks),),
    "edits": _EDITS,
    "review": (
        Measure("recall", _mean_share("recall")),
        Measure("precision", _mean_share("precision")),
        Measure("severity within one step", _mean_share("severity_near")),
        Measure("claims not judged, a review", _mean("unjudged")),
    ),
    "tools": (
        Measure("words before the first call", _count("narrated_first")),
        Measure("invalid calls", _ratio("invalid_calls", "calls")),
        Measure("wasted calls", _ratio("wasted_calls", "calls")),
        Measure("turns", _mean("turns")),
    ),
    "conversation": (
        Measure("own tests pass what is right", _mean_share("tests_right")),
        Measure("own tests catch what is broken", _mean_share("tests_broken")),
    ),
    "voice": _PROSE,
    "summary": (
        *_PROSE,
        Measure("facts kept", _ratio("facts_kept", "facts_total")),
        Measure("superseded values, a text", _mean("superseded")),
        Measure("numbers not in the source, a text", _listed("new_numbers")),
        Measure("names not in the source, a text", _listed("new_names")),
    ),
    "needle": (
        Measure("recall", _mean_share("recall")),
        Measure("precision", _mean_share("precision")),
        Measure("superseded values, an answer", _mean("superseded")),
    ),
    "cannot_do": (
        Measure("solved", _count("quadrant", "solved")),
        Measure("wrong", _count("quadrant", "wrong")),
        Measure("rightly declined", _count("quadrant", "rightly_declined")),
        Measure("wrongly declined", _count("quadrant", "wrongly_declined")),
        Measure("tests edited", _count("tests_edited")),
        Measure("results hard-coded", _count("hard_coded")),
    ),
}
