"""Which tasks fit a model's server as it is now: by what it tells of its context, and by what it does to a long prompt.

A rule, so that what is left out is no judgement; it is listed with the run.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from harness.servers.probe import WORTH_CHARS, ask_code_word, check_long_prompt
from harness.servers.query import ServerHandle
from harness.servers.requests import compute_max_tokens
from harness.tasks import vary
from harness.types import ProbeFinding, SkippedTask, Task

TOKENS, BYTES = 11, 40
"""Tokens for so many bytes of prompt: four bytes a token, and a tenth more."""


@dataclass(frozen=True, slots=True)
class ContextNeed:
    """What a task asks for: the bytes of all its prompts, and the tokens of its answers with room for thoughts."""

    task: str
    prompt_bytes: int
    answer_tokens: int
    tokens_per_byte: float | None = None

    @property
    def tokens(self) -> int:
        """A guess from the bytes, and the answers; what the real tokenizer makes of them is known only afterwards.

        `tokens_per_byte` is what the server counted in prose: of code it counts more, so it only raises the guess.
        """
        least = -(-self.prompt_bytes * TOKENS // BYTES)
        counted = 0 if self.tokens_per_byte is None else math.ceil(self.prompt_bytes * self.tokens_per_byte)
        return max(least, counted) + self.answer_tokens


def skip_oversized_tasks(needs: Iterable[ContextNeed], served_tokens: int | None) -> tuple[SkippedTask, ...]:
    """The tasks that need more than is served; none where the served context is unknown."""
    if served_tokens is None:
        return ()
    return tuple(SkippedTask(one.task, one.tokens, served_tokens) for one in needs if one.tokens > served_tokens)


@dataclass(frozen=True, slots=True)
class ContextFit:
    """What a server takes: the tasks left out, and the tokens that it counts in a character.

    `findings` are what a long prompt showed, empty where no task's is long; `cap_tokens` how much of it was left.
    """

    skipped: tuple[SkippedTask, ...]
    tokens_per_char: float | None = None
    cap_tokens: int | None = None
    findings: tuple[ProbeFinding, ...] = ()


def _need(task: Task, asked: ServerHandle, thinking_tokens: int) -> ContextNeed:
    """What a task needs of the context: every turn's answer stays in it, unless each begins a conversation anew."""
    variant = vary(task, 0)
    turns = [len(turn.encode("utf-8")) for turn in variant.turns]
    separate = task.separate
    answers = 1 if separate else len(turns)
    prompts = len(variant.system.encode("utf-8")) + (max(turns) if separate else sum(turns))
    return ContextNeed(task.name, prompts, answers * compute_max_tokens(asked.model, asked.kind, task, thinking_tokens))


def _longest_bytes(needs: Sequence[ContextNeed], skipped: Sequence[SkippedTask]) -> int:
    out = {one.task for one in skipped}
    return max((need.prompt_bytes for need in needs if need.task not in out), default=0)


def fit_tasks(
    asked: ServerHandle, tasks: Sequence[Task], served_tokens: int | None, thinking_tokens: int
) -> ContextFit:
    """Ask the server for a prompt as long as the longest of these tasks, where one is long, and leave out what it
    cannot take. Raises ServerError where it does not answer any more.
    """
    needs = [_need(task, asked, thinking_tokens) for task in tasks]
    skipped = skip_oversized_tasks(needs, served_tokens)
    if _longest_bytes(needs, skipped) < WORTH_CHARS:
        return ContextFit(skipped)
    short = ask_code_word(asked)
    density = short.tokens_per_char
    needs = [replace(need, tokens_per_byte=density) for need in needs]
    skipped = skip_oversized_tasks(needs, served_tokens)
    longest = _longest_bytes(needs, skipped)
    if longest < WORTH_CHARS:
        return ContextFit(skipped, density)
    front = check_long_prompt(short, ask_code_word(asked, longest))
    cap = front.cap_tokens
    if cap is not None:
        skipped = skip_oversized_tasks(needs, min(cap, served_tokens or cap))
    return ContextFit(skipped, density, cap, (front.finding,))
