"""Which tasks fit a model's server as it is now: by what it tells of its context, and by what it does to a long prompt.

A rule, so that what is left out is no judgement; it is listed with the run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness import lifecycle
from harness.converse import budget_tokens
from harness.enquire import Asked
from harness.lifecycle import Need
from harness.plan import SEPARATE
from harness.probe import WORTH_CHARS, ask_front, judge_front
from harness.tasks import vary
from harness.types import Finding, Skipped, Task


@dataclass(frozen=True, slots=True)
class Fit:
    """What a server takes: the tasks left out, and the tokens that it counts in a character.

    `findings` are what a long prompt showed, empty where no task's is long; `cap_tokens` how much of it was left.
    """

    skipped: tuple[Skipped, ...]
    tokens_per_char: float | None = None
    cap_tokens: int | None = None
    findings: tuple[Finding, ...] = ()


def _need(task: Task, asked: Asked, thinking_tokens: int) -> Need:
    """What a task needs of the context: every turn's answer stays in it, unless each begins a conversation anew."""
    variant = vary(task, 0)
    turns = [len(turn.encode("utf-8")) for turn in variant.turns]
    separate = bool(task.settings.get(SEPARATE))
    answers = 1 if separate else len(turns)
    prompts = len(variant.system.encode("utf-8")) + (max(turns) if separate else sum(turns))
    return Need(task.name, prompts, answers * budget_tokens(asked.model, asked.kind, task, thinking_tokens))


def _longest_bytes(needs: Sequence[Need], skipped: Sequence[Skipped]) -> int:
    out = {one.task for one in skipped}
    return max((need.prompt_bytes for need in needs if need.task not in out), default=0)


def fit(asked: Asked, tasks: Sequence[Task], served_tokens: int | None, thinking_tokens: int) -> Fit:
    """Ask the server for a prompt as long as the longest of these tasks, where one is long, and leave out what it
    cannot take. Raises ServerError where it does not answer any more.
    """
    needs = [_need(task, asked, thinking_tokens) for task in tasks]
    skipped = lifecycle.skip_what_does_not_fit(needs, served_tokens)
    if _longest_bytes(needs, skipped) < WORTH_CHARS:
        return Fit(skipped)
    short = ask_front(asked)
    density = short.tokens_per_char
    needs = [replace(need, tokens_per_byte=density) for need in needs]
    skipped = lifecycle.skip_what_does_not_fit(needs, served_tokens)
    longest = _longest_bytes(needs, skipped)
    if longest < WORTH_CHARS:
        return Fit(skipped, density)
    front = judge_front(short, ask_front(asked, longest))
    cap = front.cap_tokens
    if cap is not None:
        skipped = lifecycle.skip_what_does_not_fit(needs, min(cap, served_tokens or cap))
    return Fit(skipped, density, cap, (front.finding,))
