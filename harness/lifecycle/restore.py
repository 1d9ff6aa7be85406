"""Restores what was stopped, at the end of a run (`restore`) or at the next start after a killed run (`recover`)."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from harness.errors import LanebenchError, ServerError
from harness.files import append_line, drop_torn_line
from harness.host import redact_home, terminate_process
from harness.lifecycle.actions import ServerProcess, retry_step, succeeds
from harness.lifecycle.inventory import restored_handle
from harness.lifecycle.memory import wait_until_stable
from harness.lifecycle.state import find_leftover_state, save_state, state_path
from harness.lifecycle.status import wait_for_service
from harness.lifecycle.steps import SuspendedService
from harness.lifecycle.unload import await_instances, unload_model, wait_until_loaded
from harness.types import Model, StoppedService

Log = Callable[[str], None]
"""Gets one line about what is being done."""
RESTORE_TIMEOUT_S = 120.0
TERMINATE_TIMEOUT_S = 30.0
STOPPED_SERVICES_FILE = "stopped_services.jsonl"
"""The file in a run's folder that lists what was stopped, one service a line."""


def restore(
    services: Sequence[SuspendedService], log: Log, timeout_s: float = RESTORE_TIMEOUT_S
) -> tuple[SuspendedService, ...]:
    """Stop what the run started, then start what it stopped, each in reverse order; return what could not be restored.

    Between the two it waits for memory: nothing is loaded beside a model that is still being unloaded. A failure is
    logged and does not keep the other services from being restored.
    """
    newest_first = services[::-1]
    started = [service for service in newest_first if service.started_by_run]
    stopped = [service for service in newest_first if not service.started_by_run]
    failed = [
        failed_service for service in started if (failed_service := _try_restore(service, log, timeout_s)) is not None
    ]
    is_stable = not started
    for service in stopped:
        is_stable = is_stable or wait_until_stable(timeout_s, log) is not False
        failed_service = _try_restore(service, log, timeout_s)
        failed += [failed_service] if failed_service is not None else []
    if failed:
        log(f"what could not be undone is in {redact_home(str(state_path()))}: the next start tries again")
    return tuple(reversed(failed))


def recover(
    log: Log, timeout_s: float = RESTORE_TIMEOUT_S, terminate: Callable[..., bool] = terminate_process
) -> tuple[StoppedService, ...]:
    """Restore what a killed run left stopped; what fails stays in the state file, whence a `Journal` takes it over.

    Raises ServerError while that run still goes on.
    """
    state = find_leftover_state()
    if state is None:
        return ()
    stopped = any(not service.started_by_run for service in state.suspended)
    what = "restoring the servers that it stopped" if stopped else "ending the servers that it started"
    log(f"an earlier run was killed ({state.run or 'no run folder'}): {what}")
    unended = [process for process in state.processes if not end_process(process, TERMINATE_TIMEOUT_S, log, terminate)]
    failed = restore(state.suspended, log, timeout_s)
    stopped_services = report_stopped_services(state.suspended, failed)
    save_state(replace(state, suspended=failed, processes=tuple(unended)))
    if state.run and Path(state.run).is_dir():
        record_stopped_services(Path(state.run), stopped_services)
    return stopped_services


def end_process(
    process: ServerProcess, timeout_s: float, log: Log, terminate: Callable[..., bool] = terminate_process
) -> bool:
    """End a process that a run started. Returns whether it is gone; one that is not must stay in the state file."""
    is_gone = terminate(process.pid, process.started_at, timeout_s, Path(process.log))
    if not is_gone:
        log(f"NOT stopped: {process.description}, process {process.pid}")
    return is_gone


def report_stopped_services(
    services: Sequence[SuspendedService], failed: Sequence[SuspendedService]
) -> tuple[StoppedService, ...]:
    """Return what the report lists: all that ran before, and what the run started and could not stop."""

    def error_of(service: SuspendedService) -> str | None:
        # By all fields: services of two servers can have one name.
        known = service.restore_error
        matching = (failure for failure in failed if replace(failure, restore_error=known) == service)
        return next((failure.restore_error for failure in matching), None)

    reported = ((service, error_of(service)) for service in reversed(services))
    return tuple(
        StoppedService(service.name, service.stopped_at or "", error is None, error)
        for service, error in reported
        if not service.started_by_run or error is not None
    )


def record_stopped_services(run: Path, stopped_services: Sequence[StoppedService]) -> None:
    """Append to the run's folder what was stopped and whether it runs again. Raises DiskError."""
    if stopped_services:
        # The run may have been killed while it wrote here itself: what follows a torn line could not be read.
        drop_torn_line(run / STOPPED_SERVICES_FILE)
    for stopped in stopped_services:
        append_line(run / STOPPED_SERVICES_FILE, stopped)


def _try_restore(service: SuspendedService, log: Log, timeout_s: float) -> SuspendedService | None:
    """Restore one service and log it; returns the service with the error if it failed."""
    verb = "stopped" if service.started_by_run else "restored"
    try:
        if service.loaded_model is not None:
            _restore_model(service, service.loaded_model, log, timeout_s)
        else:
            _restore_service(service, timeout_s)
    except LanebenchError as error:
        # Of any class: a state file may name a kind that this version lacks, and a variable hold no key.
        message = redact_home("; ".join(filter(None, (error.message, error.fix, *_unset_keys(service)))))
        log(f"NOT {verb}: {service.name}: {message}")
        return replace(service, restore_error=message)
    log(f"{verb} {service.name}")
    return None


def _unset_keys(service: SuspendedService) -> list[str]:
    """The variables with the API keys of a service that are not set now, each as a hint."""
    keys = {step.key_env for step in service.restore}
    if service.loaded_model is not None:
        keys.add(service.loaded_model.key_env)
    return [f"{name} is not set" for name in sorted(filter(None, keys)) if name not in os.environ]


def _restore_service(service: SuspendedService, timeout_s: float) -> None:
    should_run = not service.started_by_run
    if service.check is not None and succeeds(service.check) == should_run:
        return
    for step in service.restore:
        retry_step(step, timeout_s, timeout_s)
    if service.check is not None:
        wait_for_service(service.name, service.check, should_run, timeout_s)


def _restore_model(service: SuspendedService, model: Model, log: Log, timeout_s: float) -> None:
    """Load or unload a model by its server's API. Raises ServerError if the server's listing does not confirm it."""
    if model.tunnel is not None:
        raise ServerError(f"{model.model} is behind a tunnel that is closed", fix=f"check it on {model.tunnel}")
    server = restored_handle(model, timeout_s)
    if service.started_by_run:
        unload_model(server, timeout_s, log)
    elif len(await_instances(server, time.monotonic() + timeout_s)) < service.instance:
        for step in service.restore:
            retry_step(step, timeout_s, timeout_s)
        wait_until_loaded(server, service.instance, timeout_s)
