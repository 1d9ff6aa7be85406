"""Short questions to a server about itself: models, health, load. Nothing here is timed."""

from __future__ import annotations

import json
from dataclasses import dataclass

import httpcore

from harness.errors import ServerError
from harness.record import Client, build_headers, encode_body, parse_url, redact_api_key
from harness.types import Json

TEXT_CHARS = 2000


@dataclass(frozen=True, slots=True)
class HttpReply:
    """A short reply to a question about the server: status and JSON, None where the body is none."""

    status: int
    document: Json
    text: str


def _document(raw: bytes) -> Json:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None


def fetch(client: Client, method: str, url: str, secret: str | None = None, body: Json = None) -> HttpReply:
    """Ask a server about itself. Raises ServerError in one line when it does not answer, ConfigError for a bad URL."""
    wait_s = client.timeouts.request_s
    timeouts = {"connect": client.timeouts.connect_s, "read": wait_s, "write": wait_s, "pool": wait_s}
    content = None if body is None else encode_body(body)
    client.clock.start(None)
    try:
        reply = client.pool.request(
            method, parse_url(url), headers=build_headers(secret), content=content, extensions={"timeout": timeouts}
        )
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as error:
        raise ServerError(f"{url}: no answer: {error}") from error
    content = redact_api_key(reply.content, reply.status, secret)
    return HttpReply(reply.status, _document(content), content.decode("utf-8", "replace")[:TEXT_CHARS])
