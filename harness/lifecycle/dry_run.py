"""The steps of `--dry-run`: `describe_steps` lists every command and call of a run, in order, and runs only checks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.lifecycle.inventory import find_running
from harness.lifecycle.model_host import find_oversized_models, tunnel_step
from harness.lifecycle.state import find_leftover_state
from harness.lifecycle.steps import load_step, service_of
from harness.servers import ServerHandle


def describe_steps(*passes: Sequence[ServerHandle]) -> tuple[str, ...]:
    """Return the lines of a dry run, whose passes each have their own models and order.

    Raises ServerError if another run goes on, a check command is missing, or a server does not tell what it has loaded.
    """
    servers = tuple({server.model.label: server for models in passes for server in models}.values())
    leftover = find_leftover_state()
    lines = (
        [f"first restore what a killed run left: {service.name}" for service in leftover.suspended] if leftover else []
    )
    oversized = find_oversized_models(servers)
    running = find_running([server for server in servers if server.model.label not in oversized])
    lines += [f"stop {service.name}: {step}" for service in running for step in service.stop]
    for number, models in enumerate(passes, 1):
        lines += [f"pass {number} of {len(passes)}"] if len(passes) > 1 else []
        for server in models:
            label = server.model.label
            steps = [f"refused: {oversized[label].message}"] if label in oversized else list(_model_steps(server))
            lines += [f"model {label}", *(f"  {step}" for step in steps)]
    lines += [f"restore {service.name}: {step}" for service in reversed(running) for step in service.restore]
    return tuple(lines)


def _model_steps(server: ServerHandle) -> Iterator[str]:
    model, lifecycle = server.model, server.model.lifecycle
    tunnel = tunnel_step(model)
    if tunnel is not None:
        yield str(tunnel)
    if lifecycle is None:
        yield f"query {model.base_url}, which must answer; nothing is started or stopped"
        return
    service, load = service_of(model), load_step(model, server.kind)
    if service is not None and service.start is not None:
        yield str(service.start)
    if load is not None:
        yield str(load)
    yield f"wait up to {lifecycle.ready_timeout_s:.0f} s until {model.base_url} answers a request for one token"
    yield "record the trials"
    unload = server.kind.lifecycle.unload
    if unload is not None:
        yield f"unload {model.model}: {unload.method} {unload.path}, and wait until its server no longer lists it"
    if service is not None and service.stop is not None:
        yield str(service.stop)
    elif service is not None and service.is_foreground:
        yield f"terminate {service.name}: SIGTERM, after {lifecycle.stop_timeout_s:.0f} s SIGKILL"
    yield f"wait up to {lifecycle.stop_timeout_s:.0f} s until its memory is free"
