"""Whether a server takes a prompt as long as a run's longest whole: two questions before the first trial.

A short prompt shows how many tokens the server counts in a character and that the model repeats a code word from the
prompt's front; a long one of the same text must then have as many in each, and its code word still be seen. Fewer
tokens prove a cut. A word that was lost, with all tokens counted, may be the model's weakness: it is only told.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.servers.probe.context_cap import cap_in, text_of
from harness.servers.probe.requests import CODE_WORD, SHORT_CHARS, long_question
from harness.servers.probe.run import ask, filler
from harness.servers.probe.stream import ProbeReply, finding, hear
from harness.servers.query import ServerHandle
from harness.types import LONG_PROMPT, ProbeFinding

WHOLE, CUT, REFUSED, FRONT_LOST = "whole", "cut", "refused", "front lost"
WORTH_CHARS = 2 * SHORT_CHARS
"""Below this a prompt fits every server, and two counts could not be told apart."""
CUT_SHARE = 0.85
"""Of the tokens expected: the template around a short prompt weighs more than that around a long one."""


@dataclass(frozen=True, slots=True)
class LongPromptCheck:
    """What the two questions showed: `cap_tokens` is how many tokens of the prompt were left where it was cut."""

    finding: ProbeFinding
    cap_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class CodeWordReply:
    """A question's reply with the characters that it asked."""

    heard: ProbeReply
    chars: int

    @property
    def tokens(self) -> int | None:
        """Tokens that the server counts in the prompt; None where it tells none."""
        usage = self.heard.reading.usage
        if usage is None or not usage.prompt_tokens:
            return None
        return usage.prompt_tokens + (usage.cached_tokens or 0)

    @property
    def tokens_per_char(self) -> float | None:
        """Tokens in a character; None where the server tells none."""
        return None if self.tokens is None else self.tokens / self.chars

    @property
    def word_seen(self) -> bool:
        """Whether the code word from the prompt's front is in the reply."""
        return CODE_WORD in (self.heard.reading.content + self.heard.reading.reasoning).lower()


def ask_code_word(asked: ServerHandle, chars: int = SHORT_CHARS) -> CodeWordReply:
    """Ask for the code word at the front of a prompt of so many characters. Raises ServerError: no connection."""
    question = long_question(asked.kind, asked.model.model, filler(), chars)
    sent = sum(len(message["content"]) for message in question.body["messages"])
    return CodeWordReply(hear(ask(asked, question)), sent)


def _finding(live: str | None, note: str) -> ProbeFinding:
    return finding(LONG_PROMPT, WHOLE, live, note)


def check_long_prompt(short: CodeWordReply, long: CodeWordReply) -> LongPromptCheck:
    """What the replies to the short and to the long prompt say of the long one. Pure."""
    counted = "the server counts no tokens"
    if short.tokens_per_char is not None and long.tokens is not None:
        expected = round(short.tokens_per_char * long.chars)
        counted = f"{long.tokens} tokens counted of some {expected} sent"
        if long.tokens < CUT_SHARE * expected:
            return LongPromptCheck(_finding(CUT, counted), long.tokens)
    error = long.heard.reading.error
    if error is not None:
        told = f"{long.chars} characters: {error.message[:120]}"
        overflow = error.kind == "context_overflow"
        return LongPromptCheck(
            _finding(REFUSED if overflow else None, told), cap_in(text_of(long.heard)) if overflow else None
        )
    if long.word_seen:
        return LongPromptCheck(_finding(WHOLE, f"{counted}; the code word at its front was repeated"))
    if short.word_seen:
        return LongPromptCheck(
            _finding(FRONT_LOST, f"{counted}; the code word at its front was repeated of a short prompt only")
        )
    live = None if long.tokens is None or short.tokens is None else WHOLE
    return LongPromptCheck(_finding(live, f"{counted}; the model repeats the code word of a short prompt neither"))
