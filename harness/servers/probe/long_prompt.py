"""Checks whether a server takes a prompt as long as the run's longest in full, by two requests before the first trial.

A short prompt shows how many tokens the server counts per character, and that the model repeats a code word from the
beginning of the prompt. A long prompt of the same text must have as many tokens per character, and its code word must
be repeated too. Fewer tokens prove truncation. A code word that is lost although all tokens were counted may be the
model's weakness: it is reported and skips no task.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.apis import get_api
from harness.record import Client
from harness.servers.probe.context_cap import cap_in_error, sent_text
from harness.servers.probe.requests import CODE_WORD, SHORT_CHARS, build_long_request
from harness.servers.probe.run import read_filler, send
from harness.servers.probe.stream import ProbeReply, compare, read_reply
from harness.servers.query import ServerHandle
from harness.types import LONG_PROMPT, ProbeFinding

COMPLETE, TRUNCATED, REJECTED, BEGINNING_IGNORED = "complete", "truncated", "rejected", "read without its beginning"
MIN_LONG_CHARS = 2 * SHORT_CHARS
"""A shorter prompt fits every server, and its token count would be too close to that of the short prompt."""
MIN_SHARE_OF_EXPECTED_TOKENS = 0.85
"""Of the expected tokens. Not 1: the chat template has a larger share of a short prompt than of a long one."""


@dataclass(frozen=True, slots=True)
class LongPromptCheck:
    """The result of the two requests; `effective_context_tokens`: how many tokens the server kept or allows."""

    finding: ProbeFinding
    effective_context_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class CodeWordReply:
    """The reply to a request for the code word, and the number of characters in the request."""

    reply: ProbeReply
    chars: int

    @property
    def tokens(self) -> int | None:
        """The prompt tokens that the server counted; None if it reports none."""
        usage = self.reply.reading.usage
        if usage is None or not usage.prompt_tokens:
            return None
        return usage.prompt_tokens + (usage.cached_tokens or 0)

    @property
    def tokens_per_char(self) -> float | None:
        """None if the server reports no tokens."""
        return None if self.tokens is None else self.tokens / self.chars

    @property
    def repeats_code_word(self) -> bool:
        """Whether the reply contains the code word."""
        return CODE_WORD in self.reply.text.lower()


def ask_code_word(server: ServerHandle, client: Client, chars: int = SHORT_CHARS) -> CodeWordReply:
    """Ask for the code word at the beginning of a prompt of `chars` characters. Raises ServerError: no connection."""
    request = build_long_request(server.kind, server.model, read_filler(), chars)
    sent_chars = get_api(server.model.api).prompt_chars(request.body) or chars
    return CodeWordReply(read_reply(send(server, client, request)), sent_chars)


def check_long_prompt(short: CodeWordReply, long: CodeWordReply) -> LongPromptCheck:
    """Compare the replies to the short and to the long prompt."""
    counted = "the server reports no token count"
    if short.tokens_per_char is not None and long.tokens is not None:
        expected = round(short.tokens_per_char * long.chars)
        counted = f"{long.tokens} tokens counted of about {expected} sent"
        if long.tokens < MIN_SHARE_OF_EXPECTED_TOKENS * expected:
            return LongPromptCheck(_finding(TRUNCATED, counted), long.tokens)
    if long.reply.reading.error is not None:
        return _failed_check(long)
    return LongPromptCheck(_code_word_finding(short, long, counted))


def _failed_check(long: CodeWordReply) -> LongPromptCheck:
    """The long prompt ended in an error: a rejection if it was too long, else nothing is known."""
    error = long.reply.reading.error
    note = f"{long.chars} characters: {error.message[:120] if error else ''}"
    if error is None or error.kind != "context_overflow":
        return LongPromptCheck(_finding(None, note))
    return LongPromptCheck(_finding(REJECTED, note), cap_in_error(sent_text(long.reply)))


def _code_word_finding(short: CodeWordReply, long: CodeWordReply, counted: str) -> ProbeFinding:
    if long.repeats_code_word:
        return _finding(COMPLETE, f"{counted}; the model repeated the code word at its beginning")
    if short.repeats_code_word:
        return _finding(BEGINNING_IGNORED, f"{counted}; the model repeated the code word of a short prompt only")
    observed = None if long.tokens is None or short.tokens is None else COMPLETE
    return _finding(observed, f"{counted}; the model did not repeat the code word even for the short prompt")


def _finding(observed: str | None, note: str) -> ProbeFinding:
    return compare(LONG_PROMPT, COMPLETE, observed, note)
