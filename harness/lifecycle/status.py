"""Whether a server or a service is up: before it is started, while it starts, and where the user started it."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from harness.errors import ServerError
from harness.host import is_port_in_use
from harness.lifecycle.actions import ServerProcess, read_log_tail, succeeds
from harness.lifecycle.memory import is_local, port_of
from harness.lifecycle.readiness import Readiness, query_readiness
from harness.lifecycle.steps import Service, Step, service_of
from harness.servers import RequestTimeouts, ServerHandle, confirm_model, find_refusal, get_server_kind, list_models
from harness.types import Model

LOAD_TIMEOUT_S = 600.0
POLL_S = 0.2


def inspect_user_server(server: ServerHandle, load_timeout_s: float) -> Readiness:
    """Query a server that the user started.

    LM Studio and Ollama report the context of loaded models only, so a model whose context is not reported is loaded
    by a request for one token.
    """
    readiness = query_readiness(server)
    if readiness.context_tokens is not None or not server.kind.context.served_locations:
        return readiness
    server_with_long_timeout = replace(server, timeouts=replace(server.timeouts, request_s=load_timeout_s))
    try:
        is_loaded = find_refusal(server_with_long_timeout) is None
    except ServerError:
        # The first trial will meet the same silence, and its recording shows it.
        return readiness
    return query_readiness(server) if is_loaded else readiness


def is_service_running(server: ServerHandle, service: Service) -> bool:
    """Whether a service runs: by its check command, else by whether it answers."""
    if service.check is not None:
        return succeeds(service.check)
    return not service.is_foreground and is_listening(server)


def is_listening(server: ServerHandle) -> bool:
    """Whether a server lists its models."""
    try:
        list_models(server)
    except ServerError:
        return False
    return True


def wait_for_service(name: str, check: Step, running: bool, timeout_s: float) -> None:
    """Wait until a service runs, or no longer runs: launchctl returns before either. Raises ServerError on timeout."""
    deadline_s = time.monotonic() + timeout_s
    while succeeds(check) != running:
        if time.monotonic() > deadline_s:
            state = "does not run" if running else "still runs"
            action = "start" if running else "stop"
            raise ServerError(f"{name} {state} {timeout_s:.0f} s after its {action} command ({check})")
        time.sleep(POLL_S)


def wait_until_listening(server: ServerHandle, timeout_s: float, tunnel: ServerProcess | None = None) -> None:
    """Wait until a server answers; `tunnel` is the ssh process it is reached through. Raises ServerError."""
    deadline_s = time.monotonic() + timeout_s
    while not is_listening(server):
        if tunnel is not None and not tunnel.is_running:
            output = read_log_tail(Path(tunnel.log)) or "nothing"
            raise server.error(f"cannot {tunnel.description}: ssh ended; its output: {output}", "correct tunnel")
        if time.monotonic() > deadline_s:
            list_models(server)
        time.sleep(POLL_S)


def require_free_port(server: ServerHandle) -> None:
    """Raise ServerError if another program listens on the server's port.

    Some servers keep running when their port is taken; the other program's answers would be measured then.
    """
    port = port_of(server.model)
    if is_local(server.model) and is_port_in_use(port):
        message = f"port {port} is already taken by another program"
        raise server.error(message, "stop it, or choose another port in base_url and lifecycle.start")


def check_readiness(model: Model, api_key: str | None, connect_s: float) -> Readiness | None:
    """Check that a model's server answers, without starting anything; None if the run starts it.

    Raises ServerError if a run could not use it: it does not answer, it refuses the model, or its port is taken where
    the run starts it.
    """
    server = ServerHandle(model, get_server_kind(model.server), api_key, RequestTimeouts(connect_s=connect_s))
    service = service_of(model)
    if service is None or service.start is None or is_service_running(server, service):
        is_listed = confirm_model(server)
        return replace(query_readiness(server), is_listed=is_listed)
    if service.is_foreground:
        require_free_port(server)
    return None
