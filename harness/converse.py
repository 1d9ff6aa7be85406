"""A trial's turns: ask, record, read, and go on with what was read. Nothing is timed or scored here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from harness.read import read
from harness.record import Client, TurnRequest, record
from harness.servers import ServerKind, request_fields
from harness.types import Json, Model, Reading, Recording, TrialKey, Variant

NONCE = "{{nonce}}"


def first_messages(variant: Variant, nonce: str) -> list[dict[str, Json]]:
    """The system message with the nonce in front of everything, so that no cached prefix fits."""
    return [{"role": "system", "content": f"[{nonce}]\n{variant.system.replace(NONCE, nonce)}"}]


def reply_message(reading: Reading) -> dict[str, Json]:
    """What goes back into the conversation: the answer without its thoughts, as every server's template wants it."""
    return {"role": "assistant", "content": reading.content}


def request_body(
    model: Model, kind: ServerKind, messages: list[dict[str, Json]], max_tokens: int
) -> Mapping[str, Json]:
    """The whole body of a request, sampling sent in full."""
    return {
        "model": model.model,
        "messages": list(messages),
        "stream": True,
        "stream_options": {"include_usage": True},
        kind.max_tokens_key: max_tokens,
        **request_fields(kind, model),
    }


def budget_tokens(model: Model, variant: Variant, thinking_tokens: int) -> int:
    """The answer's budget, and room for thoughts beside it where thinking was asked for."""
    task = variant.task
    extra = thinking_tokens if model.thinking == "on" and task.scorer != "speed" else 0
    return task.budget_tokens + extra


def converse(
    client: Client,
    asked: tuple[Model, ServerKind, str | None],
    variant: Variant,
    key: TrialKey,
    *,
    nonce: str,
    room: int,
) -> Iterator[Recording]:
    """Yield each turn's recording as it ends; a turn that failed is the last one.

    `asked` is the model, its server's kind and its key; `room` the extra tokens for thoughts.
    """
    model, kind, secret = asked
    messages = first_messages(variant, nonce)
    url = f"{model.base_url.rstrip('/')}/chat/completions"
    for turn, text in enumerate(variant.turns):
        messages.append({"role": "user", "content": text.replace(NONCE, nonce)})
        body = request_body(model, kind, messages, budget_tokens(model, variant, room))
        recording = record(client, TurnRequest(key, turn, variant.index, url, body, secret))
        reading = read(recording)
        last = turn + 1 == len(variant.turns) or reading.error is not None or not reading.content
        yield replace(recording, last=last)
        if last:
            return
        messages.append(reply_message(reading))
