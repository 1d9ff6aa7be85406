"""Which answer belongs to which prompt: every variant of every task, found by the digest of what is asked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.demo.simulated_models import Voice
from harness.files import sha256_of
from harness.tasks import vary
from harness.types import Json, Task, Variant, WrongAnswer

NONCE = "{{nonce}}"
_FRONT = re.compile(r"\A\[([0-9a-f]{4,})\]\n")
_CODE_WORD = re.compile(r"^The code word is (\w+)\.")
"""At the front of the prompt by which a run looks whether a server keeps it whole."""
_SENTENCES = (
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
    """What can be said to one prompt: the right reply of this turn and the wrong ones."""

    task: str
    variant: int
    right: str
    wrong: tuple[str, ...]

    def said_by(self, voice: Voice) -> str:
        """The reply that a voice gives."""
        if voice_fails(voice, self.task, self.variant) and self.wrong:
            return self.wrong[self.variant % len(self.wrong)]
        return self.right


def voice_fails(voice: Voice, task: str, variant: int) -> bool:
    """Whether a voice gets this variant of a task wrong."""
    return task in voice.fails and variant % 3 != 0


def thought_of(tokens: int) -> str:
    """A thought that is long enough for so many tokens; the same every time."""
    sentences = [_SENTENCES[at % len(_SENTENCES)] for at in range(tokens // 8 + 1)]
    return " ".join(sentences)


def without_nonce(texts: Sequence[str]) -> list[str]:
    """The texts of a conversation with its nonce taken off the front and put back as the mark that it replaced."""
    found = _FRONT.match(texts[0]) if texts else None
    if found is None:
        return list(texts)
    return [texts[0][found.end() :].replace(found[1], NONCE), *(one.replace(found[1], NONCE) for one in texts[1:])]


def _digest(texts: Sequence[str]) -> str:
    return sha256_of("\0".join(texts))


def asked_texts(messages: Sequence[Mapping[str, Json]]) -> list[str]:
    """The texts of a request's system and user messages, in order; its assistant messages count for nothing."""
    return [text_of(message) for message in messages if message.get("role") in ("system", "user")]


def text_of(message: Mapping[str, Json]) -> str:
    """A message's text, whether it is one string or a list of parts."""
    content = message.get("content")
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        return "".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else ""


def turns_answered(messages: Sequence[Mapping[str, Json]]) -> int:
    """How many replies with tool calls stand in a conversation: the next one is the tool task's next reply."""
    return sum(message.get("role") == "assistant" and bool(message.get("tool_calls")) for message in messages)


def _usable(wrong: WrongAnswer, replies: int) -> bool:
    return wrong.finish_reason == "stop" and len(wrong.replies) == replies


def _answers_of(variant: Variant) -> Iterator[tuple[tuple[str, int], Answer]]:
    tools = variant.task.tool_loop
    replies = len(variant.solution if tools else variant.turns)
    wrong = [one for one in variant.wrong_answers if _usable(one, replies)]
    for turn in range(replies):
        answer = Answer(
            task=variant.task.name,
            variant=variant.index,
            right=variant.solution[turn],
            wrong=tuple(one.replies[turn] for one in wrong),
        )
        first = turn if variant.task.separate else 0
        asked = [variant.system, *variant.turns[first : turn + 1]]
        yield (_digest(asked), turn if tools else 0), answer


def variants_of(tasks: Sequence[Task]) -> Iterator[Variant]:
    """Every variant of every task."""
    for task in tasks:
        for index in range(max(1, len(task.variants))):
            yield vary(task, index)


class Answers:
    """The answers to every prompt of the variants that it was made from."""

    def __init__(self, variants: Iterable[Variant]) -> None:
        """Where two prompts are the same the first answer stands."""
        self._by_digest: dict[tuple[str, int], Answer] = {}
        for variant in variants:
            for place, answer in _answers_of(variant):
                self._by_digest.setdefault(place, answer)

    def find(self, messages: Sequence[Mapping[str, Json]]) -> Answer | None:
        """The answer to a conversation's last question, None for one that neither a task asks nor a run."""
        texts = asked_texts(messages)
        word = next(filter(None, map(_CODE_WORD.match, texts)), None)
        if word is not None:
            return Answer("code word", 0, word[1], ())
        return self._by_digest.get((_digest(without_nonce(texts)), turns_answered(messages)))
