"""Waits until a server really answers, and queries what it reports of itself then: version and context sizes."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from harness.errors import ServerError
from harness.lifecycle.actions import ServerProcess, read_log_tail
from harness.servers import (
    ServerHandle,
    find_refusal,
    is_ready,
    list_models,
    query_model_context,
    query_served_context,
    query_version,
)

POLL_S = 0.2
TRANSIENT_STATUSES = ("HTTP 408", "HTTP 409", "HTTP 425", "HTTP 429", "HTTP 5")
"""Responses that waiting may change; any other refusal is final."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """What a server reported before the first trial. `model_context_tokens` is the context that the model supports.

    `is_listed` is False if the server answers for the model and does not list it.
    """

    version: str | None
    context_tokens: int | None
    model_context_tokens: int | None = None
    is_listed: bool = True


def query_readiness(server: ServerHandle) -> Readiness:
    """Make sure that a server answers, and query what it reports of itself. Raises ServerError."""
    list_models(server)
    return Readiness(query_version(server), query_served_context(server), query_model_context(server))


def wait_until_ready(server: ServerHandle, process: ServerProcess | None, timeout_s: float) -> None:
    """Wait until a request for one token is answered: mlx_lm.server's /health returns 200 while the model loads.

    Raises ServerError if the process ends, the server refuses, or the time is over.
    """
    deadline_s = time.monotonic() + timeout_s
    while True:
        if process is not None and not process.is_running:
            output = read_log_tail(Path(process.log)) or "nothing"
            message = f"its server ended before it was ready; its output: {output}"
            raise server.error(message, f"look into its log, {process.log}")
        reason = _why_not_ready(server)
        if reason is None:
            return
        if time.monotonic() > deadline_s:
            log = f", or look into its log, {process.log}" if process is not None else ""
            raise server.error(f"not ready after {timeout_s:.0f} s ({reason})", f"raise lifecycle.ready_timeout_s{log}")
        time.sleep(POLL_S)


def _why_not_ready(server: ServerHandle) -> str | None:
    """None once a token came, else why not. Raises ServerError for a refusal that waiting will not change."""
    if not is_ready(server):
        return "it does not report that it is ready"
    try:
        refusal = find_refusal(server)
    except ServerError as error:
        return error.message
    if refusal is not None and not refusal.startswith(TRANSIENT_STATUSES):
        raise server.error(f"its server is up and refuses: {refusal}", "correct model or key_env in the config")
    return refusal
