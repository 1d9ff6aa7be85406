"""Heads of requests and responses: what llhttp reads in them, and their bytes without the headers of one connection.

`parse_request` and `parse_response` return the head as it is passed on: every line as it came, in its order and case,
but for the hop-by-hop headers (RFC 9110, section 7.6.1). Transfer-Encoding stays, since bodies keep their framing.

The parser is C since a request waits for it: one in Python took 0.2 ms of the time to the first token in a process that
has just woken up, whose code is in no cache of the CPU any more.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from http import HTTPStatus

import httptools

from harness.proxy.bodies import Body, ChunkedBody, SizedBody, UnsizedBody

MAX_HEAD_BYTES = 1_048_576
HEAD_END = re.compile(rb"\r?\n\r?\n")
HOP_BY_HOP = frozenset(
    (
        b"connection",
        b"http2-settings",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"upgrade",
    )
)
Headers = tuple[tuple[bytes, bytes], ...]
"""Names as they came and values, in their order."""


class HeadError(ValueError):
    """A head that is not one of HTTP/1.0 or 1.1."""


@dataclass(frozen=True, slots=True)
class RequestHead:
    """A request's head. `lines` are the bytes that are passed on, without the empty line at the end."""

    method: str
    target: str
    headers: Headers
    lines: bytes
    body: Body
    persistent: bool
    upgrade: str | None

    def values(self, name: bytes) -> list[bytes]:
        """The values of a header."""
        return [value for header, value in self.headers if header.lower() == name]

    @property
    def content_length(self) -> int | None:
        """The size of the body that follows; None for a body that is sent in chunks."""
        if not isinstance(self.body, SizedBody):
            return None
        return int(next(iter(self.values(b"content-length")), b"0"))


@dataclass(frozen=True, slots=True)
class ResponseHead:
    """A response's head; `body` is None for an interim response, which a final one follows."""

    status: int
    headers: Headers
    lines: bytes
    body: Body | None
    persistent: bool


class _Fields:
    """What the parser calls back with."""

    def __init__(self) -> None:
        self.target = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.is_complete = False

    def on_url(self, part: bytes) -> None:
        self.target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value.strip()))

    def on_headers_complete(self) -> None:
        self.is_complete = True


def why_not_http1(data: bytes) -> str | None:
    """Why these first bytes of a response can become no head of HTTP/1.1; None if they can."""
    if len(data) >= 9 and data[3] in (4, 7) and data[5:9] == bytes(4):
        # A frame of SETTINGS or GOAWAY.
        return "it speaks HTTP/2 only"
    if data and not data.startswith(b"HTTP/"[: len(data)]):
        return "its first bytes are not those of an HTTP/1.1 response"
    return "the head of its response does not end" if len(data) > MAX_HEAD_BYTES else None


def error_response(status: int, message: str) -> bytes:
    """An answer of the proxy itself, after which it closes."""
    document = {"error": {"message": f"Lanebench: {message}", "type": "proxy_error"}}
    body = json.dumps(document).encode("utf-8")
    head = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Type: application/json\r\n"
    head += f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode("ascii") + body


def parse_request(raw: bytes) -> RequestHead:
    """Parse a request's head with the empty line at its end. Raises HeadError."""
    fields = _Fields()
    parser = httptools.HttpRequestParser(fields)
    version = _parse(parser, fields, raw)
    if version not in ("1.0", "1.1"):
        raise HeadError("the client does not speak HTTP/1.1")
    method, headers = parser.get_method(), tuple(fields.headers)
    tokens = _connection_tokens(headers)
    return RequestHead(
        method=method.decode("ascii"),
        target=fields.target.decode("latin-1"),
        headers=headers,
        lines=_forwarded_lines(raw, tokens),
        body=_body(headers) or SizedBody(0),
        persistent=version == "1.1" and b"close" not in tokens,
        upgrade=_upgrade(method, headers),
    )


def parse_response(raw: bytes, method: str) -> ResponseHead:
    """Parse the head of a response to a request of this method. Raises HeadError."""
    fields = _Fields()
    parser = httptools.HttpResponseParser(fields)
    version = _parse(parser, fields, raw)
    status, headers = parser.get_status_code(), tuple(fields.headers)
    body = _response_body(status, headers, method)
    return ResponseHead(
        status=status,
        headers=headers,
        lines=_forwarded_lines(raw, _connection_tokens(headers)),
        body=body,
        persistent=version == "1.1" and not isinstance(body, UnsizedBody),
    )


def _parse(parser: httptools.HttpRequestParser | httptools.HttpResponseParser, fields: _Fields, raw: bytes) -> str:
    """Fill the fields; returns the version of HTTP. Raises HeadError."""
    # Folded headers and bare newlines are obsolete, but mislead nobody about where the message ends.
    parser.set_dangerous_leniencies(lenient_headers=True)
    try:
        parser.feed_data(raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
    except httptools.HttpParserUpgrade:
        # Raised behind the head of a request that wants to upgrade, which the caller refuses.
        return parser.get_http_version()
    except httptools.HttpParserError as error:
        raise HeadError(f"this is not HTTP/1.1 ({error})") from error
    if not fields.is_complete:
        raise HeadError("this is not HTTP/1.1 (the head is not whole)")
    return parser.get_http_version()


def _response_body(status: int, headers: Headers, method: str) -> Body | None:
    if status < HTTPStatus.OK:
        return None
    if method == "HEAD" or status in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
        return SizedBody(0)
    return _body(headers) or UnsizedBody()


def _body(headers: Headers) -> Body | None:
    """The body that the headers announce; the parser has checked them."""
    values = {name.lower(): value for name, value in headers}
    if b"transfer-encoding" in values:
        return ChunkedBody()
    if b"content-length" in values:
        return SizedBody(int(values[b"content-length"].partition(b",")[0]))
    return None


def _connection_tokens(headers: Headers) -> frozenset[bytes]:
    values = (value for name, value in headers if name.lower() == b"connection")
    return frozenset(token.strip().lower() for value in values for token in value.split(b","))


def _upgrade(method: bytes, headers: Headers) -> str | None:
    """To what the client wants to upgrade the connection; None if it does not.

    HTTP/2 without TLS (h2c), which Java's client offers with each first request, goes on as HTTP/1.1 where the offer is
    ignored.
    """
    if method == b"CONNECT":
        return "a tunnel (CONNECT)"
    values = (value.decode("latin-1") for name, value in headers if name.lower() == b"upgrade")
    return next((value for value in values if value.lower() != "h2c"), None)


def _forwarded_lines(raw: bytes, tokens: frozenset[bytes]) -> bytes:
    """The head's lines without hop-by-hop headers and those that Connection names."""
    return drop_headers(raw, HOP_BY_HOP | (tokens - {b"content-length", b"transfer-encoding"}))


def drop_headers(raw: bytes, names: frozenset[bytes]) -> bytes:
    """A head's lines without these headers; continuation lines go along."""
    first, *lines = HEAD_END.split(raw, maxsplit=1)[0].split(b"\n")
    kept, dropping = [first.rstrip(b"\r")], False
    for line in lines:
        if line[:1] not in (b" ", b"\t"):
            dropping = line.partition(b":")[0].strip().lower() in names
        if not dropping:
            kept.append(line.rstrip(b"\r"))
    return b"\r\n".join(kept)
