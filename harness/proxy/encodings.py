"""Undoes the compression of a body when it is read: `decode_reads` for a response, `decode_body` for a request.

The proxy passes on and stores a body as it came. gzip and deflate are read; another encoding, such as br or zstd, is
left as it is.
"""

from __future__ import annotations

import zlib

from harness.proxy.secrets import Reads

_MAX_DECODED_BYTES = 64 * 1024 * 1024
"""A small body can become a thousand times as large. What comes beyond it is left out."""
_READABLE = ("gzip", "x-gzip", "deflate")


def unread_encoding(encoding: str) -> str | None:
    """The encoding of a body that cannot be read; None for one that can."""
    return None if encoding in ("", "identity", *_READABLE) else encoding


def decode_reads(reads: Reads, encoding: str) -> Reads:
    """The decompressed reads, each with its time; one whose bytes complete nothing yet is left out.

    A broken body ends where it breaks.
    """
    if encoding not in _READABLE:
        return reads
    decoded, left = Reads(), _MAX_DECODED_BYTES
    # With 32 zlib recognizes both gzip and the header of deflate.
    decoder = zlib.decompressobj(32 + zlib.MAX_WBITS)
    for at_ns, piece in zip(reads.times_ns, reads.pieces, strict=True):
        try:
            data = decoder.decompress(piece, left)
        except zlib.error:
            break
        if data:
            decoded.times_ns.append(at_ns)
            decoded.pieces.append(data)
        left -= len(data)
        # A limit of 0 would be none.
        if left <= 0:
            break
    return decoded


def decode_body(body: bytes, encoding: str) -> bytes:
    """A decompressed body; as it came if nothing of it can be decompressed."""
    return b"".join(decode_reads(Reads([0], [body]), encoding).pieces) or body
