"""What a probe tells of a run: `keep_probe` keeps the rates of a server, `expect_from_probes` how long trials take.

A trial is taken to read its prompts once and to write as much as the task's own solution, where it has one, else its
whole budget. So the time is a guess at best, which counts only until the run has measured a trial.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import RunError
from harness.files import build, cache_folder, plain, read_json, sha256_of, to_json, write_atomic
from harness.run.earlier_runs import EarlierRun
from harness.run.needs import context_needs
from harness.types import Model, ProbeReport, Task

BYTES_PER_TOKEN = 4.0


@dataclass(frozen=True, slots=True)
class ProbedRates:
    """Prefill and decode rate of one model on one server, by a few short requests."""

    prefill_tps: float
    decode_tps: float


def keep_probe(base_url: str, report: ProbeReport) -> None:
    """Keep the rates of a probe for the forecast of later runs, if it has both. Raises DiskError."""
    if report.prefill_tps and report.decode_tps:
        rates = ProbedRates(report.prefill_tps, report.decode_tps)
        write_atomic(_path(base_url, report.model), to_json(plain(rates)))


def expect_from_probes(models: Sequence[Model], tasks: Sequence[Task]) -> EarlierRun | None:
    """How long a trial of each task takes a model that was probed; None if none of them was."""
    found = {model.label: rates for model in models if (rates := _kept(model)) is not None}
    if not found:
        return None
    needs = {need.task: need for need in context_needs(tasks, 0)}
    seconds = {
        (label, task.name): needs[task.name].prompt_bytes / BYTES_PER_TOKEN / rates.prefill_tps
        + _answer_tokens(task) / rates.decode_tps
        for label, rates in found.items()
        for task in tasks
    }
    return EarlierRun("the rates of its probe", seconds, {})


def _answer_tokens(task: Task) -> float:
    answers = sum(task.clients) or len(task.turns)
    if not task.solution:
        return float(answers * task.budget_tokens)
    return min(sum(map(len, task.solution)) / BYTES_PER_TOKEN, answers * task.budget_tokens)


def _path(base_url: str, model: str) -> Path:
    name = sha256_of(f"{base_url.rstrip('/')} {model}")[:16]
    return cache_folder() / "probes" / f"{name}.json"


def _kept(model: Model) -> ProbedRates | None:
    try:
        return build(ProbedRates, read_json(_path(model.base_url, model.model)))
    except RunError:
        return None
