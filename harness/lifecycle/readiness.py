"""Waiting until a server really answers, and what it says of itself then."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from harness.errors import ServerError
from harness.lifecycle.actions import ServerProcess, is_alive, tail_of
from harness.record import Client
from harness.servers import (
    ServerHandle,
    get_server_kind,
    is_ready,
    list_models,
    query_model_context,
    query_served_context,
    query_version,
    request_one_token,
)
from harness.types import Model

POLL_S = 0.2
LATER = ("HTTP 408", "HTTP 409", "HTTP 425", "HTTP 429", "HTTP 5")


@dataclass(frozen=True, slots=True)
class Readiness:
    """What a server said of itself before the first trial. `own_context_tokens` is what the model could have."""

    version: str | None
    context_tokens: int | None
    own_context_tokens: int | None = None


def query_readiness(asked: ServerHandle) -> Readiness:
    """Make sure that a server answers, and what it says of itself. Raises ServerError with what to do."""
    list_models(asked)
    return Readiness(query_version(asked), query_served_context(asked), query_model_context(asked))


def check_readiness(client: Client, model: Model, secret: str | None) -> Readiness:
    """The same for a model that stands alone."""
    return query_readiness(ServerHandle(client, model, get_server_kind(model.server), secret))


def _ended(label: str, spawned: ServerProcess) -> ServerError:
    said = tail_of(Path(spawned.log))
    return ServerError(
        f"model {label!r}: its server ended before it was ready; it said: {said or 'nothing'}; its log is {spawned.log}"
    )


def _answer(asked: ServerHandle) -> str | None:
    """None once a token came; else why not. Raises ServerError for an answer that waiting will not change."""
    if not is_ready(asked):
        return "it does not say that it is ready"
    try:
        said = request_one_token(asked)
    except ServerError as error:
        return str(error)
    if said is not None and not said.startswith(LATER):
        raise ServerError(
            f"model {asked.model.label!r}: its server is up and refuses: {said}; correct model or key_env in the config"
        )
    return said


def wait_ready(asked: ServerHandle, spawned: ServerProcess | None, ready_s: float) -> None:
    """Wait until a request of one token is answered: a health check alone may come before the model.

    Raises ServerError when the process ends, the server refuses, or the time is over.
    """
    until = time.monotonic() + ready_s
    while True:
        if spawned is not None and not is_alive(spawned):
            raise _ended(asked.model.label, spawned)
        why = _answer(asked)
        if why is None:
            return
        if time.monotonic() > until:
            log = f"; its log is {spawned.log}" if spawned is not None else ""
            raise ServerError(
                f"model {asked.model.label!r}: not ready after {ready_s:.0f} s ({why}): raise lifecycle.ready_s{log}"
            )
        time.sleep(POLL_S)
