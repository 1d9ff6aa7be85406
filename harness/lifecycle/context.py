"""Which tasks do not fit into the context that a server gives: a rule, so that skipping is no judgement. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from harness.types import Skipped

BYTES_PER_TOKEN = 4.0
RESERVE = 1.1


@dataclass(frozen=True, slots=True)
class Need:
    """What a task asks for: the bytes of all its prompts, and the tokens of its answers with room for thoughts."""

    task: str
    prompt_bytes: int
    answer_tokens: int

    @property
    def tokens(self) -> int:
        """Four bytes a token, a tenth more, and the answers; what the real tokenizer says is known only afterwards."""
        return math.ceil(self.prompt_bytes / BYTES_PER_TOKEN * RESERVE) + self.answer_tokens


def skip_what_does_not_fit(needs: Iterable[Need], served_tokens: int | None) -> tuple[Skipped, ...]:
    """The tasks that need more than is served; none where the served context is unknown."""
    if served_tokens is None:
        return ()
    return tuple(Skipped(one.task, one.tokens, served_tokens) for one in needs if one.tokens > served_tokens)
