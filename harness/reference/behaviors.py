"""The behaviors of the reference server: the many ways in which real servers shape a valid stream.

Each is a row of the table at the end, from name to script. What real servers do wrong is in faults.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from harness.reference.preamble import (
    COMMENTS,
    PROGRESS_COMMENTS,
    keepalive_chunk,
    loading_message,
    prompt_echo,
    prompt_progress,
    spread,
)
from harness.reference.scripts import (
    DONE,
    ROLE,
    ExpectedReading,
    Pace,
    Script,
    StreamShape,
    Tail,
    Write,
    chunk,
    complete,
    event,
    expect,
    text_stream,
    token_writes,
    words,
)
from harness.reference.server_kinds import SERVER_KINDS
from harness.reference.tool_calls import (
    call_after_text,
    call_complete,
    call_in_pieces,
    call_in_two,
    call_withheld,
    calls_under_one_index,
)
from harness.types import Json

MakeScript = Callable[[Pace], Script]


def _after(pieces: Callable[[], Sequence[bytes]]) -> MakeScript:
    """A text stream after pieces that come before the first token."""
    return _shaped(StreamShape(before=lambda pace: spread(pace, pieces())))


def _shaped(shape: StreamShape) -> MakeScript:
    return lambda pace: text_stream(pace, shape)


def _with_tail(tail: Tail) -> MakeScript:
    return _shaped(StreamShape(tail=tail))


# --- how tokens become events, and events become writes ---------------------------------------------------------------


def _split_events(pace: Pace) -> Script:
    """Every token holds a character of three bytes; its event is cut inside that character and before its last byte."""
    texts, writes = [f"{word}漢 " for word in words(pace.tokens)], []
    lead_s = min(0.5 / pace.tps, 0.002)
    for index, text in enumerate(texts):
        data, due_s = chunk({"content": text}), pace.at_s(index)
        inside = data.index("漢".encode()) + 1
        writes.append(Write(due_s - lead_s, data[:inside]))
        writes.append(Write(due_s - lead_s / 2, data[inside:-1]))
        writes.append(Write(due_s, data[-1:], 1, 1, is_output=True))
    return complete(pace, writes, content="".join(texts))


def _pieces_of_tokens(pace: Pace) -> Script:
    """Every token in three events (ds4)."""
    writes: list[Write] = []
    for index, word in enumerate(words(pace.tokens)):
        for part, text in enumerate((word[:1], word[1:-1], word[-1:])):
            at_s = pace.at_s(index) - (2 - part) * 0.1 / pace.tps
            writes.append(Write(at_s, chunk({"content": text}), 1, int(part == 2), is_output=True))
    return complete(pace, writes)


def _early_token(pace: Pace) -> Script:
    """The first token before the prefill: its TTFT is wrong, which only prompts of different sizes show."""
    first, *others = token_writes(pace)
    return complete(pace, [replace(first, at_s=0.0), *others])


def _buffered(pace: Pace) -> Script:
    """All events in one write."""
    return text_stream(pace, StreamShape(events_per_step=pace.tokens))


# --- bytes and framing ------------------------------------------------------------------------------------------------


def _raw_separators(pace: Pace) -> Script:
    """U+2028, U+2029 and U+0085 unescaped inside the JSON, where only `str.splitlines` takes them for newlines."""
    texts = [f"{word}\u2028\u2029\u0085" for word in words(pace.tokens)]
    writes = [
        Write(pace.at_s(index), chunk({"content": text}), 1, 1, is_output=True) for index, text in enumerate(texts)
    ]
    return complete(pace, writes, content="".join(texts))


def _replace_bytes(script: Script, old: bytes, new: bytes) -> Script:
    return replace(script, substitutions=(*script.substitutions, (old, new)))


def _crlf(pace: Pace) -> Script:
    return _replace_bytes(text_stream(pace), b"\n", b"\r\n")


def _no_space_and_close(pace: Pace) -> Script:
    """No space after the colon, and the body ends with the connection (ds4)."""
    return replace(_replace_bytes(text_stream(pace), b"data: ", b"data:"), framing="close")


def _http_1_0(pace: Pace) -> Script:
    """HTTP/1.0 without a length, the last text on the finish chunk, usage in a `chat.completion` (mlx_lm.server)."""
    tail = Tail(usage_object="chat.completion")
    *writes, last = token_writes(pace)
    end = replace(last, data=tail.data(pace, {"role": "assistant", "content": words(pace.tokens)[-1]}))
    return Script((*writes, end), expect(pace, tail), framing="http/1.0")


# --- channels and fields ----------------------------------------------------------------------------------------------


def _reasoning_under(key: str, fields: Mapping[str, Json] | None = None) -> MakeScript:
    """Half of the tokens are reasoning; `fields` are further fields of its deltas."""

    def script(pace: Pace) -> Script:
        half, texts = pace.tokens // 2, words(pace.tokens)
        deltas = [{**(fields or {}), key: text} for text in texts[:half]] + [{"content": text} for text in texts[half:]]
        writes = [Write(pace.at_s(at), chunk(delta), 1, 1, at >= half) for at, delta in enumerate(deltas)]
        return complete(pace, writes, content="".join(texts[half:]), reasoning="".join(texts[:half]))

    return script


def _inline_reasoning(pace: Pace) -> Script:
    """Reasoning inside the content, its tags split over deltas."""
    half, texts = pace.tokens // 2, words(pace.tokens)
    tagged = ["<th", "ink>", *texts[2:half], "</thi", "nk>", *texts[half + 2 :]]
    writes = [
        Write(pace.at_s(at), chunk({"content": text}), 1, 1, is_output=at >= half + 2) for at, text in enumerate(tagged)
    ]
    return complete(pace, writes, content="".join(texts[half + 2 :]), reasoning="".join(texts[2:half]))


def _role_on_every_chunk(pace: Pace) -> Script:
    """Every delta repeats the role (LM Studio, mlx_lm.server, Ollama)."""
    return complete(pace, token_writes(pace, delta=lambda text: {"role": "assistant", "content": text}))


def _null_fields(pace: Pace) -> Script:
    """Every delta has every field, null if it says nothing; some deltas say nothing at all (vllm-mlx)."""
    nulls: dict[str, Json] = {"role": None, "content": None, "reasoning_content": None, "tool_calls": None}
    writes, tail = [Write(0.0, chunk({**nulls, "role": "assistant"}))], Tail(usage="both")
    for write, text in zip(token_writes(pace), words(pace.tokens), strict=True):
        writes += [replace(write, data=chunk({**nulls, "content": text})), Write(write.at_s, chunk(nulls))]
    return Script((*writes, Write(writes[-1].at_s, tail.data(pace, nulls))), expect(pace, tail))


def _usage_on_every_chunk(pace: Pace) -> Script:
    """Counts that grow with the answer (vLLM, `continuous_usage_stats`)."""
    usages = [Tail().usage_counts(replace(pace, tokens=index + 1)) for index in range(pace.tokens)]
    writes = [
        replace(write, data=chunk({"content": text}, usage=usage))
        for write, text, usage in zip(token_writes(pace), words(pace.tokens), usages, strict=True)
    ]
    return complete(pace, writes)


# --- errors inside a stream with status 200 ---------------------------------------------------------------------------

ERROR: Json = {"error": {"message": "the engine gave up", "type": "server_error", "code": None}}


def _half_then(pace: Pace, data: bytes, **expected: Json) -> Script:
    """Half of the answer, then these bytes."""
    half = replace(pace, tokens=max(1, pace.tokens // 2))
    writes = token_writes(half)
    reading = ExpectedReading("".join(words(half.tokens)), error_kind="server_error", **expected)
    return Script((*writes, Write(writes[-1].at_s, data)), reading)


def _error_inside(pace: Pace) -> Script:
    """An error and the usual end (oMLX, vLLM)."""
    return _half_then(pace, event(ERROR) + DONE, finish_reason=None)


def _error_event(pace: Pace) -> Script:
    """An event named `error` and no end (ds4)."""
    return _half_then(pace, b"event: error\n" + event(ERROR), finish_reason=None, done=False)


def _error_then_stop(pace: Pace) -> Script:
    """An error and then the end of a successful answer (mlx-openai-server)."""
    return _half_then(pace, event(ERROR) + chunk({}, "stop") + DONE)


BEHAVIORS: Mapping[str, MakeScript] = {
    "plain": text_stream,
    "role-with-first-token": _shaped(StreamShape(before=lambda pace: [Write(pace.ttft_s, ROLE)])),
    "role-every-chunk": _role_on_every_chunk,
    "role-early": _after(lambda: [ROLE]),
    "null-fields": _null_fields,
    "comments": _after(lambda: COMMENTS),
    "keepalive-comments": _after(lambda: PROGRESS_COMMENTS),
    "keepalive-chunks": _after(lambda: [keepalive_chunk()] * 4),
    "keepalive-chunks-then-role": _after(lambda: [keepalive_chunk(), keepalive_chunk(), ROLE]),
    "prefill-progress": _after(lambda: [prompt_progress(step) for step in range(4)]),
    "echoed-reasoning": _after(lambda: [ROLE, prompt_echo()]),
    "loading-message": _after(loading_message),
    "early-token": _early_token,
    "four-tokens-per-event": _shaped(StreamShape(tokens_per_event=lambda _random: 4)),
    "random-tokens-per-event": _shaped(StreamShape(tokens_per_event=lambda rng: rng.randint(1, 5))),
    "pieces-of-tokens": _pieces_of_tokens,
    "eight-events-per-write": _shaped(StreamShape(events_per_step=8)),
    "eight-writes-per-step": _shaped(StreamShape(events_per_step=8, writes_apart=True)),
    "split-events": _split_events,
    "raw-separators": _raw_separators,
    "reasoning-content": _reasoning_under("reasoning_content"),
    "reasoning": _reasoning_under("reasoning"),
    "reasoning-with-empty-content": _reasoning_under("reasoning", {"role": "assistant", "content": ""}),
    "inline-reasoning": _inline_reasoning,
    "tool-call-complete": call_complete,
    "tool-call-after-text": call_after_text,
    "tool-call-withheld": call_withheld,
    "tool-call-in-two": call_in_two,
    "tool-call-in-pieces": call_in_pieces,
    "tool-calls-under-one-index": calls_under_one_index,
    "usage-on-finish": _with_tail(Tail(usage="finish")),
    "usage-twice": _with_tail(Tail(usage="both")),
    "usage-on-every-chunk": _usage_on_every_chunk,
    "usage-none": _with_tail(Tail(usage="none")),
    "late-usage": _with_tail(Tail(delay_s=0.4)),
    "cached-unreported": _with_tail(Tail(cached=None)),
    "cached-in-usage": _with_tail(Tail(cached="usage", timings="usage")),
    "timings": _with_tail(Tail(cached="timings", timings="timings")),
    "stats": _with_tail(Tail(usage="finish", cached=None, timings="stats")),
    "no-done": _with_tail(Tail(done=False)),
    "error-inside": _error_inside,
    "error-event": _error_event,
    "error-then-stop": _error_then_stop,
    "crlf": _crlf,
    "no-space-and-close": _no_space_and_close,
    "http-1.0": _http_1_0,
    "buffered": _buffered,
    **SERVER_KINDS,
}
