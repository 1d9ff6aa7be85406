"""A request as httpcore wants it: its address, its headers, its body as bytes. Sends nothing."""

from __future__ import annotations

import json
from urllib.parse import quote, urlsplit

import httpcore

from harness.errors import ConfigError
from harness.types import Json

_KEPT_IN_URL = ":/?#[]@!$&'()*+,;=%"


def url_of(text: str) -> httpcore.URL:
    """The address. Raises ConfigError where it is none."""
    try:
        parts = urlsplit(text)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("it has to begin with http:// or https:// and name a host")
        return httpcore.URL(quote(text, safe=_KEPT_IN_URL))
    except (ValueError, TypeError) as error:
        raise ConfigError(f"{text}: not an address: {error}; correct base_url") from error


def headers_of(secret: str | None) -> list[tuple[bytes, bytes]]:
    """The headers of every request. Raises ConfigError for a key that no header can carry, without telling it."""
    headers = [
        (b"Content-Type", b"application/json"),
        (b"Accept", b"text/event-stream"),
        (b"Accept-Encoding", b"identity"),
        (b"User-Agent", b"lanebench"),
    ]
    if not secret:
        return headers
    if not (secret.isascii() and secret.isprintable() and secret == secret.strip()):
        raise ConfigError(
            "the API key holds a blank at its end, a line end or a letter that no HTTP header can carry: "
            "export the variable of key_env again"
        )
    return [*headers, (b"Authorization", b"Bearer " + secret.encode("ascii"))]


def without_secret(data: bytes, status: int | None, secret: str | None) -> bytes:
    """A refusal without the key that some servers repeat in it: as long as before, so that pieces can be cut anew.

    An answer is left as it is: a key that is a common word may stand in it.
    """
    if not secret or status is None or status < 400:
        return data
    return data.replace(secret.encode("utf-8"), b"*" * len(secret.encode("utf-8")))


def body_of(document: Json) -> bytes:
    """A JSON body. Half characters, which models do write, are escaped. Raises ConfigError for what is no JSON."""
    try:
        try:
            return json.dumps(document, ensure_ascii=False, allow_nan=False).encode("utf-8")
        except UnicodeEncodeError:
            return json.dumps(document, allow_nan=False).encode("ascii")
    except (TypeError, ValueError) as error:
        raise ConfigError(f"the request's extra fields cannot be written as JSON: {error}") from error
