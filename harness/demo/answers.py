"""Lookup of the answers to a prompt: every variant of every task, indexed by a digest of its prompt."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.demo.simulated_models import SimulatedModel
from harness.files import sha256_of
from harness.tasks import vary
from harness.types import Json, Task, Variant, WrongAnswer

NONCE = "{{nonce}}"
_LEADING_NONCE = re.compile(r"\A\[([0-9a-f]{4,})\]\n")
_CODE_WORD = re.compile(r"^The code word is (\w+)\.")
"""The start of the prompt that a run sends to find out whether a server truncates prompts."""
_REASONING_SENTENCES = (
    "First I look at what is asked and at what must stay as it is.",
    "The names in the question are the names that the answer has to use.",
    "I go through the smallest input by hand, then through an empty one.",
    "An index that starts at one is not an index that starts at zero, so I check both ends.",
    "Nothing beyond the question should change, or a check that passes today would fail.",
    "I compare two ways to write it and keep the one with fewer special cases.",
    "Then I read the result once more as if somebody else had written it.",
)


@dataclass(frozen=True, slots=True)
class Answer:
    """The correct reply to one prompt, and wrong ones."""

    task: str
    variant: int
    right: str
    wrong: tuple[str, ...]

    def reply_of(self, model: SimulatedModel) -> str:
        """The reply that a simulated model gives."""
        if fails_variant(model, self.task, self.variant) and self.wrong:
            return self.wrong[self.variant % len(self.wrong)]
        return self.right


def fails_variant(model: SimulatedModel, task: str, variant: int) -> bool:
    """Whether a simulated model fails this variant of a task."""
    return task in model.fails and variant % 3 != 0


def filler_reasoning(tokens: int) -> str:
    """Reasoning text of at least this many tokens; the same on every call."""
    count = tokens // 8 + 1
    return " ".join(_REASONING_SENTENCES[number % len(_REASONING_SENTENCES)] for number in range(count))


def without_nonce(texts: Sequence[str]) -> list[str]:
    """Remove the nonce line from the first text, and restore the placeholder wherever the nonce replaced it."""
    match = _LEADING_NONCE.match(texts[0]) if texts else None
    if match is None:
        return list(texts)
    nonce = match[1]
    return [texts[0][match.end() :].replace(nonce, NONCE), *(text.replace(nonce, NONCE) for text in texts[1:])]


def _digest(texts: Sequence[str]) -> str:
    return sha256_of("\0".join(texts))


def prompt_texts(messages: Sequence[Mapping[str, Json]]) -> list[str]:
    """The texts of the system and user messages in order; replies of the assistant do not identify a prompt."""
    return [message_text(message) for message in messages if message.get("role") in ("system", "user")]


def message_text(message: Mapping[str, Json]) -> str:
    """The text of a message, whose content is a string or a list of parts."""
    content = message.get("content")
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        return "".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else ""


def count_tool_turns(messages: Sequence[Mapping[str, Json]]) -> int:
    """The number of assistant messages with tool calls, which is the index of a tool task's next reply."""
    return sum(message.get("role") == "assistant" and bool(message.get("tool_calls")) for message in messages)


def _is_usable(wrong: WrongAnswer, replies: int) -> bool:
    return wrong.finish_reason == "stop" and len(wrong.replies) == replies


def _answers_of(variant: Variant) -> Iterator[tuple[tuple[str, int], Answer]]:
    """Each answer of a variant with its key: the digest of the prompt, and the index of a tool task's reply."""
    uses_tools = variant.task.tool_loop
    replies = len(variant.solution if uses_tools else variant.turns)
    wrong = [candidate for candidate in variant.wrong_answers if _is_usable(candidate, replies)]
    for turn in range(replies):
        answer = Answer(
            task=variant.task.name,
            variant=variant.index,
            right=variant.solution[turn],
            wrong=tuple(candidate.replies[turn] for candidate in wrong),
        )
        first = turn if variant.task.separate else 0
        prompt = [variant.system, *variant.turns[first : turn + 1]]
        yield (_digest(prompt), turn if uses_tools else 0), answer


def all_variants(tasks: Sequence[Task]) -> Iterator[Variant]:
    """Every variant of every task."""
    for task in tasks:
        for index in range(max(1, len(task.variants))):
            yield vary(task, index)


class Answers:
    """The answers to all prompts of the given variants."""

    def __init__(self, variants: Iterable[Variant]) -> None:
        """Of variants with the same prompt the first one wins."""
        self._by_prompt: dict[tuple[str, int], Answer] = {}
        for variant in variants:
            for key, answer in _answers_of(variant):
                self._by_prompt.setdefault(key, answer)

    def find(self, messages: Sequence[Mapping[str, Json]]) -> Answer | None:
        """The answer to the last message of a conversation; None for an unknown prompt."""
        texts = prompt_texts(messages)
        code_word = next(filter(None, map(_CODE_WORD.match, texts)), None)
        if code_word is not None:
            return Answer("code word", 0, code_word[1], ())
        return self._by_prompt.get((_digest(without_nonce(texts)), count_tool_turns(messages)))
