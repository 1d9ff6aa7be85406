"""Undoes the compression of a body when it is read: `decode_reads` for a response, `decode_body` for a request.

The proxy passes on and stores a body as it came. gzip and deflate are read; another encoding, such as br or zstd, is
left as it is.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from harness.proxy.secrets import Reads

_MAX_DECODED_BYTES = 64 * 1024 * 1024
"""A small body can become a thousand times as large. What comes beyond it is left out."""
_READABLE = ("gzip", "x-gzip", "deflate")
_ANY_HEADER = 32 + zlib.MAX_WBITS
"""zlib recognizes both gzip and the header of deflate."""
_BLOCK_BYTES = 4096
"""What follows a member of gzip is copied, which many small members would do with all of a body."""


def content_encoding(headers: Iterable[tuple[str, str]]) -> str:
    """The encoding that headers name, in lowercase; empty without one."""
    return next((value.strip().lower() for name, value in headers if name.lower() == "content-encoding"), "")


def unread_encoding(encoding: str) -> str | None:
    """The encoding of a body that cannot be read; None for one that can."""
    return None if encoding in ("", "identity", *_READABLE) else encoding


class _Decoder:
    """Decompresses a body that comes in pieces, until it breaks or grows too large."""

    def __init__(self, encoding: str) -> None:
        self._decoder = zlib.decompressobj(_ANY_HEADER)
        self._left = _MAX_DECODED_BYTES
        self._may_be_raw = encoding == "deflate"
        """Some servers send deflate without its header, which only the first two bytes tell."""
        self._first = b""
        self.is_over = False

    def decode(self, piece: bytes) -> bytes:
        """What these bytes complete."""
        if self._may_be_raw:
            piece = self._first + piece
            if len(piece) < 2:
                self._first = piece
                return b""
        parts = list[bytes]()
        for start in range(0, len(piece), _BLOCK_BYTES):
            block = piece[start : start + _BLOCK_BYTES]
            while block and not self.is_over:
                parts.append(self._decode_member(block))
                block = self._decoder.unused_data
        return b"".join(parts)

    def _decode_member(self, block: bytes) -> bytes:
        """What the member completes that begins or goes on with this block; a body of gzip can have several."""
        if self._decoder.eof:
            self._decoder = zlib.decompressobj(_ANY_HEADER)
        may_be_raw, self._may_be_raw = self._may_be_raw, False
        try:
            data = self._decoder.decompress(block, self._left)
        except zlib.error:
            if may_be_raw:
                self._decoder = zlib.decompressobj(-zlib.MAX_WBITS)
                return self._decode_member(block)
            self.is_over = True
            return b""
        self._left -= len(data)
        # A limit of 0 would be none.
        self.is_over = self._left <= 0
        return data


def decode_reads(reads: Reads, encoding: str) -> Reads:
    """The decompressed reads, each with its time; one whose bytes complete nothing yet is left out.

    A broken body ends where it breaks.
    """
    if encoding not in _READABLE:
        return reads
    decoded, decoder = Reads(), _Decoder(encoding)
    for at_ns, piece in zip(reads.times_ns, reads.pieces, strict=True):
        data = decoder.decode(piece)
        if data:
            decoded.times_ns.append(at_ns)
            decoded.pieces.append(data)
        if decoder.is_over:
            break
    return decoded


def decode_body(body: bytes, encoding: str) -> bytes:
    """A decompressed body; as it came if nothing of it can be decompressed."""
    return b"".join(decode_reads(Reads([0], [body]), encoding).pieces) or body
