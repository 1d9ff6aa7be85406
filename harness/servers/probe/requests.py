"""Builds the requests of a probe: up to ten short ones in the order in which they are sent, and the long one."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.apis import get_api
from harness.servers.kinds import ServerKind
from harness.servers.requests import build_request_fields, max_tokens_field
from harness.types import Json, Model

SHORT_MAX_TOKENS = 48
LONG_MAX_TOKENS = 24
SHORT_CHARS = 5_000
SEEDS = (11, 12)
HIGH_TEMPERATURE = 1.5
QUESTION = "In one sentence: what is the text above about?"
REASONING_MAX_TOKENS = 48
REASONING_QUESTION = "A shelf holds 3 boxes of 14 nails and 9 loose nails. How many nails are on it?"
CODE_WORD = "heron"
CODE_WORD_QUESTION = "Which code word stood at the very beginning of my first message? Answer with that word alone."


@dataclass(frozen=True, slots=True)
class ProbeRequest:
    """One request of a probe, with the name by which the analysis finds its reply."""

    name: str
    body: Mapping[str, Json]


def build_short_requests(kind: ServerKind, model: Model, text: str) -> tuple[ProbeRequest, ...]:
    """Build the short requests.

    The same request twice (cache), one with a new beginning (nonce), thinking on and off, two seeds at a high
    temperature, `top_k` 1, and the other name of the token limit.
    """
    first = _short_body(kind, model, text)
    requests = [
        ProbeRequest("first", first),
        ProbeRequest("repeated", first),
        ProbeRequest("new-prefix", _short_body(kind, model, text)),
    ]
    for name, switch in (("on", kind.thinking.on), ("off", kind.thinking.off)):
        if switch is not None:
            requests.append(ProbeRequest(f"thinking-{name}", {**first, **switch}))
    unlimited = {key: value for key, value in first.items() if key != kind.max_tokens_field}
    return (
        *requests,
        ProbeRequest("seed", _sampled(first, SEEDS[0])),
        ProbeRequest("seed-repeated", _sampled(first, SEEDS[0])),
        ProbeRequest("other-seed", _sampled(first, SEEDS[1])),
        ProbeRequest("top-k", {**_sampled(first, SEEDS[1]), "top_k": 1}),
        ProbeRequest("other-limit", {**unlimited, other_max_tokens_field(kind): 3}),
    )


def build_long_request(kind: ServerKind, model: Model, text: str, chars: int) -> ProbeRequest:
    """Build a conversation whose first user message begins with a code word (the canary) and has `chars` characters.

    The long message is not the last one: a server that truncates silently drops the oldest messages first.
    """
    filler = (text * (chars // max(1, len(text)) + 1))[:chars]
    messages = [
        {"role": "system", "content": f"[{secrets.token_hex(8)}]\nYou answer in one word."},
        {"role": "user", "content": f"The code word is {CODE_WORD}. Keep it.\n\n{filler}"},
        {"role": "assistant", "content": "I will keep it."},
        {"role": "user", "content": CODE_WORD_QUESTION},
    ]
    body = greedy_body(kind, model, messages, LONG_MAX_TOKENS)
    return ProbeRequest("long", {**body, **(kind.api_facts(model.api).thinking_off or {})})


def build_reasoning_request(kind: ServerKind, model: Model) -> ProbeRequest:
    """Build a short question to which a model that thinks begins to think; it is sent with the model's own settings."""
    messages = [{"role": "user", "content": f"[{secrets.token_hex(8)}]\n{REASONING_QUESTION}"}]
    body = {**greedy_body(kind, model, messages, REASONING_MAX_TOKENS), **build_request_fields(kind, model)}
    return ProbeRequest("reasoning", {**body, max_tokens_field(kind, model): REASONING_MAX_TOKENS})


def other_max_tokens_field(kind: ServerKind) -> str:
    """The name of the token limit that this kind does not use."""
    return "max_completion_tokens" if kind.max_tokens_field == "max_tokens" else "max_tokens"


def _short_body(kind: ServerKind, model: Model, text: str) -> dict[str, Json]:
    """A short request that begins with a new nonce."""
    messages = [
        {"role": "system", "content": f"[{secrets.token_hex(8)}]\n{text[:SHORT_CHARS]}"},
        {"role": "user", "content": QUESTION},
    ]
    return greedy_body(kind, model, messages, SHORT_MAX_TOKENS)


def greedy_body(
    kind: ServerKind, model: Model, messages: Sequence[Mapping[str, Json]], max_tokens: int
) -> dict[str, Json]:
    """The body of a streamed request over the model's API, with temperature 0."""
    api = get_api(model.api)
    head = {"model": model.model, **api.write_conversation(messages), "stream": True, **api.fixed_fields}
    return {**head, max_tokens_field(kind, model): max_tokens, "temperature": 0, "top_p": 1}


def _sampled(body: Mapping[str, Json], seed: int) -> dict[str, Json]:
    return {**body, "temperature": HIGH_TEMPERATURE, "seed": seed}
