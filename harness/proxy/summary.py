"""The line that is printed for a request: path, prompt tokens, cached, TTFT, tokens, tok/s, status.

`ResponseRecord` is what the line needs of an exchange, `summarize_exchange` makes the line. Reading a stream takes as
long as passing it on and would delay others, so `SummaryProcess` does it in a process of its own.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection

from harness.proxy.encodings import decode_reads, unread_encoding
from harness.proxy.exchanges import relative_chunks
from harness.proxy.secrets import Reads
from harness.read import count_tokens, read
from harness.types import EndReason, ExchangeEnd, Reading, Recording, TrialKey

_UNKNOWN = "-"
_PATH_CHARS = 34
_END_WORDS: dict[ExchangeEnd, str] = {
    "client_closed": "client left",
    "reset": "server closed early",
    "protocol_error": "broken response",
    "stopped": "proxy stopped",
}


@dataclass(frozen=True, slots=True)
class ResponseRecord:
    """What is known of an exchange when it ends; times are of the monotonic clock."""

    path: str
    status: int | None
    sent_ns: int | None
    chunks: Reads
    end_reason: ExchangeEnd
    error: str | None
    encoding: str = ""
    """The response's Content-Encoding in lower case."""


Summarizer = Callable[[ResponseRecord], str]


class SummaryProcess:
    """Makes lines in a process, which ends with its pipe: also if the proxy is killed."""

    def __init__(self) -> None:
        """Start the process."""
        context = get_context("spawn")
        self._pipe, end = context.Pipe()
        self._process = context.Process(target=_make_lines, args=(end,), daemon=True)
        # The process inherits that SIGINT waits: Ctrl-C goes to the whole process group, also while it still imports.
        # Started first, since the start of the tracker lets signals through again.
        resource_tracker.ensure_running()
        masked = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT,))
        try:
            self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, masked)
        end.close()

    def __call__(self, record: ResponseRecord) -> str:
        """The line of an exchange."""
        self._pipe.send(record)
        return str(self._pipe.recv())

    def close(self) -> None:
        """End the process."""
        self._pipe.close()
        self._process.join()


def _make_lines(pipe: Connection) -> None:
    # The proxy still wants the last lines after Ctrl-C.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(EOFError, OSError):
        while True:
            pipe.send(summarize_exchange(pipe.recv()))


def summarize_exchange(record: ResponseRecord) -> str:
    """The line of an exchange."""
    reading = read_response(record)
    usage, timings = reading.usage, reading.timings
    tokens = count_tokens(usage, reading.counts.token_events)[0] or (usage.completion_tokens if usage else None)
    if usage is None and tokens is None:
        return f"{record.path:<{_PATH_CHARS}}  {_status(record)}"
    ttft = _UNKNOWN if timings.ttft_s is None else f"{timings.ttft_s:.2f} s"
    rate = _UNKNOWN if timings.decode_tps is None else f"{timings.decode_tps:.1f} tok/s"
    return (
        f"{record.path:<{_PATH_CHARS}}  prompt {_count(usage.prompt_tokens if usage else None)}"
        f"  cached {_count(usage.cached_tokens if usage else None)}  TTFT {ttft:>8}"
        f"  tokens {_count(tokens)}  {rate:>12}  {_status(record)}"
    )


def read_response(record: ResponseRecord) -> Reading:
    """What the response of an exchange says."""
    return read(_recording(record))


def _count(tokens: int | None) -> str:
    return f"{_UNKNOWN if tokens is None else tokens:>6}"


def _status(record: ResponseRecord) -> str:
    """The server's status, and how the exchange ended if not well."""
    if record.status is None:
        return record.error or _END_WORDS.get(record.end_reason, record.end_reason)
    encoding = unread_encoding(record.encoding)
    words = (_END_WORDS.get(record.end_reason), f"not readable: compressed with {encoding}" if encoding else None)
    return ", ".join(word for word in (str(record.status), *words) if word)


def _recording(record: ResponseRecord) -> Recording:
    start_ns = record.sent_ns or 0
    reason: EndReason = "complete" if record.end_reason == "complete" else "reset"
    return Recording(
        key=TrialKey("proxy", "session", 0),
        turn=0,
        variant=0,
        sent_at="",
        sent_ns=record.sent_ns,
        url=record.path,
        request={},
        status=record.status,
        headers={},
        headers_ns=None,
        chunks=relative_chunks(decode_reads(record.chunks, record.encoding), start_ns),
        end_reason=reason,
        ended_ns=None,
    )
