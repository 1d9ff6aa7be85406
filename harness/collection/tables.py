"""The tables that results are imported into, each declared once: its rows, and its columns with their meaning.

TABLES at the foot lists them. To add a column, add a line to a table: the import, the views of a query and their
documentation follow from it. `rows_of` gives the rows of a table for one result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic, Literal, TypeVar

from harness.compare import comparison_key
from harness.files import sha256_of, to_json, valid_unicode
from harness.report import LaneAnswer, lane_answers
from harness.types import (
    Cell,
    DistributionSummary,
    Json,
    Lane,
    ModelInfo,
    ModelSummary,
    PassRate,
    Result,
    SuiteRate,
    TaskInfo,
    TrialResult,
    TurnResult,
)

Row = TypeVar("Row")
ColumnType = Literal["VARCHAR", "BIGINT", "DOUBLE", "BOOLEAN"]
BUNDLE = "bundle"
"""The first column of every table: the digest of the bundle, filled in by the import."""


@dataclass(frozen=True, slots=True)
class Column(Generic[Row]):
    """One column: its name, its type in SQL, its meaning, and its value in a row."""

    name: str
    type: ColumnType
    meaning: str
    value: Callable[[Row], Json]


@dataclass(frozen=True, slots=True)
class TableForm(Generic[Row]):
    """One table: what a row of it is, the rows of a result, and the columns."""

    name: str
    meaning: str
    rows: Callable[[Result], Iterator[Row]]
    columns: tuple[Column[Row], ...]


@dataclass(frozen=True, slots=True)
class _CellRow:
    model: ModelInfo
    task: TaskInfo
    cell: Cell

    def speed(self, quantity: str, statistic: str) -> float | None:
        """A statistic of a quantity of the first turn."""
        return _statistic(getattr(self.cell.turns[0], quantity), statistic) if self.cell.turns else None


@dataclass(frozen=True, slots=True)
class _ModelRow:
    result: Result
    model: ModelInfo
    summary: ModelSummary

    @property
    def suite_rate(self) -> SuiteRate | None:
        return next((rate for rate in self.summary.suite_rates if rate.estimand == "tasks_like_these"), None)


@dataclass(frozen=True, slots=True)
class _TrialRow:
    model: ModelInfo
    trial: TrialResult


@dataclass(frozen=True, slots=True)
class _TurnRow:
    model: ModelInfo
    trial: TrialResult
    number: int
    turn: TurnResult


@dataclass(frozen=True, slots=True)
class _AnswerRow:
    result: Result
    answer: LaneAnswer

    @property
    def model(self) -> ModelInfo | None:
        return next((model for model in self.result.models if model.label == self.answer.model), None)

    @property
    def definition(self) -> str:
        """The digest of what comparable answers share: the lane, its tasks' versions, the models' settings."""
        tasks = {task.name: task.sha256 for task in self.result.tasks if self.lane.tasks.get(task.name)}
        settings = sorted({comparison_key(self.result, model) for model in self.result.models})
        return sha256_of(to_json([replace(self.lane, override=None), tasks, settings]))[:16]

    @property
    def lane(self) -> Lane:
        return next(lane for lane in self.result.lanes if lane.name == self.answer.lane)

    def trials(self) -> int:
        """The fewest trials that a cell of the lane has."""
        return min((cell.pass_rate.n for cell in self.result.cells if self.lane.tasks.get(cell.task)), default=0)


def _statistic(spread: DistributionSummary | None, statistic: str) -> float | None:
    return None if spread is None else getattr(spread, statistic)


def _rate(rate: PassRate | SuiteRate | None, field: str) -> Any:
    return None if rate is None else getattr(rate, field)


def _models(result: Result) -> dict[str, ModelInfo]:
    return {model.label: model for model in result.models}


def _cell_rows(result: Result) -> Iterator[_CellRow]:
    models, tasks = _models(result), {task.name: task for task in result.tasks}
    yield from (_CellRow(models[cell.model], tasks[cell.task], cell) for cell in result.cells)


def _model_rows(result: Result) -> Iterator[_ModelRow]:
    models = _models(result)
    yield from (_ModelRow(result, models[summary.model], summary) for summary in result.summaries)


def _trial_rows(result: Result) -> Iterator[_TrialRow]:
    models = _models(result)
    yield from (_TrialRow(models[trial.model], trial) for trial in result.trials)


def _turn_rows(result: Result) -> Iterator[_TurnRow]:
    for row in _trial_rows(result):
        yield from (_TurnRow(row.model, row.trial, number, turn) for number, turn in enumerate(row.trial.turns))


def _answer_rows(result: Result) -> Iterator[_AnswerRow]:
    yield from (_AnswerRow(result, answer) for answer in lane_answers(result) if answer.state != "no_task")


LABEL: Column[Any] = Column("label", "VARCHAR", "the model's label in its run", lambda row: row.model.label)
MODEL: Column[Any] = Column("model", "VARCHAR", "the model as its server names it", lambda row: row.model.model)
TRIAL_KEY: tuple[Column[Any], ...] = (
    LABEL,
    MODEL,
    Column("task", "VARCHAR", "the task's name", lambda row: row.trial.task),
    Column("trial", "BIGINT", "its number, from 0", lambda row: row.trial.trial),
    Column("warmup", "BOOLEAN", "whether it is a warm-up, which no statistic counts", lambda row: row.trial.warmup),
)

MACHINES: TableForm[Result] = TableForm(
    "machines",
    "the machine and the run of one bundle",
    lambda result: iter((result,)),
    (
        Column("run", "VARCHAR", "the run's id", lambda result: result.run.id),
        Column("started_at", "VARCHAR", "when the run started, ISO 8601", lambda result: result.run.started_at),
        Column("chip", "VARCHAR", "the CPU or SoC, as the system names it", lambda result: result.host.chip),
        Column("memory_bytes", "BIGINT", "main memory", lambda result: result.host.memory_bytes),
        Column("memory_gb", "BIGINT", "the same in GB as vendors count it", lambda result: result.host.memory_gb),
        Column("cpu_cores", "BIGINT", "CPU cores", lambda result: result.host.cpu_cores),
        Column("gpu_cores", "BIGINT", "GPU cores", lambda result: result.host.gpu_cores),
        Column("gpu_memory_bytes", "BIGINT", "of a separate GPU; 0: unknown", lambda row: row.host.separate_gpu_bytes),
        Column("gpu_gb", "BIGINT", "the same in GB as vendors count it", lambda result: result.host.separate_gpu_gb),
        Column("architecture", "VARCHAR", "such as arm64", lambda result: result.host.architecture),
        Column("system", "VARCHAR", "the operating system", lambda result: result.host.system),
        Column("system_version", "VARCHAR", "its version", lambda result: result.host.system_version),
        Column("power_source", "VARCHAR", "mains or battery", lambda result: result.host.power_source),
        Column("suite", "VARCHAR", "the suite's name", lambda result: result.run.suite),
        Column("planned_trials", "BIGINT", "trials of each task", lambda result: result.run.trials),
        Column("kit_version", "VARCHAR", "the version of Lanebench", lambda result: result.kit.version),
        Column("kit_dirty", "BOOLEAN", "whether Lanebench had uncommitted changes", lambda result: result.kit.dirty),
        Column(
            "simulated",
            "BOOLEAN",
            "whether simulated models answered: such numbers measure nothing",
            lambda result: result.run.simulated or any(model.simulated for model in result.models),
        ),
    ),
)

MODELS: TableForm[_ModelRow] = TableForm(
    "models",
    "one model of one bundle: its settings, and its numbers over all tasks of the run",
    _model_rows,
    (
        LABEL,
        MODEL,
        Column("server", "VARCHAR", "the kind of server", lambda row: row.model.server),
        Column("server_version", "VARCHAR", "its version", lambda row: row.model.server_version),
        Column("api", "VARCHAR", "chat, responses or messages", lambda row: row.model.api),
        Column("thinking", "VARCHAR", "on, off or default", lambda row: row.model.thinking),
        Column("temperature", "DOUBLE", "sampling; NULL: not sent", lambda row: row.model.sampling.temperature),
        Column("top_p", "DOUBLE", "sampling; NULL: not sent", lambda row: row.model.sampling.top_p),
        Column("top_k", "BIGINT", "sampling; NULL: not sent", lambda row: row.model.sampling.top_k),
        Column("min_p", "DOUBLE", "sampling; NULL: not sent", lambda row: row.model.sampling.min_p),
        Column("context_tokens", "BIGINT", "context requested", lambda row: row.model.context_tokens),
        Column("served_context_tokens", "BIGINT", "context served", lambda row: row.model.served_context_tokens),
        Column(
            "facts",
            "VARCHAR",
            "what its owner declares, such as bits_per_weight, as JSON",
            lambda row: to_json(valid_unicode(row.model.facts)),
        ),
        Column(
            "comparable",
            "VARCHAR",
            "digest of kit major, agent and limits, thinking and sampling: only equal ones are compared",
            lambda row: comparison_key(row.result, row.model),
        ),
        Column(
            "memory_bytes",
            "BIGINT",
            "memory of the loaded model, measured; NULL where only that of the whole machine is known",
            lambda row: row.model.memory.model_bytes,
        ),
        Column("load_s", "DOUBLE", "how long loading took", lambda row: row.model.load_s),
        Column("passed", "BIGINT", "trials passed, of all tasks", lambda row: row.summary.pass_rate.passed),
        Column("n", "BIGINT", "trials run", lambda row: row.summary.pass_rate.n),
        Column("tasks", "BIGINT", "tasks that the pass rate is of", lambda row: _rate(row.suite_rate, "n_tasks")),
        Column("rate", "DOUBLE", "pass rate on tasks like these", lambda row: _rate(row.suite_rate, "rate")),
        Column("low", "DOUBLE", "lower end of its 95 % interval", lambda row: _rate(row.suite_rate, "low")),
        Column("high", "DOUBLE", "upper end", lambda row: _rate(row.suite_rate, "high")),
        Column("decode_tps", "DOUBLE", "median decode rate", lambda row: _statistic(row.summary.decode_tps, "median")),
        Column("decode_low", "DOUBLE", "lower end", lambda row: _statistic(row.summary.decode_tps, "low")),
        Column("decode_high", "DOUBLE", "upper end", lambda row: _statistic(row.summary.decode_tps, "high")),
        Column("decode_n", "BIGINT", "trials that carry it", lambda row: _statistic(row.summary.decode_tps, "n")),
        Column(
            "prefill_tps",
            "DOUBLE",
            "fitted prefill rate",
            lambda row: row.summary.prefill and row.summary.prefill.tps,
        ),
        Column("prefill_low", "DOUBLE", "lower end", lambda row: row.summary.prefill and row.summary.prefill.low),
        Column("prefill_high", "DOUBLE", "upper end", lambda row: row.summary.prefill and row.summary.prefill.high),
        Column(
            "cold_ttft_s",
            "DOUBLE",
            "median TTFT of first turns",
            lambda row: _statistic(row.summary.cold_ttft_s, "median"),
        ),
        Column("cold_ttft_low", "DOUBLE", "lower end", lambda row: _statistic(row.summary.cold_ttft_s, "low")),
        Column("cold_ttft_high", "DOUBLE", "upper end", lambda row: _statistic(row.summary.cold_ttft_s, "high")),
        Column("cold_ttft_n", "BIGINT", "trials that carry it", lambda row: _statistic(row.summary.cold_ttft_s, "n")),
        Column(
            "warm_ttft_s",
            "DOUBLE",
            "median TTFT of later turns",
            lambda row: _statistic(row.summary.warm_ttft_s, "median"),
        ),
        Column("total_trial_s", "DOUBLE", "time of all trials", lambda row: row.summary.total_trial_s),
    ),
)

CELLS: TableForm[_CellRow] = TableForm(
    "cells",
    "one model on one task of one bundle; speeds are those of the first turn",
    _cell_rows,
    (
        LABEL,
        MODEL,
        Column("task", "VARCHAR", "the task's name", lambda row: row.task.name),
        Column("task_sha256", "VARCHAR", "the digest of its version", lambda row: row.task.sha256),
        Column("title", "VARCHAR", "what the task asks", lambda row: row.task.title),
        Column("scored", "BOOLEAN", "whether answers are scored, or only timed", lambda row: row.cell.scored),
        Column("passed", "BIGINT", "trials passed", lambda row: row.cell.pass_rate.passed),
        Column("n", "BIGINT", "trials run", lambda row: row.cell.pass_rate.n),
        Column(
            "planned",
            "BIGINT",
            "trials planned: with fewer run there is no rate",
            lambda row: row.cell.pass_rate.planned,
        ),
        Column("rate", "DOUBLE", "pass rate", lambda row: row.cell.pass_rate.rate),
        Column("low", "DOUBLE", "lower end of its 95 % interval", lambda row: row.cell.pass_rate.low),
        Column("high", "DOUBLE", "upper end", lambda row: row.cell.pass_rate.high),
        Column("decode_tps", "DOUBLE", "median decode rate", lambda row: row.speed("decode_tps", "median")),
        Column("decode_low", "DOUBLE", "lower end of its 95 % interval", lambda row: row.speed("decode_tps", "low")),
        Column("decode_high", "DOUBLE", "upper end", lambda row: row.speed("decode_tps", "high")),
        Column("decode_n", "BIGINT", "trials that carry it", lambda row: row.speed("decode_tps", "n")),
        Column("ttft_s", "DOUBLE", "median TTFT", lambda row: row.speed("ttft_s", "median")),
        Column("ttft_low", "DOUBLE", "lower end of its 95 % interval", lambda row: row.speed("ttft_s", "low")),
        Column("ttft_high", "DOUBLE", "upper end", lambda row: row.speed("ttft_s", "high")),
        Column("ttft_n", "BIGINT", "trials that carry it", lambda row: row.speed("ttft_s", "n")),
        Column("e2e_s", "DOUBLE", "median E2E latency", lambda row: row.speed("e2e_s", "median")),
    ),
)

TRIALS: TableForm[_TrialRow] = TableForm(
    "trials",
    "one trial",
    _trial_rows,
    (
        *TRIAL_KEY,
        Column("variant", "BIGINT", "which variant of the task", lambda row: row.trial.variant),
        Column("started_at", "VARCHAR", "when it started, ISO 8601", lambda row: row.trial.started_at),
        Column("seconds", "DOUBLE", "how long it took", lambda row: row.trial.duration_s),
        Column("outcome", "VARCHAR", "passed, failed, no_answer, timed_out and so on", lambda row: row.trial.outcome),
        Column("passed", "BOOLEAN", "whether the outcome is passed", lambda row: row.trial.outcome == "passed"),
        Column("fraction", "DOUBLE", "share of the checks passed", lambda row: row.trial.fraction),
        Column("checks", "BIGINT", "how many checks it had", lambda row: len(row.trial.checks)),
        Column("turns", "BIGINT", "how many turns it had", lambda row: len(row.trial.turns)),
    ),
)

TURNS: TableForm[_TurnRow] = TableForm(
    "turns",
    "one request and its response within a trial",
    _turn_rows,
    (
        *TRIAL_KEY,
        Column("turn", "BIGINT", "its number in the trial, from 0", lambda row: row.number),
        Column("ttfb_s", "DOUBLE", "first byte of the body", lambda row: row.turn.timings.ttfb_s),
        Column("ttft_s", "DOUBLE", "first token", lambda row: row.turn.timings.ttft_s),
        Column("ttfc_s", "DOUBLE", "first content or tool call", lambda row: row.turn.timings.ttfc_s),
        Column("e2e_s", "DOUBLE", "last token", lambda row: row.turn.timings.e2e_s),
        Column("decode_tps", "DOUBLE", "decode rate", lambda row: row.turn.timings.decode_tps),
        Column(
            "prompt_tokens",
            "BIGINT",
            "by the server's count",
            lambda row: row.turn.usage and row.turn.usage.prompt_tokens,
        ),
        Column(
            "cached_tokens",
            "BIGINT",
            "of these, from its cache",
            lambda row: row.turn.usage and row.turn.usage.cached_tokens,
        ),
        Column(
            "completion_tokens",
            "BIGINT",
            "by the server's count",
            lambda row: row.turn.usage and row.turn.usage.completion_tokens,
        ),
        Column("finish_reason", "VARCHAR", "as the server states it", lambda row: row.turn.finish_reason),
        Column(
            "error", "VARCHAR", "the kind of the server's error", lambda row: row.turn.error and row.turn.error.kind
        ),
        Column(
            "content_chars",
            "BIGINT",
            "length of the answer",
            lambda row: None if row.turn.is_withheld else len(row.turn.content),
        ),
        Column("reasoning_chars", "BIGINT", "length of the reasoning", lambda row: row.turn.reasoning_chars),
        Column("tool_calls", "BIGINT", "how many tool calls", lambda row: len(row.turn.tool_calls)),
    ),
)

ANSWERS: TableForm[_AnswerRow] = TableForm(
    "answers",
    "the answer of one bundle for one lane",
    _answer_rows,
    (
        Column("lane", "VARCHAR", "the lane's name", lambda row: row.answer.lane),
        Column("definition", "VARCHAR", "digest of the lane and its tasks", lambda row: row.definition),
        Column("state", "VARCHAR", "decided, leaning, undecided or none", lambda row: row.answer.state),
        Column("label", "VARCHAR", "the recommended model's label", lambda row: row.answer.model),
        Column("model", "VARCHAR", "the same as its server names it", lambda row: row.model and row.model.model),
        Column("trials", "BIGINT", "the fewest trials of a cell of the lane", lambda row: row.trials()),
        Column("text", "VARCHAR", "the answer in words", lambda row: " ".join(row.answer.sentences)),
    ),
)

TABLES: tuple[TableForm[Any], ...] = (MACHINES, MODELS, CELLS, TRIALS, TURNS, ANSWERS)


def rows_of(table: TableForm[Row], result: Result, bundle: str) -> list[dict[str, Json]]:
    """The rows of a table for one result, as JSON objects; the result's statistics must have been verified."""
    return [
        {BUNDLE: bundle, **{column.name: valid_unicode(column.value(row)) for column in table.columns}}
        for row in table.rows(result)
    ]


def schema_of(table: TableForm[Any]) -> Mapping[str, ColumnType]:
    """Name and SQL type of each column."""
    return {BUNDLE: "VARCHAR", **{column.name: column.type for column in table.columns}}
