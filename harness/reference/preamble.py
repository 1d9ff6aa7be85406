"""What servers send before the first generated token: comments, role chunks, progress, loading messages and echoes.

Some of it comes before the prefill is done. A client that takes one of these for the first token reports a wrong TTFT.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from harness.reference.scripts import ROLE, Pace, Write, chunk, event
from harness.servers import PreTokenEvent
from harness.types import Json

COMMENTS = (b":\n\n", b": prefill\n\n", b": keep-alive\n\n", b": heartbeat\n\n")
"""Of llama-server, ds4, oMLX, vllm-mlx."""
PROGRESS_COMMENTS = tuple(b": keepalive %d/4096\n\n" % (1024 * step) for step in range(4))
"""Of mlx_lm.server: how much of the prompt has been processed."""


def spread(pace: Pace, pieces: Sequence[bytes]) -> list[Write]:
    """Spread pieces over the first quarter of the time to the first token, beginning immediately."""
    return [Write(pace.ttft_s * index / len(pieces) / 4, data) for index, data in enumerate(pieces)]


def keepalive_chunk() -> bytes:
    """oMLX's keep-alive, a data event."""
    choice = {"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}
    return event({"id": "chatcmpl-keepalive", "created": 0, "model": "keepalive", "choices": [choice]})


def prompt_progress(step: int) -> bytes:
    """A progress chunk of llama-server (`return_progress`)."""
    counts: dict[str, Json] = {"total": 4096, "cache": 0, "processed": 1024 * step, "time_ms": 10 * step}
    return chunk({"role": "assistant", "content": None}, prompt_progress=counts)


def loading_message() -> list[bytes]:
    """The reasoning that llama-swap invents while it loads a model: five characters per event, no id, no model."""
    bar, lines = "━━━━━", ("llama-swap loading model: reference", "Done! (0.08s)")
    first, last = ([line[at : at + 5] for at in range(0, len(line), 5)] for line in lines)
    texts = [bar, "\n", *first, "\n", ".", ".", "\n", *last, "\n", bar, "\n", " ", "\n"]
    return [event({"choices": [{"delta": {"reasoning_content": text}}]}) for text in texts]


def prompt_echo() -> bytes:
    """The empty thought of the prompt, which transformers repeats before its prefill."""
    return chunk({"reasoning_content": "\n\n"})


EARLY: Mapping[PreTokenEvent, Callable[[], list[bytes]]] = {
    "comment": lambda: list(COMMENTS),
    "role_chunk": lambda: [ROLE],
    "keepalive_chunk": lambda: [keepalive_chunk()] * 2,
    "synthetic_progress": loading_message,
    "synthetic_echo": lambda: [prompt_echo()],
}
