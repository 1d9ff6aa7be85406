"""What a probe asks: bodies of requests, in the order in which they go out. Sends nothing."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from harness.servers.kinds import ServerKind
from harness.types import Json

SHORT_TOKENS = 48
LONG_TOKENS = 24
SHORT_CHARS = 5_000
SEEDS = (11, 12)
HOT = 1.5
QUESTION = "In one sentence: what is the text above about?"
CODE_WORD = "heron"
CODE_WORD_QUESTION = "Which code word stood at the very beginning of my first message? Answer with that word alone."


@dataclass(frozen=True, slots=True)
class Question:
    """One request of a probe, by the name under which its reply is looked at."""

    name: str
    body: Mapping[str, Json]


def _body(kind: ServerKind, model: str, nonce: str, text: str) -> dict[str, Json]:
    return {
        "model": model,
        "messages": [
            {"role": "system", "content": f"[{nonce}]\n{text[:SHORT_CHARS]}"},
            {"role": "user", "content": QUESTION},
        ],
        "stream": True,
        "stream_options": {"include_usage": True},
        kind.max_tokens_field: SHORT_TOKENS,
        "temperature": 0,
        "top_p": 1,
    }


def _hot(body: Mapping[str, Json], seed: int) -> dict[str, Json]:
    return {**body, "temperature": HOT, "seed": seed}


def short_questions(kind: ServerKind, model: str, text: str) -> tuple[Question, ...]:
    """At most ten: the same thing twice, with a new beginning, thinking on and off, hot with seeds, odd limits."""
    first = _body(kind, model, secrets.token_hex(8), text)
    asked = [
        Question("first", first),
        Question("again", first),
        Question("fresh", _body(kind, model, secrets.token_hex(8), text)),
    ]
    for name, switch in (("on", kind.thinking.on), ("off", kind.thinking.off)):
        if switch is not None:
            asked.append(Question(f"thinking-{name}", {**first, **switch}))
    other = "max_completion_tokens" if kind.max_tokens_field == "max_tokens" else "max_tokens"
    limited = {key: value for key, value in first.items() if key != kind.max_tokens_field}
    return (
        *asked,
        Question("seed", _hot(first, SEEDS[0])),
        Question("seed-again", _hot(first, SEEDS[0])),
        Question("other-seed", _hot(first, SEEDS[1])),
        Question("top-k", {**_hot(first, SEEDS[1]), "top_k": 1}),
        Question("other-limit", {**limited, other: 3}),
    )


def long_question(kind: ServerKind, model: str, text: str, chars: int) -> Question:
    """A conversation whose first user message begins with the canary and fills `chars` characters.

    The long message is not the last one: a server that cuts silently takes its oldest messages first.
    """
    filler = (text * (chars // max(1, len(text)) + 1))[:chars]
    messages = [
        {"role": "system", "content": f"[{secrets.token_hex(8)}]\nYou answer in one word."},
        {"role": "user", "content": f"The code word is {CODE_WORD}. Keep it.\n\n{filler}"},
        {"role": "assistant", "content": "I will keep it."},
        {"role": "user", "content": CODE_WORD_QUESTION},
    ]
    body = _body(kind, model, "", "") | {"messages": messages, kind.max_tokens_field: LONG_TOKENS}
    return Question("long", {**body, **(kind.thinking.off or {})})
