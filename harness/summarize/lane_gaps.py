"""Gaps in the evidence for a lane: configurations and conditions that matter to it and that no trial covers.

Each gap is one function in UNTESTED; `untested` collects their sentences.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from harness.summarize.cells import non_warmup_trials
from harness.summarize.lane_requirements import lane_models
from harness.types import Lane, ModelInfo, Result


def _thinking_settings(result: Result, model: ModelInfo) -> set[str]:
    """The thinking settings that the run covers for the same model on the same kind of server."""
    return {other.thinking for other in result.models if (other.server, other.model) == (model.server, model.model)}


def thinking(result: Result, lane: Lane) -> Iterator[str]:
    """A model that was run with thinking on only, off only, or at the server's default."""
    for model in lane_models(result, lane):
        if model.thinks is False or model.agent is not None:
            continue
        covered = _thinking_settings(result, model)
        if model.thinking == "default" and len(covered) == 1:
            yield f"{model.label} ran with its server's default for thinking; neither on nor off was tested"
        elif model.thinking == "off" and "on" not in covered:
            yield f"{model.label} was not tested with thinking on; do not retire it yet"
        elif model.thinking == "on" and "off" not in covered:
            yield f"{model.label} was not tested with thinking off, which may be faster and as good"


def context(result: Result, lane: Lane) -> Iterator[str]:
    """A required context length that no prompt reached."""
    prompts = [
        turn.usage.prompt_tokens
        for model in result.models
        for trial in non_warmup_trials(result, model.label)
        if lane.tasks.get(trial.task)
        for turn in trial.turns
        if turn.usage and turn.usage.prompt_tokens
    ]
    wanted = lane.min_context_tokens
    if wanted is not None and not prompts:
        yield f"no server reported the tokens of a prompt; whether contexts up to {wanted:,} were tested is unknown"
    elif wanted is not None and max(prompts) < wanted:
        yield f"the longest prompt had {max(prompts):,} tokens; contexts up to {wanted:,} were not tested"


def later_turns(result: Result, lane: Lane) -> Iterator[str]:
    """A limit on the TTFT of later turns in a lane without conversations."""
    conversations = {task.name for task in result.tasks if task.is_conversation}
    cells = [cell for cell in result.cells if lane.tasks.get(cell.task) and cell.task in conversations]
    if lane.max_warm_ttft_s is not None and not any(len(cell.turns) > 1 for cell in cells):
        yield "no task of this lane has a second turn; TTFT of later turns was not measured"


def tasks(result: Result, lane: Lane) -> Iterator[str]:
    """Tasks of the lane that are not part of the run."""
    missing = sorted(set(lane.tasks) - {task.name for task in result.tasks})
    if missing:
        yield f"not in this run: {', '.join(missing)}"


def stopped(result: Result, lane: Lane) -> Iterator[str]:
    """Models that were stopped before all their trials were done."""
    for model in lane_models(result, lane):
        if model.stop_reason is not None:
            yield f"{model.label} was stopped early: {model.stop_reason}"


UNTESTED: tuple[Callable[[Result, Lane], Iterator[str]], ...] = (thinking, context, later_turns, tasks, stopped)


def untested(result: Result, lane: Lane) -> Iterator[str]:
    """One sentence per gap; none for a lane without tasks, which nothing could cover."""
    if not lane.tasks:
        return
    for find in UNTESTED:
        yield from find(result, lane)
