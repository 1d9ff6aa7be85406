"""What a user is told before the first request: how much is asked, how long it takes, and what is skipped and why.

`announce` is the line about requests and time. `expect_skips` tells which tasks will not fit into the context that a
server reports, that the configuration states or that an earlier run found, and leaves out a model that none would fit.
The final decision is made when the model is loaded (`harness/servers/context_fit.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from harness.agents import agent_tokens
from harness.errors import Problem, ServerError, first_of
from harness.run.earlier_runs import EarlierRun
from harness.run.needs import context_needs
from harness.run.progress import TimeLeft
from harness.run.time_budget import TimeBudget
from harness.servers import (
    RequestTimeouts,
    ServerHandle,
    list_models,
    query_served_context,
    skip_oversized_tasks,
)
from harness.summarize import is_asked, tasks_not_run
from harness.types import Model, RunPlan, SkippedTask, Task, TrialKey

CONNECT_S = 3.0
"""A server that does not answer within this is asked again when its turn comes."""
MAX_NAMED = 3


def announce(keys: Sequence[TrialKey], tasks: Mapping[str, Task], budget: TimeBudget, left: TimeLeft) -> str:
    """How much a run asks of its models, and about how long; tool loops decide for themselves when they end."""
    requests = sum(sum(tasks[key.task].clients) or len(tasks[key.task].turns) for key in keys)
    models, limit = len({key.model for key in keys}), f"{budget.words} " if budget.words else ""
    whose = f"{models} model{'' if models == 1 else 's'}{budget.pass_words}"
    counts = f"{limit}{len(keys):,} trials of {whose}, at least {requests:,} requests"
    return f"to record: {counts}{left.forecast}{budget.look_words}"


def expect_skips(
    servers: Sequence[ServerHandle], tasks: Sequence[Task], earlier: EarlierRun | None
) -> tuple[list[str], dict[str, Problem]]:
    """A line for each model that will skip some of the tasks, and by label those that would skip every task."""
    lines, problems = list[str](), dict[str, Problem]()
    for server in servers:
        needs = context_needs([task for task in tasks if is_asked(server.model, task)], 0, agent_tokens(server.model))
        context, is_current = next(_known_contexts(server, earlier), (None, False))
        skipped = skip_oversized_tasks(needs, context)
        if skipped and len(skipped) == len(needs) and is_current:
            problems[server.model.label] = nothing_fits(server.model, skipped, server.kind.context.setting)
        elif skipped:
            lines.append(_describe(server, skipped, len(needs)))
    return lines, problems


def lanes_left_out(plan: RunPlan) -> Iterator[str]:
    """A line for each lane that the design of a sequential run lacks, since the run lacks tasks of the lane."""
    if plan.design is None:
        return
    names = {lane.name for lane in plan.design.lanes}
    for lane in plan.lanes:
        missing = tasks_not_run(lane, plan.tasks)
        if missing and lane.name not in names:
            yield f"no look decides the lane {lane.name}: not in this run: {first_of(missing, MAX_NAMED)}"


def nothing_fits(model: Model, skipped: Sequence[SkippedTask], setting: str | None) -> Problem:
    """A model that is sent nothing at all: that is a setting to mend, and no result."""
    needed = min(skip.required_tokens for skip in skipped)
    beside = f"; of each, {agent_tokens(model):,} are what {model.agent} sends beside the task" if model.agent else ""
    fix = f"serve it with at least {needed:,} tokens{f' ({setting})' if setting else ''}, or choose shorter tasks"
    if model.context_tokens is not None and model.context_tokens < needed:
        fix += f"; state them as context_tokens, which is {model.context_tokens:,}, and begin a new run"
    return Problem(
        f"model {model.label!r}: every task needs more context than the server has "
        f"({skipped[0].available_tokens:,} tokens){beside}",
        fix,
    )


def _known_contexts(server: ServerHandle, earlier: EarlierRun | None) -> Iterator[tuple[int, bool]]:
    """The context in tokens by each source that knows it, the best one first, and whether it holds for this run.

    Only a server that the run does not start itself is asked: the others have their context once they are loaded.
    """
    model = server.model
    if model.lifecycle is None and model.tunnel is None:
        asked = replace(server, timeouts=RequestTimeouts(CONNECT_S, CONNECT_S))
        try:
            list_models(asked)
            served = query_served_context(asked)
        except ServerError:
            served = None
        if served is not None:
            yield served, True
    if model.context_tokens is not None:
        yield model.context_tokens, True
    found = None if earlier is None else earlier.contexts.get(model.label)
    if found is not None:
        yield found, False


def _describe(server: ServerHandle, skipped: Sequence[SkippedTask], count: int) -> str:
    names = first_of((skip.task for skip in skipped), MAX_NAMED)
    needed = max(skip.required_tokens for skip in skipped)
    setting = server.kind.context.setting
    agent = server.model.agent
    beside = f" ({agent_tokens(server.model):,} of them for what {agent} sends beside a task)" if agent else ""
    return (
        f"{server.model.label} will skip {len(skipped)} of {count} tasks ({names}): its context has "
        f"{skipped[0].available_tokens:,} tokens; {needed:,} would do{beside}{f': {setting}' if setting else ''}"
    )
