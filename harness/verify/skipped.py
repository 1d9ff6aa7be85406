"""Checks that a model skipped, or cut the budgets of, exactly the tasks that do not fit its served context.

`check_skipped` estimates each task's need again, as before the first trial. What it takes from the result, the context
and the tokens per character, must not contradict the prompts that the model was sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from harness import __version__
from harness.agents import agent_tokens, load_agents
from harness.run import context_needs
from harness.servers import ContextNeed, cut_thinking_budgets, load_kinds, skip_oversized_tasks
from harness.summarize import is_asked
from harness.types import Finding, ModelInfo, Outcome, Severity, SkippedTask, Task, TrialResult, TurnResult
from harness.verify.evidence import Evidence, same_task
from harness.verify.requests import stated_allowance

MAX_TOKENS_PER_CHAR_RATIO = 1.5
"""By how much the count before the first trial may exceed that of any prompt: its short prompt has a larger share of
the chat template's tokens."""


@dataclass(frozen=True, slots=True)
class _Run:
    """What all models of a result share: its tasks, those known locally, the trials of each model.

    `needs` keeps what the known tasks need, by the budget for thinking and the agent: a result may list many models.
    """

    task_names: set[str]
    known: Sequence[Task]
    thinking_tokens: int
    trials: dict[str, list[TrialResult]] = field(default_factory=dict)
    needs: dict[tuple[int, str | None], list[ContextNeed]] = field(default_factory=dict)

    def needs_of(self, model: ModelInfo) -> list[ContextNeed]:
        """What each known task needs of a model's context, by what its server counted."""
        allowance = stated_allowance(model, self.thinking_tokens)
        key = (allowance, model.agent)
        if key not in self.needs:
            asked = [task for task in self.known if is_asked(model, task)]
            self.needs[key] = context_needs(asked, allowance, agent_tokens(model))
        return [replace(need, tokens_per_byte=model.tokens_per_char) for need in self.needs[key]]


def check_skipped(evidence: Evidence) -> Iterator[Finding]:
    """The skipped tasks of each model are those that need more tokens than its server's context has."""
    result = evidence.result
    # Another version of the kit may estimate a task's need in another way.
    severity: Severity = "error" if result.kit.version == __version__ else "inconclusive"
    known = [task for info in result.tasks if (task := same_task(evidence, info.name)) is not None]
    run = _Run({task.name for task in result.tasks}, known, result.run.thinking_tokens)
    for trial in result.trials:
        run.trials.setdefault(trial.model, []).append(trial)
    for at, model in enumerate(result.models):
        location = evidence.location(f"$.models[{at}].skipped")
        for text in _problems(run, model):
            yield Finding("skipped", location, f"{model.label}: {text}", severity)
        if model.agent is not None and model.agent not in load_agents():
            message = (
                f"{model.label}: no agent {model.agent!r} is known locally, so its skipped tasks cannot be checked"
            )
            yield Finding("skipped", location, message, "inconclusive")


def _problems(run: _Run, model: ModelInfo) -> Iterator[str]:
    """A model that was stopped before its tasks were measured has neither trials nor skipped tasks."""
    names = [skip.task for skip in model.skipped]
    if len(set(names)) < len(names) or not set(names) <= run.task_names:
        yield "a skipped task is listed twice or is no task of the run"
        return
    trials = run.trials.get(model.label, [])
    available = model.served_context_tokens if model.served_context_tokens is not None else model.context_tokens
    if model.skipped:
        yield from _contradictions(model, trials, available)
    if (
        model.server not in load_kinds()
        or (model.agent or "") not in {"", *load_agents()}
        or not (model.skipped or trials)
    ):
        return
    stated = {skip.task: skip for skip in model.skipped}
    needs = run.needs_of(model)
    expected = {skip.task: skip for skip in skip_oversized_tasks(needs, available)}
    for task in (need.task for need in needs):
        if stated.get(task) != expected.get(task):
            given = _describe(task, expected.get(task))
            yield f"{_describe(task, stated.get(task))}; its prompt and the context give: {given}"
    yield from _wrong_cuts(model, needs, available)


def _wrong_cuts(model: ModelInfo, needs: Sequence[ContextNeed], available: int | None) -> Iterator[str]:
    """The budgets for thinking that are not cut to the context, or cut without need."""
    stated = {cut.task: cut.thinking_tokens for cut in model.cut_budgets}
    expected = {cut.task: cut.thinking_tokens for cut in cut_thinking_budgets(needs, available)}
    for task in (need.task for need in needs):
        if stated.get(task) != expected.get(task):
            values = [name.get(task, "all") for name in (stated, expected)]
            yield f"{task} states {values[0]} of its tokens for thinking; its prompt and the context give: {values[1]}"


def _contradictions(model: ModelInfo, trials: Sequence[TrialResult], available: int | None) -> Iterator[str]:
    """What the model's own prompts say against the context, or against the count that a task was skipped by."""
    whole = [turn for trial in trials if trial.outcome is not Outcome.TRUNCATED_IN for turn in trial.turns]
    longest = max(map(_min_prompt_tokens, whole), default=0)
    if available is not None and longest > available:
        yield f"a prompt had {longest} tokens, more than the {available} by which tasks were skipped"
    ratios = [_max_prompt_tokens(turn) / turn.prompt_chars for turn in whole if turn.prompt_chars]
    highest = max(ratios, default=0.0)
    if model.tokens_per_char is not None and 0 < highest * MAX_TOKENS_PER_CHAR_RATIO < model.tokens_per_char:
        yield f"{model.tokens_per_char:.3g} tokens per character are stated, its prompts had at most {highest:.3g}"


def _min_prompt_tokens(turn: TurnResult) -> int:
    """The tokens that a prompt has at least: the cached ones are part of it."""
    usage = turn.usage
    return 0 if usage is None else max(usage.prompt_tokens or 0, usage.cached_tokens or 0)


def _max_prompt_tokens(turn: TurnResult) -> int:
    """The tokens that a prompt has at most: a server may have left the cached ones out of its count."""
    usage = turn.usage
    return 0 if usage is None or not usage.prompt_tokens else usage.prompt_tokens + (usage.cached_tokens or 0)


def _describe(task: str, skip: SkippedTask | None) -> str:
    if skip is None:
        return f"{task} is not skipped"
    return f"{task} is skipped, needs {skip.required_tokens} tokens of {skip.available_tokens}"
