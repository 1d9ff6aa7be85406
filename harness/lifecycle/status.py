"""Whether a server is there: before it is started, while it starts, and where the user started it."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from harness.errors import ServerError
from harness.host import is_port_in_use
from harness.lifecycle.actions import ServerProcess, is_alive, tail_of, works
from harness.lifecycle.memory import is_here, port_of
from harness.lifecycle.readiness import Readiness, query_readiness
from harness.lifecycle.steps import Service, Step, told
from harness.record import Client, Timeouts
from harness.servers import ServerHandle, list_models, request_one_token

LOAD_S = 600.0


def look(asked: ServerHandle) -> Readiness:
    """What a server of the user's own says of itself. Some tell the context of loaded models only: a token loads it."""
    readiness = query_readiness(asked)
    if readiness.context_tokens is not None or not asked.kind.context.served_locations:
        return readiness
    timeouts = Timeouts(connect_s=asked.client.timeouts.connect_s, request_s=min(LOAD_S, asked.client.timeouts.read_s))
    with Client(timeouts) as client:
        try:
            loaded = request_one_token(replace(asked, client=client)) is None
        except ServerError:
            # The first trial meets the same silence, and keeps it.
            return readiness
        return query_readiness(asked) if loaded else readiness


def is_up(asked: ServerHandle, service: Service) -> bool:
    """Whether a service runs, by its own command, else by its answer."""
    if service.running is not None:
        return works(service.running)
    return not service.stays and is_listening(asked)


def wait_runs(what: str, running: Step, wanted: bool, wait_s: float) -> None:
    """Wait until a service that was told to stop runs no more, or one that was started runs: launchctl returns before.

    Raises ServerError where it does not come to that.
    """
    until = time.monotonic() + wait_s
    while works(running) != wanted:
        if time.monotonic() > until:
            state = "does not run" if wanted else "still runs"
            raise ServerError(f"{what} {state} {wait_s:.0f} s after it was told to: {told(running)}")
        time.sleep(0.2)


def is_listening(asked: ServerHandle) -> bool:
    """Whether a server lists its models."""
    try:
        list_models(asked)
    except ServerError:
        return False
    return True


def wait_listening(asked: ServerHandle, wait_s: float, spawned: ServerProcess | None = None) -> None:
    """A server that was just started must listen before it can be told to load; `spawned` is what it needs for that."""
    until = time.monotonic() + wait_s
    while not is_listening(asked):
        if spawned is not None and not is_alive(spawned):
            said = tail_of(Path(spawned.log)) or "nothing"
            raise ServerError(f"model {asked.model.label!r}: cannot {spawned.what}: ssh ended and said: {said}")
        if time.monotonic() > until:
            list_models(asked)
        time.sleep(0.2)


def refuse_taken_port(asked: ServerHandle) -> None:
    """Some servers go on living when their port is taken: the other program's answers would be measured."""
    port = port_of(asked.model)
    if is_here(asked.model) and is_port_in_use(port):
        raise ServerError(
            f"model {asked.model.label!r}: port {port} is already taken by another program: stop it, or choose another "
            "port in base_url and lifecycle.start"
        )
