"""The first view of the page: a card for each lane, the heat map of tasks by models, and the facts of the head."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from harness.report.answers import AnswerState, LaneAnswer, lane_answers
from harness.report.formatting import MISSING, format_machine, format_percent
from harness.report.task_tables import cells_of, labels_of
from harness.types import MIN_TRIALS, Cell, Eligibility, Lane, Recommendation, Result

STATUS_WORDS = {"eligible": "meets every limit", "ruled_out": "ruled out", "undecided": "undecided"}
STATE_WORDS: Mapping[AnswerState, str] = {
    "decided": "clear",
    "leaning": "leaning",
    "undecided": "not decided",
    "none": "no model",
    "no_task": "not measured",
}


_LIMIT_WORDS = re.compile(r"^(required|allowed): (lower bound of )?(at least )?")


@dataclass(frozen=True, slots=True)
class LaneRow:
    """One model in a lane's card, with its pass rate and its interval in percent."""

    model: str
    status: str
    rate: float | None
    low: float | None
    high: float | None
    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class LaneCard:
    """One lane: the recommended model or None, why, and every model."""

    name: str
    model: str | None
    tied: tuple[str, ...]
    confidence: str
    text: str
    choice: str
    rows: tuple[LaneRow, ...]


@dataclass(frozen=True, slots=True)
class HeatCell:
    """One cell of the heat map: `level` is the tenth of the rate, None without one; `words` are for a screen reader."""

    task: str
    model: str
    text: str
    level: int | None
    words: str


def lane_cards(result: Result) -> tuple[LaneCard, ...]:
    """A card for each lane, in the words that the terminal prints, too."""
    lanes = {lane.name: lane for lane in result.lanes}
    found = {each.lane: each for each in result.recommendations}
    return tuple(
        LaneCard(
            answer.lane,
            answer.model,
            found[answer.lane].tied,
            STATE_WORDS[answer.state],
            _text(answer),
            f"You chose {chosen.model}: {chosen.reason}" if (chosen := lanes[answer.lane].override) else "",
            _rows(result, lanes[answer.lane], found[answer.lane]) if answer.state != "no_task" else (),
        )
        for answer in lane_answers(result)
    )


def _text(answer: LaneAnswer) -> str:
    """The sentences on what decides; the card has the model's name above, and why others are out beside their names."""
    is_named = answer.model is not None or answer.state == "none"
    sentences = list(answer.reasons[int(is_named) :])
    if answer.state == "none":
        sentences.insert(0, "every model is ruled out by what this lane demands.")
    text = " ".join(sentences)
    return text[:1].upper() + text[1:]


def _rows(result: Result, lane: Lane, each: Recommendation) -> tuple[LaneRow, ...]:
    """The recommended model first, then by status and rate."""
    order = ["eligible", "undecided", "ruled_out"]
    models = sorted(
        each.eligibilities,
        key=lambda model: (model.model != each.model, order.index(model.status), -(model.rate or 0.0)),
    )
    return tuple(_lane_row(model, result.lane_count(lane, model.model)) for model in models)


def _lane_row(model: Eligibility, count: tuple[int, int]) -> LaneRow:
    unmet = "; ".join(_with_limit(each.text) for each in model.requirements if each.state != "met")
    passed, n = count
    shown = n >= MIN_TRIALS
    rate = format_percent(model.rate or 0.0) if shown else f"{passed} of {n}"
    return LaneRow(
        model=model.model,
        status=model.status,
        rate=_percent(model.rate),
        low=_percent(model.low) if shown else None,
        high=_percent(model.high) if shown else None,
        text=MISSING if model.rate is None else rate,
        reason=unmet,
    )


def _with_limit(text: str) -> str:
    """`takes 19.8 GiB, limit 8.0 GiB` of a requirement's text, in the words of the sliders."""
    evidence, _, limit = text.partition("; ")
    return f"{evidence}, limit {_LIMIT_WORDS.sub('', limit)}" if limit else evidence


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def heat_map(result: Result) -> tuple[tuple[str, str, tuple[HeatCell, ...]], ...]:
    """(task, title, its cells by model), for every task with a cell."""
    cells, labels = cells_of(result), labels_of(result)
    rows = []
    for task in result.tasks:
        found = [cells.get((task.name, label)) for label in labels]
        if any(cell is not None and cell.outcomes for cell in found):
            rows.append(
                (task.name, task.title, tuple(_heat_cell(task.name, *pair) for pair in zip(labels, found, strict=True)))
            )
    return tuple(rows)


def _heat_cell(task: str, model: str, cell: Cell | None) -> HeatCell:
    if cell is None or not cell.outcomes:
        return HeatCell(task, model, "", None, "not run")
    rate = cell.pass_rate
    if not cell.scored:
        return HeatCell(task, model, "speed", None, "measures speed only")
    if rate.rate is None:
        return HeatCell(task, model, f"{rate.passed}/{rate.n}*", None, f"{rate.n} of {rate.planned} trials run")
    return HeatCell(task, model, f"{rate.passed}/{rate.n}", int(10 * rate.rate), f"{rate.passed} of {rate.n} passed")


def head_facts(result: Result) -> Iterator[tuple[str, str]]:
    """(name, value) of what a reader wants to know before any number."""
    host = result.host
    scored = sum(1 for task in result.tasks if task.scored)
    yield "machine", format_machine(host)
    yield "models", str(len(result.models))
    yield "tasks", f"{scored} scored of {len(result.tasks)}" if scored < len(result.tasks) else str(scored)
    yield "trials", f"{result.run.trials_words} per task"
    yield "run", f"{result.run.started_at[:10]}, suite {result.run.suite}"
