"""Results in forms of others, each declared by a table of its fields: FORMS lists them, `write_form` writes one.

- `eee`: Every Eval Ever (eee.py).
- `eval-results`: the YAML file in `.eval_results/` of a model's repository on the Hugging Face Hub (hub-docs,
  docs/hub/eval-results.md).
- `llama-bench`: the Markdown table that llama.cpp's llama-bench prints and its discussions of speeds collect.
- `badge`: an SVG badge for each lane, in the form of shields.io.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.bundle.eee import eee_files, slug
from harness.files import to_json, write_atomic
from harness.report import (
    MAX_BADGE_CHARS,
    BadgeState,
    LaneAnswer,
    format_machine,
    lane_answers,
    markdown_text,
    render_badge,
)
from harness.stats import format_k_of_n
from harness.types import MIN_TRIALS, Cell, Eligibility, Json, ModelInfo, ModelSummary, Result, TaskInfo

Files = Iterator[tuple[str, str]]
_MAX_LABEL_CHARS = 24
HUB_DATASET = "lanebench/lanebench"
"""The Hub shows results of data sets that are registered there as benchmarks."""


@dataclass(frozen=True, slots=True)
class ResultForm:
    """One form: what it is, and its files by name."""

    meaning: str
    files: Callable[[Result], Files]


@dataclass(frozen=True, slots=True)
class _Measured:
    """One model on one task."""

    result: Result
    model: ModelInfo
    task: TaskInfo
    cell: Cell


@dataclass(frozen=True, slots=True)
class _Speed:
    """One model and one line of its speeds: the name of the test, and tokens per second with their deviation."""

    result: Result
    model: ModelInfo
    test: str
    rate: str


def _notes(each: _Measured) -> str:
    """What a reader of the value must know and the format has no field for."""
    rate, host = each.cell.pass_rate, each.result.host
    parts = [f"passed {format_k_of_n(rate.passed, rate.n).removeprefix('in ')}"]
    parts += [f"{each.model.server} {each.model.server_version or ''}".strip()]
    parts += [str(each.model.facts[name]) for name in ("quantization",) if name in each.model.facts]
    parts += [f"thinking {each.model.thinking}", format_machine(host)]
    return "; ".join([*parts, f"task {each.task.sha256[:12]}", f"run {each.result.run.id}"])


EVAL_RESULTS: Mapping[str, Callable[[_Measured], Json]] = {
    "dataset.id": lambda each: HUB_DATASET,
    "dataset.task_id": lambda each: each.task.name,
    "value": lambda each: round(100 * (each.cell.pass_rate.rate or 0.0), 2),
    "date": lambda each: each.result.run.started_at,
    "notes": _notes,
}
"""Field of an entry -> its value. `value` is the pass rate in percent."""

LLAMA_BENCH: Mapping[str, tuple[str, Callable[[_Speed], str]]] = {
    "model": ("---", lambda each: _model_name(each.model)),
    "size": ("---:", lambda each: _size(each.model)),
    "params": ("---:", lambda each: _parameters(each.model)),
    "backend": ("---", lambda each: each.model.server),
    "test": ("---:", lambda each: each.test),
    "t/s": ("---:", lambda each: each.rate),
}
"""Column -> its alignment in Markdown and its value. `t/s` is mean and standard deviation over the trials."""


def _eval_results(result: Result) -> Files:
    tasks = {task.name: task for task in result.tasks}
    for model in result.models:
        measured = [
            _Measured(result, model, tasks[cell.task], cell)
            for cell in result.cells
            if cell.model == model.label and cell.scored and cell.pass_rate.rate is not None
        ]
        if measured:
            name = f".eval_results/{result.run.id}-{slug(model.label)}.yaml"
            yield name, "\n".join(map(_yaml, measured)) + "\n"


def _yaml(each: _Measured) -> str:
    """One entry; its values are written as JSON, which is YAML."""
    values = {name: to_json(value(each)) for name, value in EVAL_RESULTS.items()}
    dataset = [f"    {name.partition('.')[2]}: {value}" for name, value in values.items() if "." in name]
    return "\n".join(
        ["- dataset:", *dataset, *(f"  {name}: {text}" for name, text in values.items() if "." not in name)]
    )


def _llama_bench(result: Result) -> Files:
    speeds = [speed for summary in result.summaries for speed in _speeds(result, summary)]
    if not speeds:
        return
    host = result.host
    title = f"{format_machine(host)}, {host.system} {host.system_version or ''}".rstrip()
    rows = [[value(speed) for _, value in LLAMA_BENCH.values()] for speed in speeds]
    lines = [list(LLAMA_BENCH), [alignment for alignment, _ in LLAMA_BENCH.values()], *rows]
    table = "\n".join(f"| {' | '.join(map(markdown_text, line))} |" for line in lines)
    note = f"Measured over HTTP by lanebench {result.kit.version}, run {result.run.id}; llama-bench calls the library."
    yield f"{result.run.id}.md", f"{markdown_text(title)}\n\n{table}\n\n{note}\n"


def _speeds(result: Result, summary: ModelSummary) -> Iterator[_Speed]:
    model = next(each for each in result.models if each.label == summary.model)
    prefill, decode = summary.prefill, summary.decode_tps
    if prefill is not None and prefill.apparent_tps is not None:
        size = max(point.uncached_tokens for point in prefill.points)
        yield _Speed(result, model, f"pp{size:.0f}", f"{prefill.apparent_tps:.2f}")
    if decode is not None:
        deviation = "" if decode.variance is None else f" ± {decode.variance**0.5:.2f}"
        yield _Speed(result, model, f"tg{_completion_tokens(result, model)}", f"{decode.mean:.2f}{deviation}")


def _completion_tokens(result: Result, model: ModelInfo) -> str:
    """The median length of the answers whose decode rate is known."""
    lengths = sorted(
        turn.usage.completion_tokens
        for trial in result.counted_trials
        if trial.model == model.label
        for turn in trial.turns
        if turn.timings.decode_tps and turn.usage is not None and turn.usage.completion_tokens
    )
    return str(lengths[len(lengths) // 2]) if lengths else ""


def _model_name(model: ModelInfo) -> str:
    return f"{model.model} {model.facts.get('quantization', '')}".strip()


def _size(model: ModelInfo) -> str:
    size = model.facts.get("file_bytes")
    return f"{size / 2**30:.2f} GiB" if isinstance(size, int) else ""


def _parameters(model: ModelInfo) -> str:
    count = model.facts.get("parameters_b")
    return f"{count:.2f} B" if isinstance(count, int | float) else ""


def _badges(result: Result) -> Files:
    for answer in lane_answers(result):
        if answer.state != "no_task":
            yield f"{result.run.id}-{slug(answer.lane)}.svg", render_badge(answer.lane, *_badge(result, answer))


def _badge(result: Result, answer: LaneAnswer) -> tuple[str, BadgeState]:
    found = next(each for each in result.recommendations if each.lane == answer.lane)
    if answer.model is None:
        return ("no model", "bad") if answer.state == "none" else ("not decided", "open")
    lane = next(each for each in result.lanes if each.name == answer.lane)
    eligibility = next((each for each in found.eligibilities if each.model == answer.model), None)
    passed = "" if eligibility is None else _passed(eligibility, *result.lane_count(lane, answer.model))
    # A long name must not displace how many trials the rate stands on.
    label = (
        answer.model if len(answer.model + passed) <= MAX_BADGE_CHARS else f"{answer.model[:_MAX_LABEL_CHARS]}\u2026"
    )
    return f"{label}{passed}", "good" if answer.state == "decided" else "open"


def _passed(found: Eligibility, passed: int, n: int) -> str:
    """The pass rate with its interval and its number of trials; few trials are counted only."""
    if found.rate is None or found.low is None or found.high is None:
        return ""
    if n < MIN_TRIALS:
        return f", passed {passed} of {n}"
    return f", {100 * found.rate:.0f} % ({100 * found.low:.0f} to {100 * found.high:.0f} %) of {n} trials"


FORMS: Mapping[str, ResultForm] = {
    "eee": ResultForm("Every Eval Ever", eee_files),
    "eval-results": ResultForm("the YAML file of a model's repository on the Hugging Face Hub", _eval_results),
    "llama-bench": ResultForm("the Markdown table that llama-bench prints", _llama_bench),
    "badge": ResultForm("an SVG badge for each lane", _badges),
}
"""Name -> form."""


def write_form(name: str, result: Result, folder: Path) -> list[Path]:
    """Write the files of a form into a folder; returns their paths. Raises DiskError."""
    written = []
    for file, text in FORMS[name].files(result):
        write_atomic(folder / file, text)
        written.append(folder / file)
    return written
