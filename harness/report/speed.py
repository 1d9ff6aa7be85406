"""The sections on speed: generation, prefill, the wait for the first token."""

from __future__ import annotations

from harness.report.elements import Chart, Entry, Mark, Section, Table
from harness.report.formatting import NOTHING, figure, seconds, seconds_words, spread_words
from harness.report.task_tables import cells_of, labels_of, moved_legend, speeds_of, turn_name, turn_table, turns_of
from harness.types import Prefill, Result, Throughput, TurnSpeeds


def _present(*tables: Table | None) -> tuple[Table, ...]:
    return tuple(table for table in tables if table is not None)


def _decode_chart(result: Result) -> tuple[Chart, ...]:
    cells, marks = cells_of(result), []
    for task in result.tasks:
        turns = turns_of(cells, task.name)
        for turn in turns:
            for label in labels_of(result):
                speeds = speeds_of(cells.get((task.name, label)), turn)
                spread = speeds.decode_tps if speeds else None
                if spread is not None:
                    name = f"{turn_name(task.name, turn, turns)} / {label}"
                    marks.append(Mark(name, spread.low, spread.median, spread.high, spread_words(spread)))
    return (Chart("Generation speed, median", "tok/s", tuple(marks)),) if marks else ()


def generation(result: Result) -> Section:
    """Decode rate per task and model, and the rate that people quote beside it."""
    return Section(
        "generation",
        "Generation speed",
        "Decode: tokens after the first arrival over the time they took. End to end: all tokens over the time from "
        "the request to the last token; it falls on short answers. Tokens a second, median [95 % interval] n=trials."
        + moved_legend(result),
        _present(
            turn_table("Decode, tok/s", result, lambda speeds: spread_words(speeds.decode_tps)),
            turn_table("End to end, tok/s", result, lambda speeds: spread_words(speeds.e2e_tps)),
            _together(result),
        ),
        _decode_chart(result),
    )


def _together(result: Result) -> Table | None:
    """A line for each number of clients that asked at once."""
    rows = []
    for task in result.tasks:
        line = [cells_of(result).get((task.name, label)) for label in labels_of(result)]
        for at, clients in enumerate(task.clients):
            groups = [cell.throughput[at] if cell and at < len(cell.throughput) else None for cell in line]
            shown = (NOTHING if one is None else _group_words(one) for one in groups)
            rows.append((Entry(f"{task.name}, {clients} at once"), *map(Entry, shown)))
    title = "Clients at once: all their tokens a second, and the longest wait for a first token"
    return Table(title, ("task", *labels_of(result)), tuple(rows), by_model=True) if rows else None


def _group_words(group: Throughput) -> str:
    return f"{spread_words(group.tps)}; {seconds_words(group.slowest_ttft_s)}"


_TRUST = {"line": "the line", "marginal": "the rates between the sizes", "neither": "neither"}


def _bounded(value: float | None, low: float | None, high: float | None) -> str:
    if value is None:
        return NOTHING
    return figure(value) + (f" [{figure(low)}, {figure(high)}]" if low is not None and high is not None else "")


def _line_row(model: str, line: Prefill) -> tuple[Entry, ...]:
    sizes = ", ".join(f"{point.uncached_tokens:,.0f}" for point in line.points)
    marginal = ", ".join(NOTHING if rate is None else figure(rate) for rate in line.marginal_tps)
    texts = (
        model,
        _bounded(line.tps, line.low, line.high),
        NOTHING if line.overhead_s is None else seconds(max(0.0, line.overhead_s)),
        marginal,
        _bounded(line.apparent_tps, line.apparent_low, line.apparent_high),
        _TRUST[line.trust],
        sizes,
    )
    return tuple(map(Entry, texts))


def _lines(result: Result) -> Table | None:
    """Prefill by the line through several sizes of prompt, beside the apparent one of the longest."""
    rows = [_line_row(one.model, one.prefill) for one in result.summaries if one.prefill is not None]
    headers = ("model", "line, tok/s", "overhead", "between sizes", "apparent, longest", "trust", "prompt tokens")
    return Table("Prefill by the line through several prompt sizes", headers, tuple(rows)) if rows else None


def _prefill_words(speeds: TurnSpeeds) -> str:
    return spread_words(speeds.apparent_prefill_tps)


def _prompt_words(speeds: TurnSpeeds) -> str:
    prompt = speeds.prompt_tokens
    return NOTHING if prompt is None else f"{prompt.median:,.0f} n={prompt.n}"


def prefill(result: Result) -> Section:
    """The apparent prefill of cold turns, named so, with the size of the prompt."""
    rates = turn_table("Apparent prefill on cold turns, tok/s", result, _prefill_words, cold_only=True)
    sizes = turn_table("Prompt, tokens as the server counts them", result, _prompt_words, cold_only=True, timed=False)
    lead = (
        "Apparent: uncached prompt tokens over TTFT of the first turn, so queue, network and overhead are in it; "
        "it says more the longer the prompt is."
    )
    if rates is None:
        lead = "Not told: it needs a server that says how many prompt tokens it took and how many came from its cache."
    return Section("prefill", "Prefill", lead + moved_legend(result), _present(_lines(result), rates, sizes))


def first_token(result: Result) -> Section:
    """TTFT and TTFC per task and model."""
    return Section(
        "first_token",
        "Time to the first token",
        "TTFT: the first generated token on any channel. TTFC: the first of the answer or of a tool call, after any "
        "thoughts. Median [95 % interval] n=trials." + moved_legend(result),
        _present(
            turn_table("TTFT", result, lambda speeds: seconds_words(speeds.ttft_s)),
            turn_table("TTFC", result, lambda speeds: seconds_words(speeds.ttfc_s)),
        ),
    )
