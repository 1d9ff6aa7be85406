"""What servers send before the first token, and some before the prefill is done: none of it is a token."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from harness.calibration.reference.scripts import ROLE, Pace, Write, chunk, event
from harness.servers import PreTokenEvent
from harness.types import Json

COMMENTS = (b":\n\n", b": prefill\n\n", b": keep-alive\n\n", b": heartbeat\n\n")
"""Of llama-server, ds4, oMLX, vllm-mlx."""
PROGRESS = tuple(b": keepalive %d/4096\n\n" % (1024 * number) for number in range(4))
"""Of mlx_lm.server: how much of the prompt is read."""


def spread(pace: Pace, pieces: Sequence[bytes]) -> list[Write]:
    """Pieces over the first quarter of the wait for the first token, the first at once."""
    return [Write(pace.ttft_s * number / len(pieces) / 4, data) for number, data in enumerate(pieces)]


def keepalive_chunk() -> bytes:
    """A data event of oMLX that says nothing."""
    choice = {"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}
    return event({"id": "chatcmpl-keepalive", "created": 0, "model": "keepalive", "choices": [choice]})


def prompt_progress(number: int) -> bytes:
    """A chunk of llama-server with `return_progress`."""
    counts: dict[str, Json] = {"total": 4096, "cache": 0, "processed": 1024 * number, "time_ms": 10 * number}
    return chunk({"role": "assistant", "content": None}, prompt_progress=counts)


def loading_text() -> list[bytes]:
    """What llama-swap makes up as a thought while it loads a model: five characters an event, no id, no model."""
    bar, lines = "━━━━━", ("llama-swap loading model: truth", "Done! (0.08s)")
    begun, done = ([text[at : at + 5] for at in range(0, len(text), 5)] for text in lines)
    texts = [bar, "\n", *begun, "\n", ".", ".", "\n", *done, "\n", bar, "\n", " ", "\n"]
    return [event({"choices": [{"delta": {"reasoning_content": text}}]}) for text in texts]


def echo() -> bytes:
    """The empty thought of the prompt, which transformers repeats before its prefill."""
    return chunk({"reasoning_content": "\n\n"})


EARLY: Mapping[PreTokenEvent, Callable[[], list[bytes]]] = {
    "comment": lambda: list(COMMENTS),
    "role_chunk": lambda: [ROLE],
    "keepalive_chunk": lambda: [keepalive_chunk()] * 2,
    "fake_reasoning": loading_text,
    "echo": lambda: [echo()],
}
