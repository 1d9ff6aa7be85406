"""The parts of a request as httpcore takes them (URL, headers, body), and the redaction of API keys in replies."""

from __future__ import annotations

import json
from urllib.parse import quote, urlsplit

import httpcore

from harness.errors import ConfigError
from harness.types import Json

_SAFE_IN_URL = ":/?#[]@!$&'()*+,;=%"
LABEL_RULE = "each part between its dots must have 1 to 63 valid characters"


def parse_url(text: str) -> httpcore.URL:
    """Parse and quote a URL. Raises ConfigError if it is not an http or https URL with a host."""
    try:
        parts = urlsplit(text)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("expected http:// or https:// and a host name")
        # Reading the port raises ValueError for one that is no number of a port.
        if parts.port == 0:
            raise ValueError("port 0 is no address")
        url = httpcore.URL(quote(text, safe=_SAFE_IN_URL))
        if not is_host_name(url.host.decode("ascii")):
            raise ValueError(f"{parts.hostname} is not the name of a host: {LABEL_RULE}")
        return url
    except (ValueError, TypeError) as error:
        raise ConfigError(f"{text}: invalid URL: {error}", fix="correct base_url") from error


def is_host_name(host: str) -> bool:
    """Whether the name can be looked up, which encodes it first."""
    try:
        host.encode("idna")
    except UnicodeError:
        return False
    return True


def build_headers(api_key: str | None) -> list[tuple[bytes, bytes]]:
    """Build the headers of a request. Raises ConfigError for a key that no header can carry.

    `Accept-Encoding: identity` keeps a proxy from compressing the stream: compressed bytes arrive in other pieces.
    """
    headers = [
        (b"Content-Type", b"application/json"),
        (b"Accept", b"text/event-stream"),
        (b"Accept-Encoding", b"identity"),
        (b"User-Agent", b"lanebench"),
    ]
    return [*headers, authorization(api_key)] if api_key else headers


def authorization(api_key: str) -> tuple[bytes, bytes]:
    """Build the header with an API key. Raises ConfigError for a key that no header can carry; the message hides it."""
    if not (api_key.isascii() and api_key.isprintable() and api_key == api_key.strip()):
        raise ConfigError(
            "the API key contains surrounding whitespace, a control character or a non-ASCII character",
            fix="export the variable that key_env names again",
        )
    return b"Authorization", b"Bearer " + api_key.encode("ascii")


def redact_api_key(body: bytes, status: int | None, api_key: str | None) -> bytes:
    """Replace the API key in an error response by as many asterisks; some servers repeat it in their message.

    A successful response is left as it is: the key may be a common word there. The length stays the same, so that the
    recording can be split into its chunks afterwards.
    """
    if not api_key or status is None or status < 400:
        return body
    key = api_key.encode("utf-8")
    return body.replace(key, b"*" * len(key))


def encode_body(document: Json) -> bytes:
    """Encode a JSON body. Lone surrogates, which models do write, are escaped. Raises ConfigError if it is not JSON."""
    try:
        try:
            return json.dumps(document, ensure_ascii=False, allow_nan=False).encode("utf-8")
        except UnicodeEncodeError:
            return json.dumps(document, allow_nan=False).encode("ascii")
    except (TypeError, ValueError) as error:
        raise ConfigError(f"the request's extra fields cannot be written as JSON: {error}") from error
