"""Keeps keys and cookies, which are passed on, out of the files: in headers, targets (`hide_target`) and bodies.

What a header or a query calls a key is replaced there. Its value is also replaced by as many asterisks in bodies,
since some servers repeat it in an error and some agents read it from their environment. Keys that only the JSON of a
request has are json_secrets.py's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate, pairwise

from harness.proxy.heads import Headers

HIDDEN = "(not stored)"
MIN_CHARS_IN_BODY = 16
MIN_CHARS_IN_ERROR = 4
"""A shorter key, such as `none` or `lm-studio`, may be an ordinary word of a body, and is replaced in errors only."""
_COMMON_NAMES = "authorization|cookie|credential|passw|passphrase|api[-_]?key|(?:access|auth|refresh|session)[-_]?token"
_SECRET_NAME = re.compile(
    rf"{_COMMON_NAMES}|secret|(?:^|[-_])(?:auth|bearer|jwt|key|pwd|sig|signature|token)(?:[-_]?v?\d+)?$",
    re.IGNORECASE,
)
_SECRET_FIELD = re.compile(
    rf"{_COMMON_NAMES}|(?:^|[-_.])secrets?(?:$|[-_.])|(?:access|auth|private)[-_]?key$"
    r"|(?:(?:^|[-_.])(?:auth|bearer|jwt|pwd|(?:api|bearer|bot|client|github|gitlab|hf|id|npm|slack)[-_]?token)|^token)(?:[-_]?v?\d+)?$",
    re.IGNORECASE,
)
"""In a body a key may be one to press, a signature that of a thought, and a token a word or the place to go on from."""
_CAMEL_CASE = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_USER_INFO = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*://)([^/?#]*)@")
_QUERY_VALUE = re.compile(r"([?&])([^=&]+)=([^&]*)")


@dataclass(slots=True)
class Reads:
    """Reads of a body, in two flat lists: the monotonic time of each, and its bytes.

    Numbers and bytes are all that a stream leaves behind: an object for each read would be searched for garbage.
    """

    times_ns: list[int] = field(default_factory=list)
    pieces: list[bytes] = field(default_factory=list)

    def take(self) -> Reads:
        """Remove and return what is there; another thread may add reads meanwhile.

        A piece is added after its time, so each piece that is there has one.
        """
        count = len(self.pieces)
        taken = Reads(self.times_ns[:count], self.pieces[:count])
        del self.times_ns[:count], self.pieces[:count]
        return taken

    def extend(self, others: Reads) -> None:
        """Add reads that came later."""
        self.times_ns += others.times_ns
        self.pieces += others.pieces


def min_chars_to_hide(status: int) -> int:
    """How long a key must be to be replaced in the body of a response."""
    return MIN_CHARS_IN_ERROR if status >= 400 else MIN_CHARS_IN_BODY


@lru_cache(1024)
def is_secret_name(name: str) -> bool:
    """Whether a header or a parameter of this name, such as `X-Api-Key` or `accessToken`, may hold a key or cookie."""
    return _SECRET_NAME.search(_CAMEL_CASE.sub("-", name)) is not None


@lru_cache(1024)
def is_secret_field(name: str) -> bool:
    """Whether a string under this name in JSON, such as `api_key` or `clientSecret`, may be a key."""
    return _SECRET_FIELD.search(_CAMEL_CASE.sub("-", name)) is not None


def hide_headers(headers: Headers) -> list[list[str]]:
    """The headers as they are stored."""
    decoded = ((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers)
    return [[name, HIDDEN if is_secret_name(name) else value] for name, value in decoded]


def hide_target(target: str) -> str:
    """A request's target as it is stored and printed: without a user's name and password, and the keys of its query."""
    target = _USER_INFO.sub(r"\1", target)
    return _QUERY_VALUE.sub(lambda m: f"{m[1]}{m[2]}={HIDDEN if is_secret_name(m[2]) else m[3]}", target)


def find_secrets(target: str, headers: Headers) -> frozenset[bytes]:
    """The keys and cookies of a request or a response."""
    found = {match[3].encode("latin-1") for match in _QUERY_VALUE.finditer(target) if is_secret_name(match[2])}
    if user_info := _USER_INFO.match(target):
        found.add(user_info[2].partition(":")[2].encode("latin-1"))
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
    return secret_parts(value)


def secret_parts(value: bytes) -> set[bytes]:
    """A value, and what follows its scheme, such as `Bearer`."""
    return {part for part in (value, value.partition(b" ")[2].strip()) if part}


class SecretFilter:
    """Replaces secrets in a body that comes in pieces; each piece keeps its time and its length.

    Pieces that end like the beginning of a secret are held until the next ones come.
    """

    def __init__(self, secrets: Iterable[bytes]) -> None:
        self._secrets = sorted(secrets, key=len, reverse=True)
        self._held = Reads()
        self._inner_bytes = [frozenset(secret[:-1]) for secret in self._secrets]
        """Of each secret the bytes that its beginnings end with: nearly no read of a stream ends with one."""

    def feed(self, reads: Reads) -> Reads:
        """The reads that can be stored now."""
        if not self._secrets:
            return reads
        self._held.extend(reads)
        joined = b"".join(self._held.pieces)
        if joined and self._may_go_on(joined):
            return Reads()
        return self._release(joined)

    def _may_go_on(self, joined: bytes) -> bool:
        """Whether a secret may begin at the end of these bytes and go on in the next ones."""
        last = joined[-1]
        return any(
            last in inner_bytes and _ends_with_beginning(joined, secret)
            for secret, inner_bytes in zip(self._secrets, self._inner_bytes, strict=True)
        )

    def flush(self) -> Reads:
        """What is still held when the body ends."""
        return self._release(b"".join(self._held.pieces))

    def _release(self, joined: bytes) -> Reads:
        released, self._held = self._held, Reads()
        found = [secret for secret in self._secrets if secret in joined]
        if found:
            for secret in found:
                joined = joined.replace(secret, b"*" * len(secret))
            released.pieces = split_bytes(joined, map(len, released.pieces))
        return released


def _ends_with_beginning(joined: bytes, secret: bytes) -> bool:
    """Whether the bytes end with a beginning of the secret, not all of it."""
    # Compared in place: a copy of each beginning would take the square of a key's length.
    view, first = memoryview(joined), secret[:1]
    at = joined.find(first, max(0, len(joined) - len(secret) + 1))
    while at >= 0:
        if secret.startswith(view[at:]):
            return True
        at = joined.find(first, at + 1)
    return False


def split_bytes(joined: bytes, sizes: Iterable[int]) -> list[bytes]:
    """The pieces of these sizes."""
    ends = [0, *accumulate(sizes)]
    return [joined[start:end] for start, end in pairwise(ends)]
