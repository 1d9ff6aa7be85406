"""Models that a server loads and lets go of: several answer before they have done either, so their listing is asked."""

from __future__ import annotations

import time
from collections.abc import Callable

from harness.errors import ServerError
from harness.lifecycle.actions import do
from harness.lifecycle.inventory import loaded_rows
from harness.lifecycle.steps import Step, told, unload_step
from harness.servers import ServerHandle, is_ready

POLL_S = 0.2


def let_go(asked: ServerHandle, wait_s: float, say: Callable[[str], None]) -> None:
    """Unload a model, each instance of it, and wait until its server no longer lists it. Raises ServerError."""
    done: list[Step] = []
    until = time.monotonic() + wait_s
    while rows := loaded_rows(asked):
        steps = [step for row in rows if (step := unload_step(asked.model, asked.kind, row)) is not None]
        if not steps:
            return
        for step in steps:
            if step not in done:
                say(told(step))
                do(step, wait_s)
                done.append(step)
        if time.monotonic() > until:
            raise ServerError(f"{asked.model.model}: {asked.kind.title} still holds it {wait_s:.0f} s after its unload")
        time.sleep(POLL_S)


def wait_listed(asked: ServerHandle, wait_s: float) -> None:
    """Wait until a server lists a model and says that it is ready. Raises ServerError where it does not."""
    until = time.monotonic() + wait_s
    while not (is_ready(asked) and loaded_rows(asked)):
        if time.monotonic() > until:
            raise ServerError(f"{asked.model.model}: {asked.kind.title} does not hold it {wait_s:.0f} s after its load")
        time.sleep(POLL_S)
