"""Sections on speed: decode rate and throughput, prefill, time to first token."""

from __future__ import annotations

from harness.report.elements import Chart, Entry, IntervalRow, Section, Table, text_row
from harness.report.formatting import MISSING, format_number, format_seconds, format_seconds_spread, format_spread
from harness.report.task_tables import cells_of, drift_legend, labels_of, speeds_of, turn_name, turn_table, turns_of
from harness.types import DistributionSummary, Prefill, Result, Throughput, TurnSpeeds


def _present(*tables: Table | None) -> tuple[Table, ...]:
    return tuple(table for table in tables if table is not None)


def generation(result: Result) -> Section:
    """Decode rate and end-to-end rate per task and model."""
    return Section(
        "generation",
        "Generation speed",
        "Decode: tokens after the first arrival over the time they took. End to end: all tokens over the time from "
        "the request to the last token, which is lower for short answers. Median [95 % interval] n=trials."
        + drift_legend(result),
        _present(
            turn_table("Decode, tok/s", result, lambda speeds: format_spread(speeds.decode_tps)),
            turn_table("End to end, tok/s", result, lambda speeds: format_spread(speeds.e2e_tps)),
            _throughput_table(result),
        ),
        _decode_chart(result),
    )


def _decode_chart(result: Result) -> tuple[Chart, ...]:
    cells, marks = cells_of(result), []
    for task in result.tasks:
        turns = turns_of(cells, task.name)
        for turn in turns:
            for label in labels_of(result):
                speeds = speeds_of(cells.get((task.name, label)), turn)
                if speeds is not None and speeds.decode_tps is not None:
                    marks.append(_mark(f"{turn_name(task, turn, turns)} / {label}", speeds.decode_tps))
    return (Chart("Decode rate, median", "tok/s", tuple(marks)),) if marks else ()


def _mark(name: str, spread: DistributionSummary) -> IntervalRow:
    return IntervalRow(name, spread.low, spread.median, spread.high, format_spread(spread))


def _throughput_table(result: Result) -> Table | None:
    """One row for each number of concurrent clients."""
    cells, rows = cells_of(result), []
    for task in result.tasks:
        row = [cells.get((task.name, label)) for label in labels_of(result)]
        for number, clients in enumerate(task.clients):
            groups = [cell.throughput[number] if cell and number < len(cell.throughput) else None for cell in row]
            rows.append(text_row(f"{task.name}, {clients} clients", *map(_format_throughput, groups)))
    title = "Concurrent clients: total tok/s; longest TTFT"
    return Table(title, ("task", *labels_of(result)), tuple(rows), by_model=True) if rows else None


def _format_throughput(group: Throughput | None) -> str:
    if group is None:
        return MISSING
    return f"{format_spread(group.tps)}; {format_seconds_spread(group.max_ttft_s)}"


def prefill(result: Result) -> Section:
    """Fitted prefill rate over several prompt sizes, and the apparent rate of cold turns with the prompt size."""
    rates = turn_table("Apparent prefill on cold turns, tok/s", result, _format_apparent, cold_only=True)
    sizes = turn_table("Prompt tokens by the server's count", result, _format_prompt, cold_only=True, timed=False)
    lead = (
        "Apparent: uncached prompt tokens over TTFT of the first turn. It includes queueing, network and overhead, "
        "which matter less for longer prompts."
    )
    if rates is None:
        timed = any(cell.turns and cell.turns[0].ttft_s is not None for cell in result.cells)
        lead = (
            "Apparent rates by task are unknown: no server reports both its prompt tokens and its cached tokens."
            if timed
            else "Nothing was measured: no cold turn was timed."
        )
    texts = (lead, _assumption(result))
    lead = " ".join(filter(None, texts)) + drift_legend(result)
    return Section("prefill", "Prefill", lead, _present(_fit_table(result), rates, sizes))


def _assumption(result: Result) -> str:
    """What the fits of servers without cache figures rest on: no turn of theirs has an apparent rate."""
    cells = cells_of(result)
    fitted = {summary.model: summary.prefill.task for summary in result.summaries if summary.prefill is not None}
    unknown = [
        model
        for model, task in fitted.items()
        if (cell := cells.get((task, model))) is not None
        and all(turn.apparent_prefill_tps is None for turn in cell.turns)
    ]
    if not unknown:
        return ""
    return (
        f"The server of {', '.join(unknown)} does not report cached tokens: the fit counts whole prompts, of which "
        "nothing should be cached, since each has a nonce."
    )


def _format_apparent(speeds: TurnSpeeds) -> str:
    return format_spread(speeds.apparent_prefill_tps)


def _format_prompt(speeds: TurnSpeeds) -> str:
    prompt = speeds.prompt_tokens
    return MISSING if prompt is None else f"{prompt.median:,.0f} n={prompt.n}"


def _fit_table(result: Result) -> Table | None:
    rows = tuple(
        _fit_row(summary.model, summary.prefill) for summary in result.summaries if summary.prefill is not None
    )
    headers = ("model", "fitted, tok/s", "overhead", "between sizes", "apparent, longest", "valid", "prompt tokens")
    return Table("Prefill rate fitted over several prompt sizes", headers, rows) if rows else None


def _fit_row(model: str, fit: Prefill) -> tuple[Entry, ...]:
    return text_row(
        model,
        _format_rate(fit.tps, fit.low, fit.high),
        MISSING if fit.overhead_s is None else format_seconds(max(0.0, fit.overhead_s)),
        ", ".join(MISSING if rate is None else format_number(rate) for rate in fit.marginal_tps),
        _format_rate(fit.apparent_tps, fit.apparent_low, fit.apparent_high),
        fit.valid_rate.replace("_", " "),
        ", ".join(f"{point.uncached_tokens:,.0f}" for point in fit.points),
    )


def _format_rate(value: float | None, low: float | None, high: float | None) -> str:
    if value is None:
        return MISSING
    interval = "" if low is None or high is None else f" [{format_number(low)}, {format_number(high)}]"
    return format_number(value) + interval


def first_token(result: Result) -> Section:
    """TTFT and TTFC per task and model."""
    return Section(
        "first_token",
        "Time to first token",
        "TTFT: first generated token on any channel. TTFC: first token of the answer or of a tool call, after any "
        "reasoning. Median [95 % interval] n=trials." + drift_legend(result),
        _present(
            turn_table("TTFT", result, lambda speeds: format_seconds_spread(speeds.ttft_s)),
            turn_table("TTFC", result, lambda speeds: format_seconds_spread(speeds.ttfc_s)),
        ),
    )
