"""The time line of a session as a page: `render_page` lays out what `summarize_session` and `diagnose` found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from harness.report import PageTable, SessionPage, TimelineBar, TimelineLane, format_seconds, render_session_page
from harness.session.cost import SessionCost, SessionSpan
from harness.session.cures import find_cures
from harness.session.diagnosis import CacheReport
from harness.session.text import (
    COST_HEADERS,
    cache_remarks,
    cost_lead,
    cost_rows,
    explain_loss,
    grouped_losses,
    loss_words,
    summarize_cache,
)


def render_page(cost: SessionCost, report: CacheReport, name: str) -> str:
    """The page, one file of HTML."""
    losses = []
    for group in grouped_losses(report):
        cures = [f"{cure.cure} ({', '.join(cure.sources)})" for cure in find_cures(group[0])]
        losses.append((explain_loss(group[0]), loss_words(group), *cures))
    spans = defaultdict[int, list[SessionSpan]](list)
    for span in cost.spans:
        spans[span.conversation].append(span)
    lanes = [TimelineLane(str(each.number), _lines(spans[each.number])) for each in cost.conversations]
    page = SessionPage(
        title=f"Session {name}",
        leads=(cost_lead(cost), summarize_cache(report), *cache_remarks(report)),
        wall_s=cost.wall_s,
        lanes=tuple(lanes),
        costs=PageTable(COST_HEADERS, tuple(cost_rows(cost))),
        losses=tuple(losses),
    )
    return render_session_page(page)


def _lines(spans: Sequence[SessionSpan]) -> tuple[tuple[TimelineBar, ...], ...]:
    """The bars of a conversation; a request that began before the last one of a line ended goes to the next line."""
    lines, ends = list[list[TimelineBar]](), list[float]()
    for span in spans:
        request = span.verdict.request
        start_s = request.start_s - (span.gap_s if span.is_tool_gap else 0.0)
        at = next((at for at, end_s in enumerate(ends) if end_s <= start_s + 1e-6), len(lines))
        if at == len(lines):
            lines.append([])
            ends.append(0.0)
        lines[at] += _bars(span)
        ends[at] = request.end_s
    return tuple(tuple(line) for line in lines)


def _bars(span: SessionSpan) -> list[TimelineBar]:
    verdict = span.verdict
    request, title = verdict.request, _title(span)
    lost_s = min(verdict.lost_s or 0.0, span.prefill_s)
    bars = []
    if span.is_tool_gap:
        bars.append(
            TimelineBar("tools", request.start_s - span.gap_s, span.gap_s, f"tools {format_seconds(span.gap_s)}")
        )
    if lost_s:
        bars.append(TimelineBar("again", request.start_s, lost_s, title))
    bars.append(TimelineBar("prefill", request.start_s + lost_s, span.prefill_s - lost_s, title))
    if span.decode_s:
        bars.append(TimelineBar("decode", request.start_s + span.prefill_s, span.decode_s, title))
    return bars


def _title(span: SessionSpan) -> str:
    verdict = span.verdict
    request = verdict.request
    words = f"request {request.number}: prompt {request.prompt_tokens}, cached {request.cached_tokens}"
    times = f"prefill {format_seconds(span.prefill_s)}, decode {format_seconds(span.decode_s)}"
    return f"{words}, {times}, {explain_loss(verdict) if verdict.is_loss else verdict.state}"
