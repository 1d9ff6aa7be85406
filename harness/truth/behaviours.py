"""What real servers do to a stream that is nothing wrong: each a line in the table at the foot, from name to script."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from harness.truth.scripts import (
    DONE,
    ROLE,
    Expected,
    Pace,
    Script,
    Shape,
    Tail,
    Write,
    chunk,
    event,
    spoken,
    stream,
    words,
)
from harness.types import Json


def _every(pace: Pace, times: int, data: Callable[[int], bytes]) -> list[Write]:
    """Writes spread over the prefill, the first at once."""
    return [Write(pace.ttft_s * number / times, data(number)) for number in range(times)]


def _keepalive_chunk(_number: int) -> bytes:
    choice = {"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}
    return event({"id": "chatcmpl-keepalive", "created": 0, "model": "keepalive", "choices": [choice]})


def _progress(number: int) -> bytes:
    counts = {"total": 4096, "cache": 0, "processed": 1024 * number, "time_ms": 10 * number}
    return chunk({"role": "assistant", "content": None}, prompt_progress=counts)


def _prefixed(data: Callable[[int], bytes], times: int = 4) -> Callable[[Pace], Script]:
    return lambda pace: stream(pace, Shape(before=lambda pace: _every(pace, times, data)))


def _shaped(shape: Shape) -> Callable[[Pace], Script]:
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
        (*writes, Write(writes[-1].at_s, Tail().data(pace.tokens))),
        replace(Tail().expected(pace.tokens), content=text),
    )


def _raw_separators(pace: Pace) -> Script:
    """Line and paragraph separators and NEL raw inside the JSON, which only careless readers take for line ends."""
    texts = [f"{word}\u2028\u2029\u0085" for word in words(pace.tokens)]
    writes = [
        Write(pace.at_s(number), chunk({"content": text}), 1, 1, usable=True) for number, text in enumerate(texts)
    ]
    expected = replace(Tail().expected(pace.tokens), content="".join(texts))
    return Script((*writes, Write(writes[-1].at_s, Tail().data(pace.tokens))), expected)


def _reasoned(key: str) -> Callable[[Pace], Script]:
    def script(pace: Pace) -> Script:
        half, texts = pace.tokens // 2, words(pace.tokens)
        writes = [
            Write(pace.at_s(at), chunk({key if at < half else "content": text}), 1, 1, at >= half)
            for at, text in enumerate(texts)
        ]
        end = Write(writes[-1].at_s, Tail().data(pace.tokens))
        said = Tail().expected(pace.tokens)
        return Script((*writes, end), replace(said, content="".join(texts[half:]), reasoning="".join(texts[:half])))

    return script


def _inline_thought(pace: Pace) -> Script:
    """A thought inside the content, its marks cut over the deltas."""
    half, texts = pace.tokens // 2, words(pace.tokens)
    marked = ["<th", "ink>", *texts[2:half], "</thi", "nk>", *texts[half + 2 :]]
    writes = [Write(pace.at_s(at), chunk({"content": text}), 1, 1, at >= half + 2) for at, text in enumerate(marked)]
    said = replace(Tail().expected(pace.tokens), content="".join(texts[half + 2 :]), reasoning="".join(texts[2:half]))
    return Script((*writes, Write(writes[-1].at_s, Tail().data(pace.tokens))), said)


def _called(pace: Pace, deltas: Sequence[tuple[Mapping[str, Json], int]], arguments: str) -> Script:
    """A reply of tool calls: deltas and how many tokens each carries."""
    writes, at = [], 0
    for delta, tokens in deltas:
        at += tokens
        writes.append(Write(pace.at_s(at - 1), chunk({"tool_calls": [delta]}), 1, tokens, usable=True))
    tail = Tail(finish="tool_calls")
    said = replace(tail.expected(at), calls=(("look_up", arguments),))
    return Script((*writes, Write(writes[-1].at_s, tail.data(at))), said)


def _call_whole(pace: Pace) -> Script:
    arguments = json.dumps({"words": words(pace.tokens)})
    call = {"index": 0, "id": "c1", "type": "function", "function": {"name": "look_up", "arguments": arguments}}
    return _called(pace, [(call, pace.tokens)], arguments)


def _call_pieces(pace: Pace) -> Script:
    pieces = ['{"words": "', *words(pace.tokens - 3), '"}']
    head = {"index": 0, "id": "c1", "type": "function", "function": {"name": "look_up", "arguments": ""}}
    deltas: list[tuple[Mapping[str, Json], int]] = [(head, 1)]
    deltas += [({"index": 0, "function": {"arguments": piece}}, 1) for piece in pieces]
    return _called(pace, deltas, "".join(pieces))


def _crlf(pace: Pace) -> Script:
    script = stream(pace)
    writes = tuple(replace(write, data=write.data.replace(b"\n", b"\r\n")) for write in script.writes)
    return replace(script, writes=writes)


def _bare(pace: Pace) -> Script:
    """No blank after the colon, and the body ends with the connection (HTTP/1.0 servers)."""
    script = stream(pace)
    writes = tuple(replace(write, data=write.data.replace(b"data: ", b"data:")) for write in script.writes)
    return replace(script, writes=writes, framing="close")


def _buffered(pace: Pace) -> Script:
    return stream(pace, Shape(events_a_write=pace.tokens))


def _error_inside(pace: Pace) -> Script:
    """Half of the answer, then an error at HTTP 200."""
    half = replace(pace, tokens=max(1, pace.tokens // 2))
    writes = spoken(half, Shape())
    error = event({"error": {"message": "the engine gave up", "type": "server_error", "code": None}})
    said = Expected("".join(words(half.tokens)), finish_reason=None, error="server_error")
    return Script((*writes, Write(writes[-1].at_s, error + DONE)), said)


def _role_with_text(pace: Pace) -> Script:
    """Every delta repeats the role (LM Studio, mlx_lm.server, Ollama)."""
    writes = spoken(pace, Shape(), lambda text: {"role": "assistant", "content": text})
    writes = [replace(write, usable=True) for write in writes]
    said = replace(Tail().expected(pace.tokens), content="".join(words(pace.tokens)))
    return Script((*writes, Write(writes[-1].at_s, Tail().data(pace.tokens))), said)


BEHAVIOURS: Mapping[str, Callable[[Pace], Script]] = {
    "plain": stream,
    "role-with-first-token": _shaped(Shape(before=lambda pace: [Write(pace.ttft_s, ROLE)])),
    "role-every-chunk": _role_with_text,
    "role-early": _prefixed(lambda _number: ROLE, 1),
    "keepalive-comments": _prefixed(lambda number: b": keepalive %d/4096\n\n" % (1024 * number)),
    "keepalive-chunks": _prefixed(_keepalive_chunk),
    "prefill-progress": _prefixed(_progress),
    "four-tokens-an-event": _shaped(Shape(tokens_an_event=lambda _random: 4)),
    "random-tokens-an-event": _shaped(Shape(tokens_an_event=lambda chance: chance.randint(1, 5))),
    "eight-events-a-write": _shaped(Shape(events_a_write=8)),
    "split-events": _split_in_three,
    "raw-separators": _raw_separators,
    "reasoning-content": _reasoned("reasoning_content"),
    "reasoning": _reasoned("reasoning"),
    "inline-think": _inline_thought,
    "tool-call-whole": _call_whole,
    "tool-call-pieces": _call_pieces,
    "usage-on-finish": _shaped(Shape(tail=Tail(usage="finish"))),
    "usage-twice": _shaped(Shape(tail=Tail(usage="both"))),
    "usage-none": _shaped(Shape(tail=Tail(usage="none"))),
    "late-usage": _shaped(Shape(tail=Tail(delay_s=0.4))),
    "no-done": _shaped(Shape(tail=Tail(done=False))),
    "error-inside": _error_inside,
    "crlf": _crlf,
    "bare-and-closed": _bare,
    "buffered": _buffered,
}
