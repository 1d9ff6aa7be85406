"""What a lane's recommendation does not rest on, because nobody ran it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from harness.summarize.cells import counted
from harness.types import Lane, ModelInfo, Result


def _settings_run(result: Result, model: ModelInfo) -> set[str]:
    """How thinking was set in every run of the same model on the same kind of server."""
    return {one.thinking for one in result.models if (one.server, one.model) == (model.server, model.model)}


def thinking(result: Result, lane: Lane) -> Iterator[str]:
    """The other half of a model that can think."""
    for model in result.models:
        run = _settings_run(result, model)
        if model.thinking == "default" and len(run) == 1:
            yield f"{model.label} thought as its server pleased: neither on nor off was run"
        elif model.thinking == "off" and "on" not in run:
            yield f"{model.label} with thinking on was not run: retiring it would be premature"
        elif model.thinking == "on" and "off" not in run:
            yield f"{model.label} with thinking off was not run: it may be quicker and as good"


def context(result: Result, lane: Lane) -> Iterator[str]:
    """A window that was demanded and never filled."""
    prompts = [
        turn.usage.prompt_tokens
        for model in result.models
        for trial in counted(result, model.label)
        if lane.tasks.get(trial.task)
        for turn in trial.turns
        if turn.usage and turn.usage.prompt_tokens
    ]
    longest = max(prompts, default=0)
    if lane.min_context_tokens is not None and longest < lane.min_context_tokens:
        yield f"the longest prompt had {longest:,} tokens: nothing from there to {lane.min_context_tokens:,} was asked"


def later_turns(result: Result, lane: Lane) -> Iterator[str]:
    """A demand on conversations without one."""
    separate = {task.name for task in result.tasks if task.separate}
    talks = [one for one in result.cells if lane.tasks.get(one.task) and one.task not in separate]
    if lane.max_warm_ttft_s is not None and not any(len(one.turns) > 1 for one in talks):
        yield "no task of this lane has a second turn: TTFT of later turns was not measured"


def tasks(result: Result, lane: Lane) -> Iterator[str]:
    """Tasks of the lane that the run did not hold."""
    missing = sorted(set(lane.tasks) - {task.name for task in result.tasks})
    if missing:
        yield f"not in this run: {', '.join(missing)}"


def stopped(result: Result, lane: Lane) -> Iterator[str]:
    """Models that did not run to their end."""
    for model in result.models:
        if model.stop_reason is not None:
            yield f"{model.label} was stopped before its end: {model.stop_reason}"


UNTESTED: tuple[Callable[[Result, Lane], Iterator[str]], ...] = (thinking, context, later_turns, tasks, stopped)


def untested(result: Result, lane: Lane) -> Iterator[str]:
    """One sentence each."""
    for find in UNTESTED:
        yield from find(result, lane)
