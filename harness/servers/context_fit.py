"""Decide before the first trial which tasks fit the server's context, from the context size and one long test prompt.

`fit_tasks` sends the long prompt; `skip_oversized_tasks` and `cut_thinking_budgets` are the rules by themselves. A
budget for thinking is cut to the context before a task is skipped. What is skipped or cut is listed in the run.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from harness.record import Client
from harness.servers.probe import MIN_LONG_CHARS, ask_code_word, check_long_prompt
from harness.servers.query import MaySend, ServerHandle, always
from harness.types import CutBudget, ProbeFinding, SkippedTask

TOKENS_PER_BYTE = Fraction(11, 40)
"""The estimate before anything was counted: four bytes to a token, and a tenth more."""


@dataclass(frozen=True, slots=True)
class ContextNeed:
    """How much context a task needs: the bytes of its prompts, and the tokens of its answers without reasoning.

    `tokens_per_byte` is what the server counted in English prose, None if that was not measured. Each of the `answers`
    may have `thinking_tokens` more, as far as there is room.
    """

    task: str
    prompt_bytes: int
    answer_tokens: int
    tokens_per_byte: float | None = None
    answers: int = 1
    thinking_tokens: int = 0

    @property
    def tokens(self) -> int:
        """The estimated tokens; only the server's tokenizer knows the real number.

        Code has more tokens per byte than prose, so the server's count for prose may only raise the estimate.
        """

        estimate = math.ceil(self.prompt_bytes * TOKENS_PER_BYTE)
        counted = 0 if self.tokens_per_byte is None else math.ceil(self.prompt_bytes * self.tokens_per_byte)
        return max(estimate, counted) + self.answer_tokens


@dataclass(frozen=True, slots=True)
class ContextFit:
    """Which tasks a server cannot take or only with less thinking, and what a long prompt showed.

    `tokens_per_char` is what the server counted, `effective_context_tokens` how many tokens of the long prompt it kept
    or allows, at most those that it says it serves (None: no limit seen). `findings` is empty if no task has a long
    prompt.
    """

    skipped: tuple[SkippedTask, ...]
    cut_budgets: tuple[CutBudget, ...] = ()
    tokens_per_char: float | None = None
    effective_context_tokens: int | None = None
    findings: tuple[ProbeFinding, ...] = ()


def fit_tasks(
    server: ServerHandle,
    client: Client,
    needs: Sequence[ContextNeed],
    served_tokens: int | None,
    may_send: MaySend = always,
) -> ContextFit:
    """Skip the tasks that exceed the served context, then send a prompt as long as the longest of the others.

    Nothing is concluded from a reply after which `may_send` is False: it may have been cut. Raises ServerError if the
    server no longer answers.
    """
    skipped = skip_oversized_tasks(needs, served_tokens)
    if _max_prompt_bytes(needs, skipped) < MIN_LONG_CHARS or not may_send():
        return ContextFit(skipped, cut_thinking_budgets(needs, served_tokens))
    short = ask_code_word(server, client)
    tokens_per_char = short.tokens_per_char
    needs = [replace(need, tokens_per_byte=tokens_per_char) for need in needs]
    skipped = skip_oversized_tasks(needs, served_tokens)
    longest = _max_prompt_bytes(needs, skipped)
    is_due = longest >= MIN_LONG_CHARS and may_send()
    long = ask_code_word(server, client, longest) if is_due else None
    if long is None or not may_send():
        return ContextFit(skipped, cut_thinking_budgets(needs, served_tokens), tokens_per_char)
    check = check_long_prompt(short, long)
    cap = check.effective_context_tokens
    if cap is not None:
        cap = served_tokens = min(cap, served_tokens or cap)
        skipped = skip_oversized_tasks(needs, cap)
    return ContextFit(skipped, cut_thinking_budgets(needs, served_tokens), tokens_per_char, cap, (check.finding,))


def skip_oversized_tasks(needs: Iterable[ContextNeed], served_tokens: int | None) -> tuple[SkippedTask, ...]:
    """Return the tasks that need more tokens than are served; none if the served context is unknown."""
    if served_tokens is None:
        return ()
    return tuple(SkippedTask(need.task, need.tokens, served_tokens) for need in needs if need.tokens > served_tokens)


def cut_thinking_budgets(needs: Iterable[ContextNeed], served_tokens: int | None) -> tuple[CutBudget, ...]:
    """Return the tasks whose answers have less room for thinking than the run allows; the room is shared equally."""
    if served_tokens is None:
        return ()
    rooms = ((need, (served_tokens - need.tokens) // need.answers) for need in needs)
    return tuple(CutBudget(need.task, room) for need, room in rooms if 0 <= room < need.thinking_tokens)


def _max_prompt_bytes(needs: Sequence[ContextNeed], skipped: Sequence[SkippedTask]) -> int:
    skipped_tasks = {entry.task for entry in skipped}
    return max((need.prompt_bytes for need in needs if need.task not in skipped_tasks), default=0)
