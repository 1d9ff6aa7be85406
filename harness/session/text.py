"""Both reports as text of at most 80 columns: `render_cost` for what a session cost, `render_cache` for the doctor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from harness.errors import first_of
from harness.report import MISSING, WIDTH, format_percent, format_seconds, plain_text, wrap_display
from harness.session.cost import ConversationCost, SessionCost
from harness.session.cures import find_cures
from harness.session.diagnosis import CacheReport, CacheVerdict
from harness.session.prefill_rate import ttft_of

MAX_ROWS = 30
"""Of a longer session only the requests that lost something are listed."""
MAX_NUMBERS = 8
COST_HEADERS = ("conversation", "requests", "prompt", "cached", "output", "prefill", "decode", "tools", "waiting")
CACHE_HEADERS = ("request", "after", "prompt", "expected", "cached", "by TTFT", "TTFT", "state", "lost")
STATE_WORDS = {"new": "new", "hit": "hit", "partial": "PARTIAL", "miss": "MISS", "unknown": "unknown"}


def render_cost(cost: SessionCost) -> str:
    """What a session cost, by conversation and in all."""
    *rows, total = cost_rows(cost)
    shown = rows if len(rows) <= MAX_ROWS else rows[: MAX_ROWS - 1]
    lines = [*wrap_display(cost_lead(cost), indent=""), "", *columns(COST_HEADERS, [*shown, total])]
    if len(shown) < len(rows):
        lines.append(f"... and {len(rows) - len(shown)} more conversations")
    lines += ["", "prefill: until the first token. tools: between a reply and the request with the"]
    lines += ["tool's result. waiting: before any other request of a conversation."]
    return "\n".join(lines)


def cost_rows(cost: SessionCost) -> list[tuple[str, ...]]:
    """A row for each conversation, the last one for all."""
    rows = [_cost_row(str(conversation.number), conversation) for conversation in cost.conversations]
    return [*rows, _cost_row("all", cost.total)]


def cost_lead(cost: SessionCost) -> str:
    """The session in a sentence."""
    total = cost.total
    words = f"{_counted(total.turns, 'request')} in {_counted(len(cost.conversations), 'conversation')}"
    failed = sum(not span.verdict.request.is_whole for span in cost.spans)
    without = f". Without a whole reply: {_counted(failed, 'request')}" if failed else ""
    if total.uncounted and total.prompt_tokens is not None:
        without += f". Without token counts, and not in the sums: {_counted(total.uncounted, 'request')}"
    return f"{words}, {format_seconds(cost.wall_s)} from the first request to the last reply{without}"


def _cost_row(name: str, cost: ConversationCost) -> tuple[str, ...]:
    cached = MISSING if cost.cached_share is None else format_percent(cost.cached_share)
    seconds = (cost.prefill_s, cost.decode_s, cost.tool_s, cost.waiting_s)
    counts = (_count(cost.prompt_tokens), cached, _count(cost.completion_tokens))
    return (name, str(cost.turns), *counts, *(format_seconds(value) if value else "0" for value in seconds))


def render_cache(report: CacheReport) -> str:
    """What the cache should have saved and did not, the places first, then request by request."""
    lines = wrap_display(summarize_cache(report), indent="")
    for group in grouped_losses(report):
        lines += ["", *_group_lines(group)]
    for remark in cache_remarks(report):
        lines += ["", *wrap_display(remark, indent="")]
    shown = list(report.verdicts)
    if len(shown) > MAX_ROWS:
        shown = list(report.losses)[:MAX_ROWS]
    if shown:
        lines += ["", *columns(CACHE_HEADERS, [_cache_row(verdict) for verdict in shown])]
    if len(shown) < len(report.verdicts):
        lines.append(f"... and {len(report.verdicts) - len(shown)} more requests")
    return "\n".join(lines)


def cache_remarks(report: CacheReport) -> list[str]:
    """What else is to be known of the verdicts, a sentence each."""
    remarks = [f"{sentence}." for sentence in report.false_zeros]
    apart = [verdict for verdict in report.verdicts if not verdict.request.is_joined]
    if apart:
        remarks.append(f"The response that previous_response_id names was not recorded for {_numbers(apart)}.")
    contradicting = [verdict for verdict in report.verdicts if verdict.contradicts_ttft]
    if contradicting:
        remarks.append(f"The server states more cached tokens than its TTFT allows for {_numbers(contradicting)}.")
    return remarks


def summarize_cache(report: CacheReport) -> str:
    """The first sentence: how many requests lost how much."""
    going_on = [verdict for verdict in report.verdicts if verdict.state not in ("new", "unknown")]
    losses = report.losses
    unknown = sum(verdict.state == "unknown" for verdict in report.verdicts)
    why = "no answer, no token counts, or no recorded beginning"
    rest = f" Of {_counted(unknown, 'request')} nothing can be said: {why}." if unknown else ""
    rate = _rate_words(report)
    if not going_on:
        return f"{'' if unknown else _beginnings(report)}{rest}{rate}".lstrip()
    if not losses:
        return f"The cache held in all {_counted(len(going_on), 'request')} that could use it.{rate}{rest}"
    tokens, seconds = sum(loss.lost_tokens for loss in losses), lost_seconds(losses)
    waited_s = sum(ttft_of(verdict.request) or 0.0 for verdict in report.verdicts)
    time = "" if seconds is None else f", {format_seconds(seconds)} of {format_seconds(waited_s)} until first tokens"
    words = f"The cache broke in {len(losses)} of {_counted(len(going_on), 'request')} that could use it"
    return f"{words}: {tokens:,} tokens were read again{time}.{rate}{rest}"


def _beginnings(report: CacheReport) -> str:
    """What a session says of a cache in which no request goes on from an earlier one: they may begin alike."""
    cached = [tokens for verdict in report.verdicts if (tokens := verdict.request.cached_tokens)]
    if not cached:
        return " No request could use a cache: none goes on from an earlier request."
    found = f"The server found {sum(cached):,} tokens of {_counted(len(cached), 'request')} in its cache"
    return f" No request goes on from an earlier one. {found}: beginnings that requests share."


def _rate_words(report: CacheReport) -> str:
    """The prefill rates; of several each with its model, and with its server where two have the same model."""
    models = Counter(model for _, model in report.rates)
    words = []
    for (server, model), rate in report.rates.items():
        name = "" if len(report.rates) == 1 else f" ({model if models[model] == 1 else f'{model}, {server}'})"
        words.append(f"{rate.tokens_per_s:,.0f} tokens/s{name}")
    return f" Prefill: {', '.join(words)}." if words else ""


def lost_seconds(losses: Sequence[CacheVerdict]) -> float | None:
    """The seconds that were lost; None if the prefill rate is unknown."""
    known = [loss.lost_s for loss in losses if loss.lost_s is not None]
    return sum(known) if len(known) == len(losses) else None


def grouped_losses(report: CacheReport) -> list[list[CacheVerdict]]:
    """The losses with the same cause, those that cost most first."""
    groups: dict[tuple[str, str], list[CacheVerdict]] = {}
    for loss in report.losses:
        groups.setdefault(_cause(loss), []).append(loss)
    return sorted(groups.values(), key=lambda group: -sum(loss.lost_tokens for loss in group))


def _cause(loss: CacheVerdict) -> tuple[str, str]:
    if loss.reason is not None:
        return ("", loss.reason.kind)
    return (loss.difference.path, loss.difference.change) if loss.difference is not None else ("", "")


def explain_loss(loss: CacheVerdict) -> str:
    """The cause of a loss in one line; a difference that can explain only a part of it comes second."""
    difference = loss.difference.sentence if loss.difference is not None else ""
    if loss.reason is None:
        return difference or "unexplained"
    reason = f"{loss.reason.kind.replace('_', ' ')}: {loss.reason.sentence}"
    return f"{reason}; besides, {difference}" if difference else reason


def loss_words(group: Sequence[CacheVerdict]) -> str:
    """What a cause cost, and in which requests."""
    seconds = lost_seconds(group)
    cost = f"{sum(loss.lost_tokens for loss in group):,} tokens"
    return f"{cost}{'' if seconds is None else f', {format_seconds(seconds)}'} in {_numbers(group)}"


def _group_lines(group: Sequence[CacheVerdict]) -> list[str]:
    first = group[0]
    lines = wrap_display(explain_loss(first))
    lines += _field("lost", loss_words(group))
    prompt = _prompt_words(first)
    lines += _field("prompt", prompt) if prompt else []
    for cure in find_cures(first):
        lines += _field("cure", cure.cure)
        lines += [f"          {source}" for source in cure.sources]
    return lines


def _prompt_words(loss: CacheVerdict) -> str:
    """Whether the rendered prompt differs, as far as it is known."""
    if loss.rendered is None:
        is_named = loss.difference is not None and loss.reason is None
        return "only the request is known, not how the server writes it" if is_named else ""
    if loss.rendered.agree:
        return "the server writes both requests alike"
    return f"differs {loss.rendered.sentence}" if loss.difference else ""


def _field(name: str, text: str) -> list[str]:
    first, *others = wrap_display(f"{name:<7} {text}", WIDTH - 2, indent=" " * 8)
    return [f"  {line}" for line in (first, *others)]


def _cache_row(verdict: CacheVerdict) -> tuple[str, ...]:
    request, before = verdict.request, verdict.predecessor
    ttft_s = ttft_of(request)
    return (
        str(request.number),
        MISSING if before is None or before.relation == "new" else str(before.request.number),
        _count(request.prompt_tokens),
        _count(verdict.expected_tokens),
        _count(request.cached_tokens),
        _count(verdict.by_ttft_tokens),
        MISSING if ttft_s is None else format_seconds(ttft_s),
        STATE_WORDS[verdict.state],
        _count(verdict.lost_tokens) if verdict.is_loss else "",
    )


def _numbers(verdicts: Sequence[CacheVerdict]) -> str:
    numbers = [str(verdict.request.number) for verdict in verdicts]
    return f"request{'' if len(numbers) == 1 else 's'} {first_of(numbers, MAX_NUMBERS)}"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _count(tokens: int | None) -> str:
    return MISSING if tokens is None else f"{tokens:,}"


def columns(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows under their headers, aligned to the right."""
    table = [tuple(headers), *(tuple(plain_text(cell) for cell in row) for row in rows)]
    widths = [max(len(row[at]) for row in table) for at in range(len(headers))]
    gap = 2 if sum(widths) + 2 * (len(widths) - 1) <= WIDTH else 1
    lines = [(" " * gap).join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in table]
    return [line.rstrip() for line in lines]
