"""`model_host` controls the model servers during a run: it stops what runs, hosts one model at a time, restores all.

Who may stop what:

- What ran before the run is the user's. It is stopped only if the config has a `lifecycle` for it, so that it is known
  how to start it again, and it is started again whatever happens.
- What the run started is the run's: a process, a service that did not run, a model loaded by an API. It is stopped
  when the model's trials end. A service that already runs when its model is next is used and left running, and so is a
  model that is already loaded behind a tunnel.
- A process is identified by PID and start time (harness/host), because the kernel reuses PIDs.

Everything is in the state file before it is done (`state.Journal`), so that the next start can undo it after a kill.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from harness.errors import Problem, ServerError
from harness.lifecycle.actions import ServerProcess, retry_step, run_step, start_process
from harness.lifecycle.inventory import find_instances, find_running, restored_handle
from harness.lifecycle.memory import (
    MemorySnapshot,
    await_memory,
    memory_limit,
    port_of,
    take_snapshot,
    wait_until_stable,
    why_too_large,
)
from harness.lifecycle.readiness import Readiness, query_readiness, wait_until_ready
from harness.lifecycle.restore import (
    RESTORE_TIMEOUT_S,
    TERMINATE_TIMEOUT_S,
    Log,
    end_process,
    record_stopped_services,
    recover,
    report_stopped_services,
    restore,
)
from harness.lifecycle.state import Journal, find_leftover_state, lock_machine
from harness.lifecycle.status import (
    LOAD_TIMEOUT_S,
    inspect_user_server,
    is_service_running,
    require_free_port,
    wait_for_service,
    wait_until_listening,
)
from harness.lifecycle.steps import Service, Step, SuspendedService, load_step, service_of
from harness.lifecycle.unload import unload_model
from harness.servers import RequestTimeouts, ServerHandle
from harness.types import Lifecycle, Model, StoppedService

TUNNEL_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 60.0
START_RETRY_TIMEOUT_S = 8.0
STABLE_TIMEOUT_S = 30.0
HOSTED_CONNECT_S = 2.0


@dataclass(slots=True)
class ModelSession:
    """One model while its trials run: what its server reported, and the memory before, during and after."""

    readiness: Readiness
    load_s: float | None
    before: MemorySnapshot
    loaded: MemorySnapshot = field(default_factory=MemorySnapshot)
    after: MemorySnapshot = field(default_factory=MemorySnapshot)


@contextmanager
def model_host(
    servers: Sequence[ServerHandle],
    run: Path,
    log: Log,
    *,
    restore_timeout_s: float = RESTORE_TIMEOUT_S,
    load_timeout_s: float = LOAD_TIMEOUT_S,
) -> Iterator[ModelHost]:
    """Stop what runs of these servers, and restore it when the block ends, however it ends.

    `restore_timeout_s` applies to each service that is restored, `load_timeout_s` to a model that a user's server loads
    on demand. Raises ServerError, before anything is changed, if another run goes on, a command is missing or a server
    does not tell what it has loaded. Simulated models need nothing of this machine, so they wait for no other run and
    restore nothing of it.
    """
    is_simulated = all(server.model.simulated for server in servers)
    with nullcontext() if is_simulated else lock_machine(log):
        if not is_simulated:
            recover(log, restore_timeout_s)
        left = None if is_simulated else find_leftover_state()
        host = ModelHost(Journal(run, left), run, log, restore_timeout_s, load_timeout_s)
        running = find_running(servers)
        try:
            host.suspend(running)
            yield host
        finally:
            host.restore()


def find_oversized_models(servers: Sequence[ServerHandle]) -> dict[str, Problem]:
    """Return by label why models do not fit this machine; checked before anything is stopped."""
    limit = memory_limit()
    hosted = [server for server in servers if server.model.lifecycle is not None]
    found = ((server.model.label, why_too_large(server, limit)) for server in hosted)
    return {label: problem for label, problem in found if problem is not None}


def tunnel_step(model: Model) -> Step | None:
    """Return the ssh command that forwards the server's port; None if the server is reached directly."""
    if model.tunnel is None:
        return None
    port = port_of(model)
    forward = f"127.0.0.1:{port}:127.0.0.1:{port}"
    # BatchMode: ssh fails instead of waiting for a password.
    options = ("-N", "-o", "BatchMode=yes", "-o", "ExitOnForwardFailure=yes", "-L", forward)
    return Step(f"reach the server of {model.label}", ("ssh", *options, model.tunnel))


class ModelHost:
    """The machine during a run. `stopped_services` lists at its end what was stopped and whether it runs again."""

    def __init__(self, journal: Journal, run: Path, log: Log, restore_timeout_s: float, load_timeout_s: float) -> None:
        """No side effects until the first call."""
        self.stopped_services: tuple[StoppedService, ...] = ()
        self._run = run
        self._log = log
        self._restore_timeout_s = restore_timeout_s
        self._load_timeout_s = load_timeout_s
        self._journal = journal
        self._children: dict[int, subprocess.Popen[bytes]] = {}

    def suspend(self, services: Sequence[SuspendedService]) -> None:
        """Note everything that will be stopped, then stop it. Raises ServerError if something keeps running."""
        journaled = tuple(replace(service, stopped_at=_now()) for service in services)
        if not journaled:
            return
        self._journal.set_suspended((*self._journal.suspended, *journaled))
        for service in journaled:
            self._log(f"stopping {service.name}")
            self._stop(service)
        if wait_until_stable(STABLE_TIMEOUT_S, self._log) is False:
            self._log(f"the memory in use was still falling {STABLE_TIMEOUT_S:.0f} s after the last service stopped")

    def _stop(self, service: SuspendedService) -> None:
        if service.loaded_model is not None:
            unload_model(restored_handle(service.loaded_model, RESTORE_TIMEOUT_S), RESTORE_TIMEOUT_S, self._log)
            return
        for step in service.stop:
            run_step(step, RESTORE_TIMEOUT_S)
        if service.check is not None:
            wait_for_service(service.name, service.check, False, RESTORE_TIMEOUT_S)

    def restore(self) -> None:
        """Restore what was stopped; what fails stays in the state file for the next start."""
        services = self._journal.suspended
        failed = restore(services, self._log, self._restore_timeout_s)
        self.stopped_services = report_stopped_services(services, failed)
        self._journal.set_suspended(failed)
        record_stopped_services(self._run, self.stopped_services)

    @contextmanager
    def session(self, server: ServerHandle) -> Iterator[ModelSession]:
        """Host a model; it answers requests inside the block. Raises ServerError if it cannot be started."""
        model = server.model
        before = take_snapshot(model)
        with self._tunnel(model) as tunnel:
            if tunnel is not None:
                wait_until_listening(server, TUNNEL_TIMEOUT_S, tunnel)
            if model.lifecycle is not None:
                with self._hosted_session(server, model.lifecycle, before) as session:
                    yield session
                return
            session = ModelSession(inspect_user_server(server, self._load_timeout_s), None, before)
            yield session
            session.loaded = take_snapshot(model)

    @contextmanager
    def _hosted_session(
        self, server: ServerHandle, lifecycle: Lifecycle, before: MemorySnapshot
    ) -> Iterator[ModelSession]:
        """A model that the run starts and stops: its server's program, then the model, then the wait for its memory."""
        model = server.model
        try:
            server_with_long_timeout = replace(
                server, timeouts=RequestTimeouts(HOSTED_CONNECT_S, lifecycle.ready_timeout_s)
            )
            began_s = time.monotonic()
            with (
                self._service(server_with_long_timeout, lifecycle) as process,
                self._loaded_model(server_with_long_timeout, process, lifecycle),
            ):
                session = ModelSession(query_readiness(server_with_long_timeout), time.monotonic() - began_s, before)
                yield session
                session.loaded = take_snapshot(model)
        finally:
            # However it ended: the next model must not be loaded into memory that is not free yet.
            await_memory(model.label, before, lifecycle.stop_timeout_s, self._log)
        session.after = take_snapshot(model)

    def _service(self, server: ServerHandle, lifecycle: Lifecycle) -> AbstractContextManager[ServerProcess | None]:
        """The program of the server, started unless it runs, and stopped afterwards only if it was started here."""
        service = service_of(server.model)
        if service is None or service.start is None or is_service_running(server, service):
            return nullcontext()
        if service.is_foreground:
            require_free_port(server)
            return self._process(service.start, server.model.label, lifecycle.stop_timeout_s)
        return self._background_service(service, service.start, lifecycle)

    @contextmanager
    def _process(self, step: Step, log_name: str, stop_s: float) -> Iterator[ServerProcess]:
        """A process of the run, terminated when the block ends."""
        self._log(str(step))
        process, child = start_process(step, self._run / f"{log_name}.log")
        # From here on it must be ended whatever fails, even if the state file cannot be written.
        try:
            self._children[process.pid] = child
            self._journal.add_process(process)
            yield process
        finally:
            self._terminate(process, stop_s)

    def _terminate(self, process: ServerProcess, timeout_s: float) -> None:
        is_gone = end_process(process, timeout_s, self._log)
        # Reap the child: a zombie would keep its PID.
        self._children.pop(process.pid).poll()
        if is_gone:
            self._journal.remove_process(process)

    @contextmanager
    def _background_service(self, service: Service, start: Step, lifecycle: Lifecycle) -> Iterator[None]:
        """A service that a command starts in the background, stopped by its command when the block ends."""
        self._log(str(start))
        stop = (service.stop,) if service.stop is not None else ()
        journaled = self._note_start(SuspendedService(f"{service.name} (started by the run)", (), stop, service.check))
        try:
            retry_timeout_s = min(START_RETRY_TIMEOUT_S, lifecycle.ready_timeout_s)
            retry_step(start, lifecycle.ready_timeout_s, retry_timeout_s)
            yield
        finally:
            timeout_s = max(lifecycle.stop_timeout_s, STOP_TIMEOUT_S)
            is_stopped = service.stop is None or self._try_stop(service.stop, timeout_s)
            # If stopping failed, `restore` tries again at the end of the run; it needs the check to know whether to.
            if is_stopped or service.check is None:
                self._journal.remove(journaled)

    @contextmanager
    def _loaded_model(
        self, server: ServerHandle, process: ServerProcess | None, lifecycle: Lifecycle
    ) -> Iterator[None]:
        """The model itself: loaded by its server's API if there is one, awaited until it answers, unloaded again."""
        step = load_step(server.model, server.kind)
        if step is None or self._is_users_model(server):
            wait_until_ready(server, process, lifecycle.ready_timeout_s)
            yield
            return
        name = f"{server.model.model} (loaded in {server.kind.title} by the run)"
        journaled = self._note_start(SuspendedService(name, (), (), loaded_model=server.model))
        try:
            wait_until_listening(server, lifecycle.ready_timeout_s)
            self._log(str(step))
            run_step(step, lifecycle.ready_timeout_s)
            wait_until_ready(server, process, lifecycle.ready_timeout_s)
            yield
        finally:
            timeout_s = max(lifecycle.stop_timeout_s, STOP_TIMEOUT_S)
            if self._succeeds(lambda: unload_model(server, timeout_s, self._log)):
                self._journal.remove(journaled)

    def _is_users_model(self, server: ServerHandle) -> bool:
        """Whether a model behind a tunnel is loaded already: it is used, and left as it is.

        `find_running` looked before the tunnel was open, and at the end it is closed again, so that a model that is
        unloaded there would not be loaded again.
        """
        if server.model.tunnel is None or not find_instances(server):
            return False
        self._log(f"{server.model.model} is loaded on {server.model.tunnel} already: it is used and left loaded")
        return True

    def _tunnel(self, model: Model) -> AbstractContextManager[ServerProcess | None]:
        step = tunnel_step(model)
        return nullcontext() if step is None else self._process(step, f"{model.label}.tunnel", TERMINATE_TIMEOUT_S)

    def _note_start(self, service: SuspendedService) -> SuspendedService:
        """Note what the run is about to start: after a kill, the next start stops it."""
        journaled = replace(service, started_by_run=True, stopped_at=_now())
        self._journal.add(journaled)
        return journaled

    def _try_stop(self, step: Step, timeout_s: float) -> bool:
        self._log(str(step))
        return self._succeeds(lambda: run_step(step, timeout_s))

    def _succeeds(self, action: Callable[[], object]) -> bool:
        """Whether an action worked; its error is logged, because what else has to be stopped must still be stopped."""
        try:
            action()
        except ServerError as error:
            self._log(f"failed: {error.message}")
            return False
        return True


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
