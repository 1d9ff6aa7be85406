"""What real servers do to a stream that is nothing wrong: each a line in the table at the foot, from name to script."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from harness.calibration.reference.kinds import KINDS
from harness.calibration.reference.preamble import (
    COMMENTS,
    PROGRESS,
    echo,
    keepalive_chunk,
    loading_text,
    prompt_progress,
    spread,
)
from harness.calibration.reference.scripts import (
    DONE,
    ROLE,
    Expected,
    Pace,
    Script,
    StreamShape,
    Tail,
    Write,
    chunk,
    event,
    spoken,
    stream,
    words,
)
from harness.calibration.reference.tool_calls import (
    call_in_two,
    call_pieces,
    call_whole,
    call_withheld,
    calls_under_one_index,
)
from harness.types import Json


def _prefixed(pieces: Callable[[], Sequence[bytes]]) -> Callable[[Pace], Script]:
    return _shaped(StreamShape(before=lambda pace: spread(pace, pieces())))


def _shaped(shape: StreamShape) -> Callable[[Pace], Script]:
    return lambda pace: stream(pace, shape)


def _split_in_three(pace: Pace) -> Script:
    """Every token holds a character of three bytes, and its event is cut inside of it and before its last byte."""
    writes: list[Write] = []
    text = "".join(f"{word}漢 " for word in words(pace.tokens))
    for number, word in enumerate(words(pace.tokens)):
        data = chunk({"content": f"{word}漢 "})
        inside, due = data.index("漢".encode()) + 1, pace.at_s(number)
        early = min(0.5 / pace.tps, 0.002)
        writes.append(Write(due - early, data[:inside]))
        writes.append(Write(due - early / 2, data[inside:-1]))
        writes.append(Write(due, data[-1:], 1, 1, usable=True))
    return Script(
        (*writes, Write(writes[-1].at_s, Tail().data(pace))),
        replace(Tail().expected(pace), content=text),
    )


def _raw_separators(pace: Pace) -> Script:
    """Line and paragraph separators and NEL raw inside the JSON, which only careless readers take for line ends."""
    texts = [f"{word}\u2028\u2029\u0085" for word in words(pace.tokens)]
    writes = [
        Write(pace.at_s(number), chunk({"content": text}), 1, 1, usable=True) for number, text in enumerate(texts)
    ]
    expected = replace(Tail().expected(pace), content="".join(texts))
    return Script((*writes, Write(writes[-1].at_s, Tail().data(pace))), expected)


def _reasoned(key: str, beside: Mapping[str, Json] | None = None) -> Callable[[Pace], Script]:
    """Half of the tokens a thought; `beside` is what else a thought's delta holds."""

    def script(pace: Pace) -> Script:
        half, texts = pace.tokens // 2, words(pace.tokens)
        deltas = [{**(beside or {}), key: text} if at < half else {"content": text} for at, text in enumerate(texts)]
        writes = [Write(pace.at_s(at), chunk(delta), 1, 1, at >= half) for at, delta in enumerate(deltas)]
        end = Write(writes[-1].at_s, Tail().data(pace))
        said = Tail().expected(pace)
        return Script((*writes, end), replace(said, content="".join(texts[half:]), reasoning="".join(texts[:half])))

    return script


def _inline_thought(pace: Pace) -> Script:
    """A thought inside the content, its marks cut over the deltas."""
    half, texts = pace.tokens // 2, words(pace.tokens)
    marked = ["<th", "ink>", *texts[2:half], "</thi", "nk>", *texts[half + 2 :]]
    writes = [Write(pace.at_s(at), chunk({"content": text}), 1, 1, at >= half + 2) for at, text in enumerate(marked)]
    said = replace(Tail().expected(pace), content="".join(texts[half + 2 :]), reasoning="".join(texts[2:half]))
    return Script((*writes, Write(writes[-1].at_s, Tail().data(pace))), said)


def _crlf(pace: Pace) -> Script:
    script = stream(pace)
    writes = tuple(replace(write, data=write.data.replace(b"\n", b"\r\n")) for write in script.writes)
    return replace(script, writes=writes)


def _bare(pace: Pace) -> Script:
    """No blank after the colon, and the body ends with the connection (ds4)."""
    script = stream(pace)
    writes = tuple(replace(write, data=write.data.replace(b"data: ", b"data:")) for write in script.writes)
    return replace(script, writes=writes, framing="close")


def _http_1_0(pace: Pace) -> Script:
    """As mlx_lm.server: HTTP/1.0 without a length, the last text on the finish chunk, usage under an odd name."""
    tail = Tail(kind="chat.completion")
    *writes, last = spoken(pace, StreamShape())
    end = replace(last, data=tail.data(pace, {"role": "assistant", "content": words(pace.tokens)[-1]}))
    said = replace(tail.expected(pace), content="".join(words(pace.tokens)))
    return Script((*writes, end), said, framing="http/1.0")


def _null_fields(pace: Pace) -> Script:
    """Every field in every delta, null where it says nothing, and deltas that say nothing at all (vllm-mlx)."""
    nothing: dict[str, Json] = {"role": None, "content": None, "reasoning_content": None, "tool_calls": None}
    writes = [Write(0.0, chunk({**nothing, "role": "assistant"}))]
    for write, text in zip(spoken(pace, StreamShape()), words(pace.tokens), strict=True):
        writes += [replace(write, data=chunk({**nothing, "content": text})), Write(write.at_s, chunk(nothing))]
    tail = Tail(usage="both")
    said = replace(tail.expected(pace), content="".join(words(pace.tokens)))
    return Script((*writes, Write(writes[-1].at_s, tail.data(pace, nothing))), said)


def _usage_on_every_chunk(pace: Pace) -> Script:
    """Counts that grow with the answer (vLLM, continuous_usage_stats)."""
    counts = [Tail().usage_of(replace(pace, tokens=number + 1)) for number in range(pace.tokens)]
    writes = [
        replace(write, data=chunk({"content": text}, usage=usage))
        for write, text, usage in zip(spoken(pace, StreamShape()), words(pace.tokens), counts, strict=True)
    ]
    said = replace(Tail().expected(pace), content="".join(words(pace.tokens)))
    return Script((*writes, Write(writes[-1].at_s, Tail().data(pace))), said)


def _pieces_of_tokens(pace: Pace) -> Script:
    """Every token in three events (ds4)."""
    writes: list[Write] = []
    for number, word in enumerate(words(pace.tokens)):
        for part, text in enumerate((word[:1], word[1:-1], word[-1:])):
            at_s = pace.at_s(number) - (2 - part) * 0.1 / pace.tps
            writes.append(Write(at_s, chunk({"content": text}), 1, int(part == 2), usable=True))
    said = replace(Tail().expected(pace), content="".join(words(pace.tokens)))
    return Script((*writes, Write(writes[-1].at_s, Tail().data(pace))), said)


def _early_token(pace: Pace) -> Script:
    """The first token before the prompt is read: its TTFT is a lie that only prompts of other lengths show."""
    first, *rest = spoken(pace, StreamShape())
    said = replace(Tail().expected(pace), content="".join(words(pace.tokens)))
    return Script((replace(first, at_s=0.0), *rest, Write(rest[-1].at_s, Tail().data(pace))), said)


def _buffered(pace: Pace) -> Script:
    return stream(pace, StreamShape(events_a_write=pace.tokens))


def _half_then(pace: Pace, data: bytes, **said: Json) -> Script:
    """Half of the answer, then these bytes."""
    half = replace(pace, tokens=max(1, pace.tokens // 2))
    writes = spoken(half, StreamShape())
    found = Expected("".join(words(half.tokens)), error="server_error", **said)
    return Script((*writes, Write(writes[-1].at_s, data)), found)


ERROR: Json = {"error": {"message": "the engine gave up", "type": "server_error", "code": None}}


def _error_inside(pace: Pace) -> Script:
    """An error at HTTP 200, and the usual end (oMLX, vLLM)."""
    return _half_then(pace, event(ERROR) + DONE, finish_reason=None)


def _error_event(pace: Pace) -> Script:
    """An event of that name, and no end (ds4)."""
    return _half_then(pace, b"event: error\n" + event(ERROR), finish_reason=None, done=False)


def _error_then_stop(pace: Pace) -> Script:
    """An error, and then the end of an answer that went well (mlx-openai-server)."""
    return _half_then(pace, event(ERROR) + chunk({}, "stop") + DONE)


def _role_with_text(pace: Pace) -> Script:
    """Every delta repeats the role (LM Studio, mlx_lm.server, Ollama)."""
    writes = spoken(pace, StreamShape(), lambda text: {"role": "assistant", "content": text})
    writes = [replace(write, usable=True) for write in writes]
    said = replace(Tail().expected(pace), content="".join(words(pace.tokens)))
    return Script((*writes, Write(writes[-1].at_s, Tail().data(pace))), said)


BEHAVIORS: Mapping[str, Callable[[Pace], Script]] = {
    "plain": stream,
    "role-with-first-token": _shaped(StreamShape(before=lambda pace: [Write(pace.ttft_s, ROLE)])),
    "role-every-chunk": _role_with_text,
    "role-early": _prefixed(lambda: [ROLE]),
    "null-fields": _null_fields,
    "comments": _prefixed(lambda: COMMENTS),
    "keepalive-comments": _prefixed(lambda: PROGRESS),
    "keepalive-chunks": _prefixed(lambda: [keepalive_chunk()] * 4),
    "keepalive-chunks-then-role": _prefixed(lambda: [keepalive_chunk(), keepalive_chunk(), ROLE]),
    "prefill-progress": _prefixed(lambda: [prompt_progress(number) for number in range(4)]),
    "echoed-thought": _prefixed(lambda: [ROLE, echo()]),
    "loading-text": _prefixed(loading_text),
    "early-token": _early_token,
    "four-tokens-an-event": _shaped(StreamShape(tokens_an_event=lambda _random: 4)),
    "random-tokens-an-event": _shaped(StreamShape(tokens_an_event=lambda chance: chance.randint(1, 5))),
    "pieces-of-tokens": _pieces_of_tokens,
    "eight-events-a-write": _shaped(StreamShape(events_a_write=8)),
    "split-events": _split_in_three,
    "raw-separators": _raw_separators,
    "reasoning-content": _reasoned("reasoning_content"),
    "reasoning": _reasoned("reasoning"),
    "reasoning-beside-nothing": _reasoned("reasoning", {"role": "assistant", "content": ""}),
    "inline-think": _inline_thought,
    "tool-call-whole": call_whole,
    "tool-call-withheld": call_withheld,
    "tool-call-in-two": call_in_two,
    "tool-call-pieces": call_pieces,
    "tool-calls-under-one-index": calls_under_one_index,
    "usage-on-finish": _shaped(StreamShape(tail=Tail(usage="finish"))),
    "usage-twice": _shaped(StreamShape(tail=Tail(usage="both"))),
    "usage-on-every-chunk": _usage_on_every_chunk,
    "usage-none": _shaped(StreamShape(tail=Tail(usage="none"))),
    "late-usage": _shaped(StreamShape(tail=Tail(delay_s=0.4))),
    "cached-not-told": _shaped(StreamShape(tail=Tail(cached=None))),
    "cached-beside-counts": _shaped(StreamShape(tail=Tail(cached="usage", speeds="usage"))),
    "timings": _shaped(StreamShape(tail=Tail(cached="timings", speeds="timings"))),
    "stats": _shaped(StreamShape(tail=Tail(usage="finish", cached=None, speeds="stats"))),
    "no-done": _shaped(StreamShape(tail=Tail(done=False))),
    "error-inside": _error_inside,
    "error-event": _error_event,
    "error-then-stop": _error_then_stop,
    "crlf": _crlf,
    "bare-and-closed": _bare,
    "http-1.0": _http_1_0,
    "buffered": _buffered,
    **KINDS,
}
