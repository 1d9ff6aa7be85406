"""Untimed HTTP requests to model servers: `open_client` opens an httpx client, `fetch` sends one request with it.

Queries, discovery, loading, readiness checks and process control use this module. Timed requests do not: the recorder
(harness/record) stands on httpcore, the transport layer of httpx, where each socket read can be given its time.
"""

from __future__ import annotations

import functools
import json
import ssl
from dataclasses import dataclass

import httpx

from harness.errors import ServerError
from harness.record import build_headers, encode_body, parse_url, redact_api_key
from harness.types import Json

HttpClient = httpx.Client

CONNECT_TIMEOUT_S = 5.0
REQUEST_TIMEOUT_S = 30.0
MAX_TEXT_CHARS = 2000


@dataclass(frozen=True, slots=True)
class HttpReply:
    """A response: its status, its JSON (None if it is not JSON) and the first MAX_TEXT_CHARS characters of its text."""

    status: int
    document: Json
    text: str


@functools.cache
def _tls_context() -> ssl.SSLContext:
    # Reading the CA certificates takes 22 ms, the rest of a client 0.1 ms (measured), so all clients share them.
    return httpx.create_ssl_context(trust_env=False)


def open_client(
    *, connect_s: float | None = CONNECT_TIMEOUT_S, request_s: float | None = REQUEST_TIMEOUT_S
) -> HttpClient:
    """Open a client: `connect_s` is the timeout of a connection, `request_s` of each further step of a request."""
    return httpx.Client(
        timeout=httpx.Timeout(request_s, connect=connect_s),
        # A connection for each request: llama.cpp closes an idle one without notice, and a request that is sent at
        # that moment is lost.
        limits=httpx.Limits(max_keepalive_connections=0),
        # A proxy from the environment would answer in place of a server on this machine, and the recorder uses none.
        trust_env=False,
        follow_redirects=False,
        verify=_tls_context(),
    )


def fetch(client: HttpClient, method: str, url: str, api_key: str | None = None, body: Json = None) -> HttpReply:
    """Send one request and return the response, whatever its status.

    Raises ServerError when no response came, ConfigError for an invalid URL, API key or body. It does not retry.
    """
    try:
        response = client.request(
            method,
            bytes(parse_url(url)).decode("ascii"),
            headers=build_headers(api_key),
            content=None if body is None else encode_body(body),
        )
    except httpx.RequestError as error:
        raise ServerError(f"{url}: no answer: {error}", fix="start the server, or correct base_url") from error
    finally:
        # httpx keeps cookies for a host whatever its port: one local server would get those of another.
        client.cookies.clear()
    content = redact_api_key(response.content, response.status_code, api_key)
    return HttpReply(response.status_code, _parse_json(content), content.decode("utf-8", "replace")[:MAX_TEXT_CHARS])


def _parse_json(content: bytes) -> Json:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None
