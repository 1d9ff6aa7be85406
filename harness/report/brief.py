"""The default report: at most MAX_LINES lines of WIDTH columns that begin with the answer for each lane.

`render_brief` prints the answers, one table with a row for each model, what was skipped or failed, the warnings that
change the answer, and the lines that the caller adds: where the page is, how to check, what next. `render_brief_lanes`
prints the lanes alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.report.answers import LaneAnswer, distances, lane_answers
from harness.report.compact import MAX_LINES, WIDTH, closing_lines, cut, fit, fit_whole, table_lines, wrap_display
from harness.report.escaping import plain_text
from harness.report.formatting import MISSING, format_number, format_seconds
from harness.types import (
    DistributionSummary,
    Eligibility,
    Lane,
    ModelInfo,
    ModelSummary,
    PassRate,
    Recommendation,
    Result,
    ResultWarning,
)

MAX_ROWS = 12
MAX_PLACES = 6
MAX_NOTE_LINES = 6
"""Lines for skipped and failed trials, and for warnings, where lanes and table leave so many."""
SIMULATED_SHORT = "SIMULATED: no number here measures a real model or this machine"
LEGEND = "cold, warm: TTFT. Lanes: = tied, x ruled out, ? not shown to meet the demands"
ANSWER_CHANGING = frozenset(
    {
        "agent_silent",
        "agent_waited",
        "cache_hit",
        "canary_drifted",
        "clock_disturbed",
        "drift",
        "gpu_in_use",
        "host_busy",
        "host_low_power",
        "host_swap",
        "host_thermal",
        "identical_answers",
        "prompt_shrank",
        "prompt_suspect",
        "swap_grew",
        "thinking_not_off",
        "thinking_not_on",
    }
)
"""Warnings because of which a model's place or a time in the table may be wrong; the others are counted."""


_ENDS = (
    "server_error", "timed_out", "out_of_memory", "truncated_out", "no_answer", "no_edit", "turn_limit", "time_limit",
    "token_limit", "context_exceeded",
)  # fmt: skip
"""Outcomes that say of an answer that it never was complete."""


def render_brief(result: Result, closing: Sequence[str] = ()) -> str:
    """The report on one screen; `closing` are the last lines, one line each."""
    answers = lane_answers(result)
    head = _banner(result)
    table = [_caption(result), *_table(result, answers)]
    end = closing_lines(closing)
    room = MAX_LINES - len(head) - len(table) - len(end) - 1
    remarks = [*_incidents(result)], [*_warnings(result)]
    texts = _lane_texts(answers)
    spare = room - min(len(texts), room)
    unused = max(0, room - sum(len(wrap_display(text)) for text in texts))
    notes: list[str] = []
    for share, paragraphs, noun in zip(
        (unused // 2, unused), remarks, ("models with skipped or failed trials", "warnings"), strict=True
    ):
        needed = max(1, min(3, spare // 3), min(MAX_NOTE_LINES, share - len(notes))) if paragraphs else 0
        notes += fit_whole(paragraphs, min(needed, room - len(notes) - 1), noun)
    lanes = fit(texts, room - len(notes), "lanes")
    parts = [*head, *lanes, *([""] if lanes else []), *table, *notes, *end]
    return "\n".join(parts) + "\n"


def render_brief_lanes(result: Result, closing: Sequence[str] = ()) -> str:
    """The answer for each lane and what nobody tested, on one screen."""
    head, end = _banner(result), ["", _caption(result), *closing_lines(closing)[1:]]
    gaps = list(dict.fromkeys(gap for each in result.recommendations for gap in each.untested))
    chosen = [
        f"Your choice for {lane.name}: {lane.override.model} ({lane.override.date}: {lane.override.reason})"
        for lane in result.lanes
        if lane.override is not None
    ]
    room = MAX_LINES - len(head) - len(end) - 1
    notes = fit([*chosen, *(f"Not tested: {gap}" for gap in gaps)], max(1, room // 3), "gaps in the evidence")
    lanes = fit(_lane_texts(lane_answers(result)), room - len(notes), "lanes")
    return "\n".join([*head, *lanes, *([""] if notes else []), *notes, *end]) + "\n"


def _banner(result: Result) -> list[str]:
    """Before the answers stands only what makes all of them void."""
    return [SIMULATED_SHORT, ""] if result.run.simulated or any(model.simulated for model in result.models) else []


def _caption(result: Result) -> str:
    run, tasks = result.run, len(result.tasks)
    words = f"Run {run.id}: suite {run.suite}, {tasks} task{'' if tasks == 1 else 's'}, {run.trials_words} a task"
    return cut(plain_text(words), WIDTH)


def _letter(at: int) -> str:
    return chr(ord("A") + at) if at < 26 else "-"


def _lane_texts(answers: Sequence[LaneAnswer]) -> list[str]:
    """A paragraph for each lane; those without a task share one."""
    texts = [f"{_letter(at)} {each.text}" for at, each in enumerate(_with_tasks(answers))]
    without = [answer.lane for answer in answers if answer.state == "no_task"]
    return texts + ([f"No task of this suite belongs to: {', '.join(without)}."] if without else [])


def _with_tasks(answers: Sequence[LaneAnswer]) -> list[LaneAnswer]:
    return [answer for answer in answers if answer.state != "no_task"]


def _table(result: Result, answers: Sequence[LaneAnswer]) -> list[str]:
    """A row for each model, those that solved most first, and a legend where a place needs one."""
    found, lane_of = {each.lane: each for each in result.recommendations}, {lane.name: lane for lane in result.lanes}
    lanes = [(lane_of[each.lane], found[each.lane]) for each in _with_tasks(answers)][:MAX_PLACES]
    letters = [_letter(at) for at in range(len(lanes))]
    header = ["model", "solved", "tok/s", "cold", "warm", "GiB", "time", *letters]
    order = sorted(result.summaries, key=lambda each: (-(each.pass_rate.rate or 0.0), each.model))
    rows = [_row(summary, lanes) for summary in order[:MAX_ROWS]]
    more = len(order) - len(rows)
    shown = f"... and {more} more models" if more > 0 else ""
    return [*table_lines(header, rows), *filter(None, [shown]), LEGEND]


def _row(summary: ModelSummary, lanes: Sequence[tuple[Lane, Recommendation]]) -> list[str]:
    memory = summary.memory.model_bytes
    return [
        summary.model,
        _solved(summary.pass_rate),
        MISSING if summary.decode_tps is None else format_number(summary.decode_tps.median),
        _seconds(summary.cold_ttft_s),
        _seconds(summary.warm_ttft_s),
        MISSING if memory is None else f"{memory / 2**30:.1f}",
        MISSING if summary.total_trial_s is None else format_seconds(summary.total_trial_s),
        *(_place(summary.model, *lane) for lane in lanes),
    ]


def _solved(rate: PassRate) -> str:
    """`47/50`; with an asterisk where planned trials are missing."""
    return f"{rate.passed}/{rate.n}{'' if rate.is_complete else '*'}" if rate.planned else MISSING


def _seconds(spread: DistributionSummary | None) -> str:
    return MISSING if spread is None else format_seconds(spread.median)


def _place(model: str, lane: Lane, found: Recommendation) -> str:
    """The place among the eligible models by what the lane ranks by; `1=` for those that are tied for the first."""
    own = next((each for each in found.eligibilities if each.model == model), None)
    if own is None or own.status != "eligible":
        return MISSING if own is None else "x" if own.status == "ruled_out" else "?"
    if model in found.tied:
        return "1="
    if model == found.model:
        return "1"
    first, known = len(found.tied) or 1, distances(lane, found)
    behind = [known[each.model] for each in found.eligibilities if _is_behind(each, found)]
    return str(1 + first + sum(distance < known[model] for distance in behind))


def _is_behind(each: Eligibility, found: Recommendation) -> bool:
    return each.status == "eligible" and each.model != found.model and each.model not in found.tied


def _incidents(result: Result) -> Iterator[str]:
    """A paragraph for each model with skipped or missing trials, then for each with trials that ended early."""
    for kind in (_skipped_or_missing, _errors):
        for model in result.models:
            parts = list(kind(result, model))
            if parts:
                yield f"{model.label}: {'; '.join(parts)}"


def _skipped_or_missing(result: Result, model: ModelInfo) -> Iterator[str]:
    yield from _skipped(model)
    yield from _missing(result, model)


def _skipped(model: ModelInfo) -> Iterator[str]:
    if not model.skipped:
        return
    most = max(model.skipped, key=lambda skip: skip.required_tokens)
    tasks = most.task if len(model.skipped) == 1 else f"{len(model.skipped)} tasks"
    setting = f" ({model.context_setting})" if model.context_setting else ""
    yield (
        f"skipped {tasks}, which need up to {most.required_tokens:,} tokens of context; "
        f"the server has {most.available_tokens:,}{setting}"
    )


def _missing(result: Result, model: ModelInfo) -> Iterator[str]:
    rates = [cell.pass_rate for cell in result.cells if cell.model == model.label]
    run, planned = sum(rate.n for rate in rates), sum(rate.planned for rate in rates)
    if run < planned:
        yield f"ran {run} of {planned} trials (*){f': {model.stop_reason}' if model.stop_reason else ''}"
    elif model.stop_reason:
        yield f"stopped: {model.stop_reason}"


def _errors(result: Result, model: ModelInfo) -> Iterator[str]:
    for outcome in _ENDS:
        count = sum(cell.outcomes.get(outcome, 0) for cell in result.cells if cell.model == model.label)
        if count:
            yield f"{count} trial{'' if count == 1 else 's'} ended with {outcome}"


def answer_changing_warnings(result: Result) -> list[ResultWarning]:
    """The warnings that may turn an answer or a place; the others carry less weight."""
    return [warning for warning in result.warnings if warning.code in ANSWER_CHANGING]


def warning_texts(warnings: Sequence[ResultWarning]) -> list[str]:
    """Their texts, those that differ in nothing but the model as one: `base, small: the server provides ...`."""
    models = dict[str, list[str]]()
    for warning in warnings:
        start = f"{warning.model}: "
        is_of_model = warning.model is not None and warning.text.startswith(start)
        labels = models.setdefault(warning.text.removeprefix(start) if is_of_model else warning.text, [])
        labels += [warning.model] if is_of_model and warning.model else []
    return [f"{', '.join(dict.fromkeys(labels))}: {text}" if labels else text for text, labels in models.items()]


def _warnings(result: Result) -> Iterator[str]:
    shown = answer_changing_warnings(result)
    others = len(result.warnings) - len(shown)
    yield from (f"Warning: {text}" for text in warning_texts(shown))
    if others:
        yield f"{others} {'more ' if shown else ''}warning{'' if others == 1 else 's'} of less weight"
