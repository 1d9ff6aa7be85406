"""Reads what the proxy kept: `read_exchanges` puts the lines of exchanges.jsonl together to exchanges."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass, field
from pathlib import Path

from harness.apis import parse_object
from harness.errors import RunError
from harness.files import read_lines
from harness.proxy.encodings import content_encoding, decode_body, decode_reads
from harness.proxy.journal import JOURNAL
from harness.proxy.secrets import Reads, split_bytes
from harness.record import CLOCK_WRAP_NS
from harness.schema import Location, validate
from harness.types import Chunk, EndReason, Exchange, ExchangeEnd, Json, Recording, TrialKey

_MAX_PROBLEMS = 20
_END_REASONS: dict[ExchangeEnd | None, EndReason] = {
    "complete": "complete",
    "connect_failed": "connect_failed",
    "protocol_error": "protocol_error",
    "refused": "protocol_error",
}
"""The end reason of a recording; `reset` for the others, where the response is not whole."""


@dataclass(slots=True)
class _Lines:
    """The lines of one exchange."""

    session: int
    url: str
    request: dict[str, Json]
    body: list[bytes] = field(default_factory=list)
    sent: dict[str, Json] | None = None
    response: dict[str, Json] | None = None
    chunks: Reads = field(default_factory=Reads)
    end: dict[str, Json] | None = None

    def add(self, line: dict[str, Json]) -> None:
        """Take the next line. Raises ValueError if its data is damaged."""
        kind = line["kind"]
        if kind == "body":
            self.body.append(_data(line))
        elif kind == "chunks":
            self.chunks.extend(_reads(line))
        elif kind == "sent":
            self.sent = line
        elif kind == "response":
            self.response = line
        else:
            self.end = line

    def exchange(self) -> Exchange:
        """The exchange, as far as it was recorded."""
        body = b"".join(self.body)
        response_headers = _headers(self.response)
        return Exchange(
            session=self.session,
            number=self.request["exchange"],
            received_ns=self.request["at_ns"],
            method=self.request["method"],
            target=self.request["target"],
            request_headers=_headers(self.request),
            body=body,
            response_headers=response_headers,
            end_reason=self.end["end_reason"] if self.end else None,
            recording=self._recording(body, response_headers),
        )

    def _recording(self, body: bytes, response_headers: tuple[tuple[str, str], ...]) -> Recording:
        sent_ns = self.sent["at_ns"] if self.sent else None
        start_ns = self.request["at_ns"] if sent_ns is None else sent_ns
        return Recording(
            key=TrialKey("proxy", "session", self.request["exchange"]),
            turn=0,
            variant=0,
            sent_at=self.sent["at"] if self.sent else "",
            sent_ns=sent_ns,
            url=self.url + self.request["target"],
            request=_request(body, content_encoding(_headers(self.request))),
            status=self.response["status"] if self.response else None,
            headers={name.lower(): value for name, value in response_headers},
            headers_ns=_since(start_ns, self.response),
            chunks=relative_chunks(decode_reads(self.chunks, content_encoding(response_headers)), start_ns),
            end_reason=_END_REASONS.get(self.end["end_reason"] if self.end else None, "reset"),
            ended_ns=_since(start_ns, self.end),
            error=self.end["error"] if self.end else "the proxy was killed",
        )


def _headers(line: dict[str, Json] | None) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in line["headers"]) if line else ()


def _request(body: bytes, encoding: str) -> dict[str, Json]:
    """The JSON object of a request; empty for anything else."""
    # Servers ignore the header where the body is plain JSON.
    plain = parse_object(body.decode("utf-8", "replace"))
    return parse_object(decode_body(body, encoding).decode("utf-8", "replace")) or {} if plain is None else plain


def _reads(line: dict[str, Json]) -> Reads:
    """The reads of a line. Raises ValueError."""
    times_ns = [line["at_ns"] + after for after in line["after_ns"]]
    return Reads(times_ns, split_bytes(_data(line), line["sizes"]))


def _data(line: dict[str, Json]) -> bytes:
    """The bytes of a line. Raises ValueError if they are no base64, or not as many reads as its times and sizes say."""
    data = b64decode(line["data"], validate=True)
    if len(line["after_ns"]) != len(line["sizes"]) or sum(line["sizes"]) != len(data):
        raise ValueError("data, sizes and after_ns do not belong together")
    return data


def _since(start_ns: int, line: dict[str, Json] | None) -> int | None:
    return (line["at_ns"] - start_ns) % CLOCK_WRAP_NS if line else None


def relative_chunks(reads: Reads, start_ns: int) -> tuple[Chunk, ...]:
    """The chunks of a recording whose times begin at this moment of the monotonic clock."""
    pairs = zip(reads.times_ns, reads.pieces, strict=True)
    return tuple(Chunk((at_ns - start_ns) % CLOCK_WRAP_NS, data) for at_ns, data in pairs)


def read_exchanges(folder: Path) -> tuple[Exchange, ...]:
    """The exchanges of all sessions in a folder, in the order of their requests. Raises RunError."""
    path, session, url = folder / JOURNAL, -1, ""
    found: dict[tuple[int, int], _Lines] = {}
    for number, line in read_lines(path):
        problems = validate("exchange", line, Location(f"{path}, line {number}"))
        if problems:
            raise RunError(*problems[:_MAX_PROBLEMS])
        if line["kind"] == "start":
            session, url = session + 1, line["url"]
            continue
        key = (session, line.get("exchange", -1))
        if (line["kind"] == "request") == (key in found):
            message = f"{path}, line {number}: out of order: the file was modified after the session"
            raise RunError(message, fix="use an unmodified copy")
        if line["kind"] == "request":
            found[key] = _Lines(session, url, line)
        else:
            try:
                found[key].add(line)
            except ValueError as error:
                raise RunError(f"{path}, line {number}: damaged: {error}", fix="use an unmodified copy") from error
    # An exchange that is over soon is written before a slow one that began earlier.
    return tuple(found[key].exchange() for key in sorted(found))
