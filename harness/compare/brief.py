"""A comparison of two runs on one screen: what got better or worse, where, what differs, and what limits it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.compare.models import ModelPair, QuantityComparison, RunComparison, same_answers_words
from harness.report import MAX_LINES, WIDTH, cut, fit, plain_text, wrap_display

MAX_FACTS = 4
MIN_LINES = 2
"""A comparison takes at least its title and one line about its models."""


def render_brief_comparison(comparison: RunComparison, closing: Sequence[str] = (), max_lines: int = MAX_LINES) -> str:
    """The comparison in at most `max_lines` lines; `closing` are the last of them."""
    title = f"{comparison.other} against {comparison.baseline}"
    end = [part for line in closing for part in wrap_display(line)]
    room = max_lines - 1 - len(end)
    rest = [*_facts(comparison), *(f"Lane {lane.lane}: {lane.verdict}; {lane.text}" for lane in comparison.lanes)]
    rest += [f"Note: {note}" for note in comparison.notes]
    pairs = fit([_pair(pair) for pair in comparison.pairs], max(1, room - min(len(rest), room // 2)), "models")
    lines = [cut(plain_text(title), WIDTH), *pairs, *fit(rest, room - len(pairs), "notes")]
    return "\n".join([*lines, *end]) + "\n"


def render_brief_comparisons(comparisons: Sequence[RunComparison], closing: Sequence[str] = ()) -> str:
    """Every comparison on one screen: each in its share of the lines, and those that find no place counted."""
    end = [part for line in closing for part in wrap_display(line)]
    room = MAX_LINES - len(end)
    shown = comparisons[: (room - 1) // MIN_LINES] if len(comparisons) * MIN_LINES > room else comparisons
    hidden = len(comparisons) - len(shown)
    share = (room - (1 if hidden else 0)) // max(1, len(shown))
    parts = [render_brief_comparison(each, (), share).removesuffix("\n") for each in shown]
    more = [f"... and {hidden} more comparisons"] if hidden else []
    return "\n".join([*parts, *more, *end]) + "\n"


def _pair(pair: ModelPair) -> str:
    title = pair.other if pair.other == pair.baseline else f"{pair.other} against {pair.baseline}"
    overall = [f"{each.name} {_verdict(each)}" for each in pair.overall]
    worse = [cell.task for cell in pair.cells if any(each.verdict == "worse" for each in cell.quantities)]
    better = [cell.task for cell in pair.cells if any(each.verdict == "better" for each in cell.quantities)]
    parts = [*overall, *_tasks("worse", worse), *_tasks("better", better)]
    if pair.regressed.passed:
        parts.append(f"{pair.regressed.passed} of {pair.regressed.n} trials regressed")
    parts += same_answers_words(pair)
    return f"{title}: {'; '.join(parts)}."


def _tasks(verdict: str, names: Sequence[str]) -> list[str]:
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    return [f"{verdict} on {', '.join(names[:4])}{more}"] if names else []


def _verdict(quantity: QuantityComparison) -> str:
    """`better, +32 points (18 to 46)`, `equivalent, 1.01 times`."""
    if quantity.estimate is None:
        return quantity.verdict
    low, high = quantity.low, quantity.high
    if quantity.is_ratio:
        interval = "" if low is None or high is None else f" ({low:.2f} to {high:.2f})"
        return f"{quantity.verdict}, {quantity.estimate:.2f} times{interval}"
    interval = "" if low is None or high is None else f" ({100 * low:+.0f} to {100 * high:+.0f})"
    return f"{quantity.verdict}, {100 * quantity.estimate:+.0f} points{interval}"


def _facts(comparison: RunComparison) -> Iterator[str]:
    facts = [*comparison.differences, *(fact for pair in comparison.pairs for fact in pair.differences)]
    for fact in facts[:MAX_FACTS]:
        yield f"Differs: {fact.name}: {fact.baseline} before, {fact.other} now"
    if len(facts) > MAX_FACTS:
        yield f"... and {len(facts) - MAX_FACTS} more facts that differ"
