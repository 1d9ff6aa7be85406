"""An exchange: one request of a client through the recording proxy and its response, as bytes with their times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from harness.types.recording import Recording

ExchangeEnd = Literal["complete", "client_closed", "reset", "connect_failed", "protocol_error", "refused", "stopped"]
"""How an exchange ended. `client_closed`: the client left first; `reset`: the server closed before the response was
complete; `refused`: the proxy answered by itself; `stopped`: the proxy was stopped."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One exchange of a session, whatever its path and API.

    `session` counts the starts of the proxy on this folder, `number` the exchanges of one start, both from 0.
    `received_ns` is the monotonic clock when the request's head had arrived. `body` is the request's body as it came;
    the values of keys and cookies are replaced. `end_reason` None: the proxy was killed first. `recording` holds the
    response in the form that `read` takes, decompressed; its `request` is empty unless the body is a JSON object.
    """

    session: int
    number: int
    received_ns: int
    method: str
    target: str
    request_headers: tuple[tuple[str, str], ...]
    body: bytes
    response_headers: tuple[tuple[str, str], ...]
    end_reason: ExchangeEnd | None
    recording: Recording
