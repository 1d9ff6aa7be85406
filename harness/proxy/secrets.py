"""Keeps keys and cookies, which are passed on, out of the files: in headers, queries (`hide_query`) and bodies.

What a header or a query calls a key is replaced there. Its value is also replaced by as many asterisks in bodies,
since some servers repeat it in an error and some agents read it from their environment.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from harness.proxy.heads import Headers

HIDDEN = "(not stored)"
MIN_CHARS_IN_BODY = 16
MIN_CHARS_IN_ERROR = 4
"""A shorter key, such as `none` or `lm-studio`, may be an ordinary word of a body, and is replaced in errors only."""
_SECRET_NAME = re.compile(
    r"authorization|cookie|credential|passw|secret|(?:^|[-_])(?:auth|token|sig|signature)$|api[-_]?key|^key$|[-_]key$",
    re.IGNORECASE,
)
_QUERY_VALUE = re.compile(r"([?&])([^=&]+)=([^&]*)")

Piece = tuple[int, bytes]
"""The time of a read, and its bytes."""


def min_chars_to_hide(status: int) -> int:
    """How long a key must be to be replaced in the body of a response."""
    return MIN_CHARS_IN_ERROR if status >= 400 else MIN_CHARS_IN_BODY


def is_secret_name(name: str) -> bool:
    """Whether a header or a query's parameter of this name may hold a key or a cookie."""
    return _SECRET_NAME.search(name) is not None


def hide_headers(headers: Headers) -> list[list[str]]:
    """The headers as they are stored."""
    decoded = ((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers)
    return [[name, HIDDEN if is_secret_name(name) else value] for name, value in decoded]


def hide_query(target: str) -> str:
    """A request's target as it is stored and printed."""
    return _QUERY_VALUE.sub(lambda m: f"{m[1]}{m[2]}={HIDDEN if is_secret_name(m[2]) else m[3]}", target)


def find_secrets(target: str, headers: Headers) -> frozenset[bytes]:
    """The keys and cookies of a request or a response."""
    found = {match[3].encode("latin-1") for match in _QUERY_VALUE.finditer(target) if is_secret_name(match[2])}
    for name, value in headers:
        if is_secret_name(name.decode("latin-1")):
            found |= _secrets_in(name.lower(), value)
    return frozenset(secret for secret in found if secret)


def _secrets_in(name: bytes, value: bytes) -> set[bytes]:
    """A header's value, and the parts of it that may stand elsewhere on their own."""
    if name in (b"cookie", b"set-cookie"):
        # What follows the first pair of Set-Cookie are attributes, such as the path.
        parts = value.split(b";")[: None if name == b"cookie" else 1]
        return {part.strip().partition(b"=")[2] for part in parts}
    return {value, value.partition(b" ")[2].strip()}


class SecretFilter:
    """Replaces secrets in a body that comes in pieces; each piece keeps its time and its length.

    A piece that ends like the beginning of a secret is held until the next one comes.
    """

    def __init__(self, secrets: Iterable[bytes]) -> None:
        self._secrets = sorted(secrets, key=len, reverse=True)
        self._held: list[Piece] = []
        self._starts: dict[int, list[bytes]] = {}
        for secret in self._secrets:
            for end in range(1, len(secret)):
                self._starts.setdefault(secret[end - 1], []).append(secret[:end])

    def feed(self, at_ns: int, data: bytes) -> list[Piece]:
        """The pieces that can be stored now."""
        if not self._secrets:
            return [(at_ns, data)]
        self._held.append((at_ns, data))
        joined = data if len(self._held) == 1 else b"".join(piece for _, piece in self._held)
        if joined and any(joined.endswith(start) for start in self._starts.get(joined[-1], ())):
            return []
        return self._release(joined)

    def flush(self) -> list[Piece]:
        """What is still held when the body ends."""
        return self._release(b"".join(piece for _, piece in self._held))

    def _release(self, joined: bytes) -> list[Piece]:
        for secret in self._secrets:
            if secret in joined:
                joined = joined.replace(secret, b"*" * len(secret))
        out, at = [], 0
        for at_ns, piece in self._held:
            out.append((at_ns, joined[at : at + len(piece)]))
            at += len(piece)
        self._held = []
        return out
