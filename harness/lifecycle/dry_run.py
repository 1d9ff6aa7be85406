"""`--dry-run`: every step and command of a run, in order, without one being done. Looks, and changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.lifecycle.inventory import survey
from harness.lifecycle.model_host import find_oversized_models, tunnel_step
from harness.lifecycle.state import find_leftover_state
from harness.lifecycle.steps import load_step, service_of, told
from harness.servers import ServerHandle


def _of_model(asked: ServerHandle) -> Iterator[str]:
    model, cycle = asked.model, asked.model.lifecycle
    tunnel = tunnel_step(model)
    if tunnel is not None:
        yield told(tunnel)
    if cycle is None:
        yield f"ask {model.base_url}, which must answer; nothing is started or stopped"
        return
    service = service_of(model)
    load = load_step(model, asked.kind)
    if service is not None and service.start is not None:
        yield told(service.start)
    if load is not None:
        yield told(load)
    yield f"wait until {model.base_url} answers a request of one token, {cycle.ready_s:.0f} s at most"
    yield "record the trials"
    if asked.kind.lifecycle.unload is not None:
        call = asked.kind.lifecycle.unload
        yield f"unload {model.model}: {call.method} {call.path}, and wait until its server holds it no more"
    if service is not None and service.stop is not None:
        yield told(service.stop)
    elif service is not None and service.stays:
        yield f"end {service.name}: SIGTERM, after {cycle.stop_s:.0f} s SIGKILL"
    yield f"wait until its memory is given back, {cycle.stop_s:.0f} s at most"


def describe_steps(contenders: Sequence[ServerHandle]) -> tuple[str, ...]:
    """The lines of a dry run. Raises ServerError where another run goes on or a command to look is missing."""
    lines = []
    left = find_leftover_state()
    if left is not None:
        lines += [f"put back first what a killed run left: {one.what}" for one in left.held]
    why = find_oversized_models(contenders)
    held = survey([asked for asked in contenders if asked.model.label not in why])
    lines += [f"stop {one.what}: {told(step)}" for one in held for step in one.stop]
    for asked in contenders:
        label = asked.model.label
        steps = [f"refused: {why[label]}"] if label in why else list(_of_model(asked))
        lines += [f"model {label}", *(f"  {step}" for step in steps)]
    lines += [f"put back {one.what}: {told(step)}" for one in reversed(held) for step in one.restore]
    return tuple(lines)
