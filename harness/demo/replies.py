"""Construction of a simulated reply: tokens, prompt cache, and the reply to a request cut at its token limit.

All functions are pure except for the prompt cache; sockets and waiting are in server.py.
"""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.demo.answers import Answer, count_tool_turns, filler_reasoning, message_text
from harness.demo.simulated_models import SimulatedModel
from harness.tasks import split_reply
from harness.types import Json, ToolCall

CACHE_BLOCK_TOKENS = 16
MAX_CACHED_PROMPTS = 4
UNLIMITED_TOKENS = 10**9
_TOKEN = re.compile(r" ?\w{1,6}|\s{1,8}|[^\w\s]{1,3}")
"""A fixed split into pieces of about four characters, in place of a real model's tokenizer."""


def split_tokens(text: str) -> list[str]:
    """The tokens of a text; joined they are the text again."""
    return _TOKEN.findall(text)


def count_tokens(text: str) -> int:
    """The number of tokens of a text."""
    return len(split_tokens(text))


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A validated request."""

    model: SimulatedModel
    messages: tuple[Mapping[str, Json], ...]
    max_tokens: int | None
    thinking: bool
    stream: bool
    include_usage: bool
    tools: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """The tokens of a reply on its channels, its finish reason, and the token counts of its prompt.

    `calls` has the pieces of its tool calls, one token each, in the form of a delta's `tool_calls`.
    """

    reasoning: tuple[str, ...]
    content: tuple[str, ...]
    finish_reason: str
    prompt_tokens: int
    cached_tokens: int
    calls: tuple[dict[str, Json], ...] = ()

    @property
    def completion_tokens(self) -> int:
        """All generated tokens, including reasoning."""
        return len(self.reasoning) + len(self.content) + len(self.calls)

    @property
    def usage(self) -> dict[str, Json]:
        """The usage object of the protocol."""
        return {
            "completion_tokens": self.completion_tokens,
            "prompt_tokens": self.prompt_tokens,
            "total_tokens": self.prompt_tokens + self.completion_tokens,
            "prompt_tokens_details": {"cached_tokens": self.cached_tokens},
        }

    def deltas(self) -> Iterator[dict[str, Json]]:
        """One delta for each token."""
        for piece in self.reasoning:
            yield {"reasoning_content": piece}
        for piece in self.content:
            yield {"content": piece}
        for call in self.calls:
            yield {"tool_calls": [call]}


def _common_prefix_chars(text: str, other: str) -> int:
    """The length of the common prefix, by bisection: comparing prefixes is faster than comparing characters."""
    low, high = 0, min(len(text), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if text.startswith(other[:middle]) else (low, middle - 1)
    return low


class PromptCache:
    """Prefix cache of one model: the blocks that a prompt shares with one of the last prompts need no prefill."""

    def __init__(self) -> None:
        """Start empty."""
        self._prompts: deque[str] = deque(maxlen=MAX_CACHED_PROMPTS)
        self._lock = threading.Lock()

    def shared_tokens(self, prompt: str) -> int:
        """The tokens of the longest prefix, in complete blocks, that a cached prompt shares."""
        with self._lock:
            shared = max((_common_prefix_chars(prompt, cached) for cached in self._prompts), default=0)
        tokens = count_tokens(prompt[:shared])
        return tokens // CACHE_BLOCK_TOKENS * CACHE_BLOCK_TOKENS

    def add(self, prompt: str) -> None:
        """Cache a prompt together with its answer."""
        with self._lock:
            self._prompts.append(prompt)


def _render_call(name: Json, arguments: Json) -> str:
    return f"<call>{name} {arguments}"


def _render_calls(message: Mapping[str, Json]) -> str:
    calls = message.get("tool_calls")
    functions = [call.get("function") for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []
    return "".join(
        _render_call(each.get("name"), each.get("arguments")) for each in functions if isinstance(each, dict)
    )


def render_prompt(messages: Sequence[Mapping[str, Json]]) -> str:
    """The prompt as one text, as a chat template renders it."""
    rendered = (f"<{each.get('role')}>\n{message_text(each)}{_render_calls(each)}\n" for each in messages)
    return "".join(rendered) + "<assistant>\n"


def _call_pieces(calls: Sequence[ToolCall], turn: int) -> Iterator[dict[str, Json]]:
    """Tool calls as OpenAI streams them: id and name first, then the arguments in pieces."""
    for index, call in enumerate(calls):
        head = {"name": call.name, "arguments": ""}
        yield {"index": index, "id": f"call_{turn + 1}_{index + 1}", "type": "function", "function": head}
        for piece in split_tokens(call.arguments):
            yield {"index": index, "function": {"arguments": piece}}


def build_reply(request: ChatRequest, answer: Answer, cache: PromptCache) -> Reply:
    """Build the model's reply, cut at max_tokens, and add prompt and answer to its cache."""
    prompt = render_prompt(request.messages)
    prompt_tokens = count_tokens(prompt)
    cached_tokens = min(cache.shared_tokens(prompt), prompt_tokens - 1)
    answer_text = answer.reply_of(request.model)
    text, calls = split_reply(answer_text) if request.tools else (answer_text, ())
    cache.add(prompt + text + "".join(_render_call(call.name, call.arguments) for call in calls))
    limit = request.max_tokens if request.max_tokens is not None else UNLIMITED_TOKENS
    # A third of the limit for reasoning, so that an answer of the demo's tasks still fits.
    reasoning_tokens = min(request.model.reasoning_tokens, limit // 3) if request.thinking else 0
    reasoning = split_tokens(filler_reasoning(reasoning_tokens))[:reasoning_tokens]
    content, pieces = split_tokens(text), list(_call_pieces(calls, count_tool_turns(request.messages)))
    sent_content = content[: limit - len(reasoning)]
    sent_pieces = pieces[: limit - len(reasoning) - len(sent_content)]
    is_complete = len(sent_content) == len(content) and len(sent_pieces) == len(pieces)
    return Reply(
        reasoning=tuple(reasoning),
        content=tuple(sent_content),
        finish_reason=("tool_calls" if pieces else "stop") if is_complete else "length",
        prompt_tokens=prompt_tokens,
        cached_tokens=cached_tokens,
        calls=tuple(sent_pieces),
    )
