"""Checks that a model skipped exactly the tasks that do not fit: by the prompts' sizes and the served context.

`check_skipped` estimates each task's need again, as before the first trial. What it takes from the result, the context
and the tokens per character, must not contradict the prompts that the model was sent.
"""

from __future__ import annotations

from collections.abc import Iterator

from harness import __version__
from harness.servers import context_needs, get_server_kind, load_kinds, skip_oversized_tasks
from harness.types import Finding, ModelInfo, Outcome, Severity, SkippedTask, TurnResult
from harness.verify.evidence import Evidence, same_task
from harness.verify.requests import configured_model

MAX_TOKENS_PER_CHAR_RATIO = 1.5
"""By how much the count before the first trial may exceed that of any prompt: its short prompt has a larger share of
the chat template's tokens."""


def check_skipped(evidence: Evidence) -> Iterator[Finding]:
    """The skipped tasks of each model are those that need more tokens than its server's context has."""
    # Another version of the kit may estimate a task's need in another way.
    severity: Severity = "error" if evidence.result.kit.version == __version__ else "inconclusive"
    for at, model in enumerate(evidence.result.models):
        location = evidence.location(f"$.models[{at}].skipped")
        for text in _problems(evidence, model):
            yield Finding("skipped", location, f"{model.label}: {text}", severity)


def _problems(evidence: Evidence, model: ModelInfo) -> Iterator[str]:
    available = model.served_context_tokens if model.served_context_tokens is not None else model.context_tokens
    names = [skip.task for skip in model.skipped]
    if len(set(names)) < len(names) or not set(names) <= {task.name for task in evidence.result.tasks}:
        yield "a skipped task is listed twice or is no task of the run"
        return
    if model.skipped:
        yield from _contradictions(evidence, model, available)
    if model.server not in load_kinds():
        return
    stated = {skip.task: skip for skip in model.skipped}
    for task, expected in _expected(evidence, model, available).items():
        if stated.get(task) != expected:
            yield f"{_describe(task, stated.get(task))}; its prompt and the context give: {_describe(task, expected)}"


def _expected(evidence: Evidence, model: ModelInfo, available: int | None) -> dict[str, SkippedTask | None]:
    """What the run had to decide about each task that is known locally, where anything of the model was run.

    A model that was stopped before its tasks were measured skipped none.
    """
    known = [task for info in evidence.result.tasks if (task := same_task(evidence, info.name)) is not None]
    was_run = any(trial.model == model.label for trial in evidence.result.trials)
    if not was_run and not model.skipped:
        return {}
    thinking_tokens, kind = evidence.result.run.thinking_tokens, get_server_kind(model.server)
    needs = context_needs(configured_model(model), kind, known, thinking_tokens, model.tokens_per_char)
    skipped = {skip.task: skip for skip in skip_oversized_tasks(needs, available)}
    return {task.name: skipped.get(task.name) for task in known}


def _contradictions(evidence: Evidence, model: ModelInfo, available: int | None) -> Iterator[str]:
    """What the model's own prompts say against the context, or against the count that a task was skipped by."""
    trials = [trial for trial in evidence.result.trials if trial.model == model.label]
    whole = [turn for trial in trials if trial.outcome is not Outcome.TRUNCATED_IN for turn in trial.turns]
    longest = max(map(_prompt_tokens, whole), default=0)
    if available is not None and longest > available:
        yield f"a prompt had {longest} tokens, more than the {available} by which tasks were skipped"
    ratios = [_prompt_tokens(turn) / turn.prompt_chars for turn in whole if turn.prompt_chars]
    highest = max(ratios, default=0.0)
    if model.tokens_per_char is not None and 0 < highest * MAX_TOKENS_PER_CHAR_RATIO < model.tokens_per_char:
        yield f"{model.tokens_per_char:.3g} tokens per character are stated, its prompts had at most {highest:.3g}"


def _prompt_tokens(turn: TurnResult) -> int:
    usage = turn.usage
    return 0 if usage is None or not usage.prompt_tokens else usage.prompt_tokens + (usage.cached_tokens or 0)


def _describe(task: str, skip: SkippedTask | None) -> str:
    if skip is None:
        return f"{task} is not skipped"
    return f"{task} is skipped, needs {skip.required_tokens} tokens of {skip.available_tokens}"
