"""Keeps keys in the JSON of a request out of the files: `JsonSecretFilter` hides the strings under their names.

`api_key` for a gateway, or `authorization` and `headers` of an MCP server, are fields of the body. Only names of the
JSON itself count: what an agent writes or reads, also JSON in a string, stays as it is.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8

from harness.proxy.secrets import Reads, is_secret_field, secret_parts, split_bytes

_MEMBER = re.compile(rb'"([A-Za-z][\w.-]{0,63}+)"\s{0,64}+:\s{0,64}+"')
"""A name and what precedes the string under it. The quantifiers are possessive: it takes a third of the time."""
_OPEN_MEMBER = re.compile(rb'"(?:[A-Za-z][\w.-]{0,63}(?:"\s{0,64}(?::\s{0,64})?)?)?\Z')
_MAX_MEMBER_BYTES = 256
_STRING_REST = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_MAX_VALUES = 100
_MAX_VALUE_BYTES = 16_384
_MAX_LEADING_WHITESPACE = 4096


class JsonSecretFilter:
    """Replaces the strings under secret names by asterisks, in a JSON body that comes in pieces.

    Each piece keeps its time and its length. Pieces that end within a name, or before its value, are held until the
    next ones come. `found` are the values, for what repeats them; beyond a number or a length they are left out.
    """

    def __init__(self) -> None:
        self._held = Reads()
        self._is_json: bool | None = None
        self._value: bytearray | None = None
        """What came of the value that is being hidden."""
        self._is_escaped = False
        """Whether the next byte belongs to an escape, which began with the last one."""
        self.found: set[bytes] = set()

    def feed(self, reads: Reads) -> Reads:
        """The reads that can be stored now."""
        if not reads.pieces or self._is_json is False:
            return reads
        self._held.extend(reads)
        joined = b"".join(self._held.pieces)
        if self._is_json is None:
            start = joined.removeprefix(BOM_UTF8).lstrip()[:1]
            if (not start or BOM_UTF8.startswith(joined)) and len(joined) < _MAX_LEADING_WHITESPACE:
                return Reads()
            self._is_json = start in (b"{", b"[")
            if not self._is_json:
                return self.flush()
        masked = self._mask(joined)
        if masked is not joined:
            self._held.pieces = split_bytes(masked, map(len, self._held.pieces))
        opened = (
            None if self._value is not None else _OPEN_MEMBER.search(masked, max(0, len(masked) - _MAX_MEMBER_BYTES))
        )
        return self._release(len(masked) if opened is None else opened.start())

    def flush(self) -> Reads:
        """What is still held when the body ends."""
        released, self._held = self._held, Reads()
        return released

    def _release(self, size: int) -> Reads:
        """The pieces that end within the first bytes."""
        count = 0
        for piece in self._held.pieces:
            size -= len(piece)
            if size < 0:
                break
            count += 1
        released = Reads(self._held.times_ns[:count], self._held.pieces[:count])
        self._held = Reads(self._held.times_ns[count:], self._held.pieces[count:])
        return released

    def _mask(self, data: bytes) -> bytes:
        """The bytes with asterisks; the same object if nothing in them is hidden."""
        parts, at = list[bytes](), 0
        while at < len(data):
            if self._value is None:
                member = next(
                    (each for each in _MEMBER.finditer(data, at) if is_secret_field(each[1].decode("latin-1"))), None
                )
                end = len(data) if member is None else member.end()
                self._value = None if member is None else bytearray()
                if end - at == len(data):
                    return data
                parts.append(data[at:end])
            else:
                end = self._end_of_value(data, at)
                parts.append(b"*" * (end - at))
            at = end
        return b"".join(parts)

    def _end_of_value(self, data: bytes, start: int) -> int:
        """Where the value ends that is being hidden, or the data."""
        rest = _STRING_REST.match(data, start + self._is_escaped)
        end = len(data) if rest is None else rest.end()
        self._is_escaped = data[end : end + 1] == b"\\"
        if self._is_escaped:
            end += 1
        value = self._value
        if value is not None and len(value) <= _MAX_VALUE_BYTES:
            value += data[start : min(end, start + _MAX_VALUE_BYTES + 1)]
        if end < len(data):
            self._keep(bytes(value or b""))
            self._value = None
        return end

    def _keep(self, value: bytes) -> None:
        # What was masked and then held comes by here once more.
        if value.strip(b"*") and len(value) <= _MAX_VALUE_BYTES and len(self.found) < _MAX_VALUES:
            self.found |= secret_parts(value)
