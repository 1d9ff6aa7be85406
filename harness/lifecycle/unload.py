"""Unloads models by their server's API, and waits until the server's listing confirms a load or an unload.

Servers answer a load or unload request before it is done: replies captured of llama-server's router mode (build 11669,
tests/data/servers/llama-router.json) list a model as loading after its load and as sleeping after its unload. So the
listing is polled: the next model must not be loaded while the last is still in memory.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from harness.errors import ServerError
from harness.lifecycle.actions import run_step
from harness.lifecycle.inventory import Row, find_instances, unload_step
from harness.lifecycle.steps import Step
from harness.servers import ServerHandle, is_ready

POLL_S = 0.2


def unload_model(server: ServerHandle, timeout_s: float, log: Callable[[str], None]) -> None:
    """Unload every instance of a model and wait until its server no longer lists it. Raises ServerError."""
    done: list[Step] = []
    deadline_s = time.monotonic() + timeout_s
    while rows := await_instances(server, deadline_s):
        steps = [step for row in rows if (step := unload_step(server.model, server.kind, row)) is not None]
        if not steps:
            return
        for step in steps:
            # Each instance once: a second request for one that is going is an error in llama-server's router mode.
            if step not in done:
                log(str(step))
                run_step(step, timeout_s)
                done.append(step)
        if time.monotonic() > deadline_s:
            title = server.kind.title
            raise ServerError(
                f"{server.model.model}: {title} still lists it {timeout_s:.0f} s after the unload request"
            )
        time.sleep(POLL_S)


def await_instances(server: ServerHandle, deadline_s: float) -> tuple[Row, ...]:
    """Return the loaded instances of a model as soon as its server lists them. Raises ServerError after the deadline.

    A server that is busy may refuse to list: that says nothing about what is in memory.
    """
    while True:
        try:
            return find_instances(server)
        except ServerError:
            if time.monotonic() > deadline_s:
                raise
            time.sleep(POLL_S)


def wait_until_loaded(server: ServerHandle, instances: int, timeout_s: float) -> None:
    """Wait until a server lists so many instances of a model and is ready. Raises ServerError on timeout."""
    deadline_s = time.monotonic() + timeout_s
    while not (is_ready(server) and len(await_instances(server, deadline_s)) >= instances):
        if time.monotonic() > deadline_s:
            title = server.kind.title
            raise ServerError(f"{server.model.model}: {title} has not loaded it {timeout_s:.0f} s after the request")
        time.sleep(POLL_S)
