"""Which tasks do not fit into the context that a server gives: a rule, so that skipping is no judgement. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from harness.types import Skipped

TOKENS, BYTES = 11, 40
"""Tokens for so many bytes of prompt: four bytes a token, and a tenth more."""


@dataclass(frozen=True, slots=True)
class Need:
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


def skip_what_does_not_fit(needs: Iterable[Need], served_tokens: int | None) -> tuple[Skipped, ...]:
    """The tasks that need more than is served; none where the served context is unknown."""
    if served_tokens is None:
        return ()
    return tuple(Skipped(one.task, one.tokens, served_tokens) for one in needs if one.tokens > served_tokens)
