"""The rows behind the charts: plain numbers by name, from the result and the evidence.

Each function gives the rows of one chart; a chart without rows is left out. Untrusted names stay raw: Vega draws text
as text, and tables escape it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from statistics import mean, median

from harness.report.task_tables import cells_of, pass_rate_bounds, skipped_counts
from harness.types import (
    GIB,
    MIN_TRIALS,
    DistributionSummary,
    Json,
    ModelInfo,
    ModelSummary,
    Outcome,
    PageEvidence,
    Result,
    StreamChannel,
    StreamPart,
    TrialKey,
    TrialResult,
)

Row = dict[str, Json]
Rows = list[Row]
MAX_STREAM_POINTS = 300
N_FIRST_PARTS = 10


def quality_rows(result: Result, evidence: PageEvidence) -> Rows:
    """Pass rate, time to a whole answer, memory and quantization of each model; `front`: none is better in both."""
    models = {model.label: model for model in result.models}
    skipped = skipped_counts(result)
    rows = [
        _quality_row(models[summary.model], summary, time, skipped[summary.model])
        for summary in result.summaries
        if (time := evidence.answer_times.get(summary.model)) is not None and summary.pass_rate.rate is not None
    ]
    for row in rows:
        others = [other for other in rows if other is not row]
        row["front"] = not any(_dominates(other, row) for other in others)
    return rows


def _quality_row(model: ModelInfo, summary: ModelSummary, time: DistributionSummary, skipped: int) -> Row:
    low, high = pass_rate_bounds(summary)
    used = summary.memory.model_bytes
    return {
        "model": model.label,
        "passed": 100 * (summary.pass_rate.rate or 0.0),
        "low": low,
        "high": high,
        "skipped": skipped,
        "seconds": time.median,
        "fast": time.low,
        "slow": time.high,
        "memory": None if used is None else used / GIB,
        "quantization": str(model.facts.get("quantization") or "not declared"),
        "decode": summary.decode_tps.median if summary.decode_tps else None,
        "kept": True,
    }


def _dominates(other: Row, row: Row) -> bool:
    at_least = other["passed"] >= row["passed"] and other["seconds"] <= row["seconds"]
    return bool(at_least and (other["passed"], other["seconds"]) != (row["passed"], row["seconds"]))


def difference_rows(result: Result, evidence: PageEvidence) -> Rows:
    """Each model against each baseline, the best first, on tasks like these; a comparison is read both ways."""
    few = {summary.model for summary in result.summaries if summary.pass_rate.n < MIN_TRIALS}
    rows: Rows = []
    for each in result.comparisons:
        if each.estimand != "tasks_like_these":
            continue
        low, high = (None, None) if few & {each.model, each.baseline} else (each.low, each.high)
        bounds = (each.difference, low, high)
        rows.append(_difference_row((each.model, each.baseline), bounds, each.verdict))
        turned = {"better": "worse", "worse": "better"}.get(each.verdict, each.verdict)
        bounds = (0.0 - each.difference, _negative(high), _negative(low))
        rows.append(_difference_row((each.baseline, each.model), bounds, turned))
    order = {model.label: at for at, model in enumerate(result.models)}
    return sorted(rows, key=lambda row: (order[row["baseline"]], -row["points"]))


def _difference_row(pair: tuple[str, str], bounds: tuple[float, float | None, float | None], verdict: str) -> Row:
    # Sums of shares leave 1e-16 of a point where nothing differs.
    points = [None if bound is None else round(100 * bound, 6) + 0.0 for bound in bounds]
    return dict(zip(("model", "baseline", "points", "low", "high", "verdict"), (*pair, *points, verdict), strict=True))


def _negative(bound: float | None) -> float | None:
    return None if bound is None else -bound


def ttft_rows(result: Result, evidence: PageEvidence) -> Rows:
    """TTFT of each turn of the tasks with several; `separate` tasks begin a new conversation at each turn, cold.

    Requests of concurrent clients are no turns: they wait for each other.
    """
    tasks = {task.name: task for task in result.tasks}
    return [
        {
            "task": cell.task.removesuffix("-control"),
            "model": cell.model,
            "turn": turn.turn + 1,
            "seconds": turn.ttft_s.median,
            "low": turn.ttft_s.low,
            "high": turn.ttft_s.high,
            "cache": "warm" if tasks[cell.task].is_conversation and turn.turn > 0 else "cold",
            "asked": "one conversation" if tasks[cell.task].is_conversation else "each turn on its own",
        }
        for cell in result.cells
        if cell.task in tasks and len(cell.turns) > 1 and not tasks[cell.task].clients
        for turn in cell.turns
        if turn.ttft_s is not None and turn.ttft_s.median > 0
    ]


def prefill_rows(result: Result, evidence: PageEvidence) -> Rows:
    """The apparent prefill rate of each prompt size."""
    return [
        {"model": summary.model, "tokens": point.uncached_tokens, "tps": point.uncached_tokens / point.ttft_s}
        for summary in result.summaries
        if summary.prefill is not None
        for point in summary.prefill.points
        if point.ttft_s > 0 and point.uncached_tokens > 0
    ]


def decode_rows(result: Result, evidence: PageEvidence) -> Rows:
    """The decode rate of each task by the size of its prompt; not of concurrent clients, which share the server."""
    shared = {task.name for task in result.tasks if task.clients}
    return [
        {
            "model": cell.model,
            "task": cell.task,
            "tokens": turn.prompt_tokens.median,
            "tps": turn.decode_tps.median,
            "low": turn.decode_tps.low,
            "high": turn.decode_tps.high,
        }
        for cell in result.cells
        for turn in cell.turns
        if turn.prompt_tokens is not None
        and turn.prompt_tokens.median > 0
        and turn.decode_tps is not None
        and cell.task not in shared
    ]


def stream_rows(result: Result, evidence: PageEvidence) -> Rows:
    """One stream of each model as characters over time: the first trial of the task with the longest prompt."""
    return [row for model in result.models for row in _stream(result, evidence, model.label)]


def _stream(result: Result, evidence: PageEvidence, label: str) -> Iterator[Row]:
    trials = [
        trial
        for trial in result.trials
        if trial.model == label and not trial.warmup and TrialKey(label, trial.task, trial.trial) in evidence.trials
    ]
    if not trials:
        return
    trial = max(trials, key=lambda each: (_prompt_tokens(each), -each.trial))
    turns = evidence.trials[TrialKey(label, trial.task, trial.trial)].turns
    stream = turns[0].stream if turns else ()
    total = 0
    for part in thinned(stream, MAX_STREAM_POINTS):
        total += part.chars
        yield {
            "model": label,
            "task": trial.task,
            "seconds": part.at_ns / 1e9,
            "chars": total,
            "event": "role only, no token" if part.channel == "role" else part.channel,
        }


def thinned(stream: Sequence[StreamPart], most: int) -> Iterator[StreamPart]:
    """About `most` parts of each channel at most: the first ones stay as they are, neighbors of one channel are joined.

    A joined part has the time of its last event, so that nothing is drawn before it came.
    """
    step = max(1, -(-len(stream) // most))
    yield from stream[:N_FIRST_PARTS]
    for start in range(N_FIRST_PARTS, len(stream), step):
        joined: dict[StreamChannel, StreamPart] = {}
        for part in stream[start : start + step]:
            earlier = joined.pop(part.channel, None)
            joined[part.channel] = replace(part, chars=part.chars + (earlier.chars if earlier else 0))
        yield from joined.values()


def _prompt_tokens(trial: TrialResult) -> int:
    usage = trial.turns[0].usage if trial.turns else None
    return (usage.prompt_tokens if usage else None) or 0


def outcome_rows(result: Result, evidence: PageEvidence) -> Rows:
    """How the trials of scored tasks ended."""
    order = list(map(str, Outcome))
    counts: dict[tuple[str, str], int] = {}
    for cell in result.cells:
        if cell.scored:
            for name, count in cell.outcomes.items():
                counts[cell.model, name] = counts.get((cell.model, name), 0) + count
    return [
        {"model": model, "outcome": name.replace("_", " "), "order": order.index(name), "trials": count}
        for (model, name), count in counts.items()
        if count and name in order
    ]


def solved_rows(result: Result, evidence: PageEvidence) -> Rows:
    """How many tasks each model solved in every trial, in some, and in none."""
    counts: dict[tuple[str, str], int] = {}
    for cell in cells_of(result).values():
        if cell.scored and cell.pass_rate.rate is not None:
            share = "always" if cell.pass_rate.rate == 1 else "sometimes" if cell.pass_rate.passed else "never"
            counts[cell.model, share] = counts.get((cell.model, share), 0) + 1
    order = ("always", "sometimes", "never")
    return [
        {"model": model, "solved": share, "order": order.index(share), "tasks": count}
        for (model, share), count in counts.items()
    ]


def drift_rows(result: Result, evidence: PageEvidence) -> Rows:
    """Decode rate of each block relative to the median of the same task, over the time of the run."""
    medians = {
        (cell.model, cell.task, turn.turn): turn.decode_tps.median
        for cell in result.cells
        for turn in cell.turns
        if turn.decode_tps is not None and turn.decode_tps.median
    }
    start = datetime.fromisoformat(result.run.started_at)
    order = [model.label for model in result.models]
    blocks: dict[tuple[str, int], list[tuple[float, float]]] = {}
    for trial in result.counted_trials:
        for at, turn in enumerate(trial.turns):
            usual, rate = medians.get((trial.model, trial.task, at)), turn.timings.decode_tps
            if usual and rate:
                minutes = (datetime.fromisoformat(trial.started_at) - start).total_seconds() / 60
                blocks.setdefault((trial.model, trial.trial), []).append((minutes, 100 * (rate / usual - 1)))
    return [
        {
            "model": model,
            "block": block + 1,
            "minutes": mean(minutes for minutes, _ in values),
            "percent": median(percent for _, percent in values),
            "trials": len(values),
        }
        for (model, block), values in sorted(blocks.items(), key=lambda each: (order.index(each[0][0]), each[0][1]))
    ]
