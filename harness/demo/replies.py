"""What a simulated model says to one request, and when: pure, no sockets and no waiting."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.demo.answers import Answer, text_of, thought_of, turns_answered
from harness.demo.simulated_models import Voice
from harness.demo.tokens import count_tokens, split_tokens
from harness.tasks import split_reply
from harness.types import Json, ToolCall

CACHE_BLOCK_TOKENS = 16
CACHED_PROMPTS = 4


@dataclass(frozen=True, slots=True)
class Ask:
    """A checked request."""

    voice: Voice
    messages: tuple[Mapping[str, Json], ...]
    max_tokens: int | None
    thinking: bool
    stream: bool
    include_usage: bool
    tools: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """The tokens of a reply on its channels, why it ends, and what the prompt cost.

    `calls` are the pieces of its tool calls, one token each, in the form of a delta's `tool_calls`.
    """

    thought: tuple[str, ...]
    content: tuple[str, ...]
    finish_reason: str
    prompt_tokens: int
    cached_tokens: int
    calls: tuple[dict[str, Json], ...] = ()

    @property
    def completion_tokens(self) -> int:
        """Thoughts are counted like everything else that was generated."""
        return len(self.thought) + len(self.content) + len(self.calls)

    @property
    def usage(self) -> dict[str, Json]:
        """The usage object of the protocol."""
        return {
            "completion_tokens": self.completion_tokens,
            "prompt_tokens": self.prompt_tokens,
            "total_tokens": self.prompt_tokens + self.completion_tokens,
            "prompt_tokens_details": {"cached_tokens": self.cached_tokens},
        }

    def tokens(self) -> Iterator[dict[str, Json]]:
        """Each token as the delta that carries it."""
        for piece in self.thought:
            yield {"reasoning_content": piece}
        for piece in self.content:
            yield {"content": piece}
        for call in self.calls:
            yield {"tool_calls": [call]}


def _shared_chars(one: str, other: str) -> int:
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one.startswith(other[:middle]) else (low, middle - 1)
    return low


class PromptCache:
    """The last prompts of one model: what a new one shares with them, in whole blocks, need not be prefilled."""

    def __init__(self) -> None:
        """Starts cold."""
        self._texts: deque[str] = deque(maxlen=CACHED_PROMPTS)
        self._lock = threading.Lock()

    def shared_tokens(self, text: str) -> int:
        """Tokens of the longest beginning that a kept prompt has too."""
        with self._lock:
            shared = max((_shared_chars(text, kept) for kept in self._texts), default=0)
        tokens = count_tokens(text[:shared])
        return tokens // CACHE_BLOCK_TOKENS * CACHE_BLOCK_TOKENS

    def keep(self, text: str) -> None:
        """Keep a prompt with its answer."""
        with self._lock:
            self._texts.append(text)


def _call_text(name: Json, arguments: Json) -> str:
    return f"<call>{name} {arguments}"


def _sent_calls(message: Mapping[str, Json]) -> str:
    calls = message.get("tool_calls")
    functions = [one.get("function") for one in calls if isinstance(one, dict)] if isinstance(calls, list) else []
    return "".join(_call_text(one.get("name"), one.get("arguments")) for one in functions if isinstance(one, dict))


def render(messages: Sequence[Mapping[str, Json]]) -> str:
    """The prompt as one text, as a chat template would make it."""
    said = (f"<{one.get('role')}>\n{text_of(one)}{_sent_calls(one)}\n" for one in messages)
    return "".join(said) + "<assistant>\n"


def _pieces(calls: Sequence[ToolCall], turn: int) -> Iterator[dict[str, Json]]:
    """The calls as OpenAI streams them: id and name first, then the arguments as they grow."""
    for index, call in enumerate(calls):
        head = {"name": call.name, "arguments": ""}
        yield {"index": index, "id": f"call_{turn + 1}_{index + 1}", "type": "function", "function": head}
        for piece in split_tokens(call.arguments):
            yield {"index": index, "function": {"arguments": piece}}


def reply_to(ask: Ask, answer: Answer, cache: PromptCache) -> Reply:
    """The reply of the asked voice, cut at max_tokens; the prompt and the answer are in its cache afterwards."""
    prompt = render(ask.messages)
    prompt_tokens = count_tokens(prompt)
    cached = min(cache.shared_tokens(prompt), prompt_tokens - 1)
    said = answer.said_by(ask.voice)
    text, calls = split_reply(said) if ask.tools else (said, ())
    cache.keep(prompt + text + "".join(_call_text(call.name, call.arguments) for call in calls))
    room = ask.max_tokens if ask.max_tokens is not None else 10**9
    wanted = min(ask.voice.thought_tokens, room // 3) if ask.thinking else 0
    thought = split_tokens(thought_of(wanted))[:wanted]
    content = split_tokens(text)
    kept = content[: room - len(thought)]
    pieces = list(_pieces(calls, turns_answered(ask.messages)))
    kept_calls = pieces[: room - len(thought) - len(kept)]
    whole = len(kept) == len(content) and len(kept_calls) == len(pieces)
    return Reply(
        thought=tuple(thought),
        content=tuple(kept),
        finish_reason=("tool_calls" if pieces else "stop") if whole else "length",
        prompt_tokens=prompt_tokens,
        cached_tokens=cached,
        calls=tuple(kept_calls),
    )
