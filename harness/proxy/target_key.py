"""The API key of the target: `TargetKey` puts it in place of the client's, and keeps it from what the client reads.

So a client uses a server that wants a key without ever having the key. Some servers repeat a key in an error.
"""

from __future__ import annotations

from harness.proxy.bodies import ChunkedBody
from harness.proxy.heads import ResponseHead, drop_headers
from harness.proxy.secrets import Reads, SecretFilter, min_chars_to_hide
from harness.record import authorization

_REPLACED = frozenset((b"authorization", b"x-api-key", b"api-key", b"accept-encoding"))


class TargetKey:
    """A key, as it is sent to the target. Raises ConfigError for a key that no header can carry."""

    def __init__(self, key: str) -> None:
        name, value = authorization(key)
        # A compressed response could not be searched for the key.
        self._lines = b"\r\nAccept-Encoding: identity\r\n" + name + b": " + value
        self.secret = key.encode("ascii")

    def request_lines(self, lines: bytes) -> bytes:
        """The lines of a request's head with this key and no other."""
        return drop_headers(lines, _REPLACED) + self._lines

    def hide(self, head: bytes) -> bytes:
        """A response's head without the key."""
        return head.replace(self.secret, b"*" * len(self.secret))


class KeylessBody:
    """A response's body without the key, framed anew: a key may be split over two chunks."""

    def __init__(self, key: TargetKey, head: ResponseHead) -> None:
        self._filter = SecretFilter([key.secret] if len(key.secret) >= min_chars_to_hide(head.status) else [])
        self._is_chunked = isinstance(head.body, ChunkedBody)

    def feed(self, payload: bytes) -> bytes:
        """What the client gets of this payload; what may be the beginning of the key waits for the next one."""
        return b"".join(self._framed(data) for data in self._filter.feed(Reads([0], [payload])).pieces)

    def finish(self) -> bytes:
        """The end of the body."""
        rest = b"".join(self._framed(data) for data in self._filter.flush().pieces)
        return rest + (b"0\r\n\r\n" if self._is_chunked else b"")

    def _framed(self, data: bytes) -> bytes:
        return b"%x\r\n%b\r\n" % (len(data), data) if self._is_chunked and data else data
