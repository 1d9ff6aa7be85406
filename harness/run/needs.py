"""How much of a model's context each task needs, before anything was counted: `context_needs`.

What a server takes of it is decided in `servers.fit_tasks`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from harness.servers import ContextNeed, compute_max_tokens
from harness.tasks import vary
from harness.types import Task


def context_needs(tasks: Iterable[Task], thinking_tokens: int, agent_tokens: int = 0) -> list[ContextNeed]:
    """The need of each task.

    `agent_tokens` are what an agent sends beside the task: its system prompt and its tools.
    """
    needs = (_context_need(task, thinking_tokens) for task in tasks)
    return [replace(need, answer_tokens=need.answer_tokens + agent_tokens) for need in needs]


def _context_need(task: Task, thinking_tokens: int) -> ContextNeed:
    """The need of a task: its turns add up in one conversation, unless each turn begins a new one."""
    variant = vary(task, 0)
    turns = [len(turn.encode("utf-8")) for turn in variant.turns]
    answers = 1 if task.separate else len(turns)
    prompt_bytes = len(variant.system.encode("utf-8")) + (max(turns) if task.separate else sum(turns))
    answer_tokens = answers * task.budget_tokens
    thinking_tokens = compute_max_tokens(task, thinking_tokens) - task.budget_tokens
    return ContextNeed(task.name, prompt_bytes, answer_tokens, answers=answers, thinking_tokens=thinking_tokens)
