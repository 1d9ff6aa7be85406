"""One model at a time: what ran before is put away, each model is brought up and down, everything is put back.

Whatever is about to change stands on the disk before (state.py), so that the next start can put it back after a crash.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from harness.errors import ServerError
from harness.host import terminate_process
from harness.lifecycle.actions import ServerProcess, do, do_until, spawn
from harness.lifecycle.inventory import asked_again, survey
from harness.lifecycle.memory import (
    MemorySnapshot,
    memory_limit,
    port_of,
    take_snapshot,
    wait_settled,
    wait_until_back,
    why_too_large,
)
from harness.lifecycle.readiness import Readiness, query_readiness, wait_ready
from harness.lifecycle.restore import END_S, RESTORE_S, Say, changes_of, note_changes, put_back, recover
from harness.lifecycle.state import LifecycleState, new_state, save_state
from harness.lifecycle.status import is_up, look, refuse_taken_port, wait_listening, wait_runs
from harness.lifecycle.steps import Service, Step, SuspendedService, load_step, service_of, told
from harness.lifecycle.unload import let_go
from harness.record import Client, Timeouts
from harness.servers import ServerHandle
from harness.types import Lifecycle, Model, ServiceChange

TUNNEL_S = 20.0
COMMAND_S = 60.0
AGAIN_S = 8.0
SETTLE_S = 30.0


@dataclass(slots=True)
class ModelSession:
    """One model while its trials run, and what was seen around them."""

    readiness: Readiness
    load_s: float | None
    before: MemorySnapshot
    loaded: MemorySnapshot = field(default_factory=MemorySnapshot)
    after: MemorySnapshot = field(default_factory=MemorySnapshot)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def tunnel_step(model: Model) -> Step | None:
    """The command that forwards the server's port; None where it is reached directly."""
    if model.tunnel is None:
        return None
    port = port_of(model)
    options = (
        "-N",
        "-o",
        "BatchMode=yes",
        "-o",
        "ExitOnForwardFailure=yes",
        "-L",
        f"127.0.0.1:{port}:127.0.0.1:{port}",
    )
    return Step(f"reach the server of {model.label}", ("ssh", *options, model.tunnel))


class ModelHost:
    """The machine during a run. `changes` tells what was stopped and whether it runs again."""

    def __init__(self, run: Path, say: Say, restore_s: float) -> None:
        """Changes nothing. `restore_s` is how long each service may take to come back."""
        self.changes: tuple[ServiceChange, ...] = ()
        self._run = run
        self._say = say
        self._restore_s = restore_s
        self._state: LifecycleState = new_state(run)
        self._written = False
        self._children: dict[int, subprocess.Popen[bytes]] = {}

    def _keep(self, state: LifecycleState) -> None:
        # A stage that never changed anything must not remove what another one wrote.
        self._state = state
        if self._written or state.held or state.spawned:
            self._written = True
            save_state(state)

    def put_away(self, held: Sequence[SuspendedService]) -> None:
        """Write down everything that will be stopped, then stop it. Raises ServerError where something stays up."""
        noted = tuple(replace(one, stopped_at=_now()) for one in held)
        if noted:
            self._keep(replace(self._state, held=noted))
        for one in noted:
            self._say(f"stopping {one.what}")
            if one.listed is not None:
                with Client(Timeouts(connect_s=5.0, request_s=RESTORE_S)) as client:
                    let_go(asked_again(client, one.listed), RESTORE_S, self._say)
                continue
            for step in one.stop:
                do(step, RESTORE_S)
            if one.running is not None:
                wait_runs(one.what, one.running, False, RESTORE_S)
        if noted and wait_settled(SETTLE_S) is False:
            self._say(f"memory in use still fell {SETTLE_S:.0f} s after the last was stopped")

    def put_back(self) -> None:
        """Put back what was put away; what fails stays written down for the next start."""
        held = self._state.held
        failed = put_back(held, self._say, self._restore_s)
        self.changes = changes_of(held, failed)
        self._keep(replace(self._state, held=failed))
        note_changes(self._run, self.changes)

    def _note(self, mine: SuspendedService) -> SuspendedService:
        """Write down what the run is about to bring up: a kill from here on leaves what did not run before."""
        noted = replace(mine, wanted=False, stopped_at=_now())
        self._keep(replace(self._state, held=(*self._state.held, noted)))
        return noted

    def _strike(self, noted: SuspendedService) -> None:
        self._keep(replace(self._state, held=tuple(one for one in self._state.held if one is not noted)))

    def _spawn(self, step: Step, name: str) -> ServerProcess:
        self._say(told(step))
        spawned, child = spawn(step, self._run / f"{name}.log")
        self._children[spawned.pid] = child
        self._keep(replace(self._state, spawned=(*self._state.spawned, spawned)))
        return spawned

    def _end(self, spawned: ServerProcess, wait_s: float) -> None:
        if not terminate_process(spawned.pid, spawned.began, wait_s):
            self._say(f"NOT ended: {spawned.what}, process {spawned.pid}")
        self._children.pop(spawned.pid).poll()
        left = tuple(one for one in self._state.spawned if one != spawned)
        self._keep(replace(self._state, spawned=left))

    @contextmanager
    def _tunnel(self, model: Model) -> Iterator[ServerProcess | None]:
        step = tunnel_step(model)
        if step is None:
            yield None
            return
        spawned = self._spawn(step, f"{model.label}.tunnel")
        try:
            yield spawned
        finally:
            self._end(spawned, END_S)

    @contextmanager
    def _service(
        self, asked: ServerHandle, service: Service | None, cycle: Lifecycle
    ) -> Iterator[ServerProcess | None]:
        """The server's program, started when it does not run, ended when it was started here."""
        if service is None or service.start is None or is_up(asked, service):
            yield None
            return
        if service.stays:
            refuse_taken_port(asked)
            spawned = self._spawn(service.start, asked.model.label)
            try:
                yield spawned
            finally:
                self._end(spawned, cycle.stop_s)
            return
        self._say(told(service.start))
        stop = (service.stop,) if service.stop is not None else ()
        mine = self._note(SuspendedService(f"{service.name} (started by the run)", (), stop, service.running))
        try:
            do_until(service.start, cycle.ready_s, AGAIN_S)
            yield None
        finally:
            ended = [self._stops(step, max(cycle.stop_s, COMMAND_S)) for step in stop]
            # What could not be stopped is tried again at the end, where a command tells whether it runs at all.
            if all(ended) or service.running is None:
                self._strike(mine)

    def _stops(self, step: Step, wait_s: float) -> bool:
        self._say(told(step))
        return self._done(lambda: do(step, wait_s))

    def _done(self, act: Callable[[], object]) -> bool:
        """Whether it could be done; what keeps it from that is told, and the rest goes on."""
        try:
            act()
        except ServerError as error:
            self._say(f"NOT done: {error.message}")
            return False
        return True

    @contextmanager
    def _model(self, asked: ServerHandle, spawned: ServerProcess | None, cycle: Lifecycle) -> Iterator[None]:
        """The model itself, loaded by its server's own interface where there is one, until it answers."""
        step = load_step(asked.model, asked.kind)
        if step is None:
            wait_ready(asked, spawned, cycle.ready_s)
            yield
            return
        mine = self._note(
            SuspendedService(
                f"{asked.model.model} (loaded in {asked.kind.title} by the run)", (), (), listed=asked.model
            )
        )
        try:
            wait_listening(asked, cycle.ready_s)
            self._say(told(step))
            do(step, cycle.ready_s)
            wait_ready(asked, spawned, cycle.ready_s)
            yield
        finally:
            if self._done(lambda: let_go(asked, max(cycle.stop_s, COMMAND_S), self._say)):
                self._strike(mine)

    @contextmanager
    def _brought_up(self, asked: ServerHandle, cycle: Lifecycle, before: MemorySnapshot) -> Iterator[ModelSession]:
        """A model that the run starts and ends: its server, itself, and the memory that must be back afterwards."""
        model = asked.model
        try:
            with Client(Timeouts(connect_s=2.0, request_s=cycle.ready_s)) as client:
                patient = replace(asked, client=client)
                began = time.monotonic()
                with self._service(patient, service_of(model), cycle) as spawned, self._model(patient, spawned, cycle):
                    visit = ModelSession(query_readiness(patient), time.monotonic() - began, before)
                    client.close()
                    yield visit
                    visit.loaded = take_snapshot(model)
        finally:
            # However it ended: what comes next must not be loaded into memory that is not back yet.
            if wait_until_back(before, cycle.stop_s) is False:
                self._say(f"the memory of {model.label} was not given back within {cycle.stop_s:.0f} s")
        visit.after = take_snapshot(model)

    @contextmanager
    def up(self, asked: ServerHandle) -> Iterator[ModelSession]:
        """A model that answers, until the block ends. Raises ServerError where it cannot be brought up."""
        model = asked.model
        before = take_snapshot(model)
        with self._tunnel(model) as tunnel:
            if tunnel is not None:
                wait_listening(asked, TUNNEL_S, tunnel)
            if model.lifecycle is not None:
                with self._brought_up(asked, model.lifecycle, before) as visit:
                    yield visit
                return
            visit = ModelSession(look(asked), None, before)
            # Some servers close the connection after a question that they do not know: trials get their own.
            asked.client.close()
            yield visit
            visit.loaded = take_snapshot(model)


def find_oversized_models(contenders: Sequence[ServerHandle]) -> dict[str, str]:
    """Label -> why a model cannot be brought up; looked at before anything is stopped."""
    limit = memory_limit()
    found = (
        (asked.model.label, why_too_large(asked, limit)) for asked in contenders if asked.model.lifecycle is not None
    )
    return {label: why for label, why in found if why is not None}


@contextmanager
def model_host(
    contenders: Sequence[ServerHandle], run: Path, say: Say, restore_s: float = RESTORE_S
) -> Iterator[ModelHost]:
    """Put away what runs, and put it back when the block ends, however it ends.

    Raises ServerError before anything is changed where another run goes on or a command is missing.
    """
    recover(say)
    stage = ModelHost(run, say, restore_s)
    held = survey(contenders)
    try:
        stage.put_away(held)
        yield stage
    finally:
        stage.put_back()
