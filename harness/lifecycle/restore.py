"""Puts back what was stopped: at a run's end, and at the next start after a run that was killed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from harness.errors import ServerError
from harness.files import append_line
from harness.host import redact_home, terminate_process
from harness.lifecycle.actions import do_until, works
from harness.lifecycle.inventory import asked_again, loaded_rows
from harness.lifecycle.memory import wait_settled
from harness.lifecycle.state import find_leftover_state, save_state
from harness.lifecycle.status import wait_runs
from harness.lifecycle.steps import SuspendedService
from harness.lifecycle.unload import let_go, wait_listed
from harness.record import Client, Timeouts
from harness.types import Model, ServiceChange

Say = Callable[[str], None]
RESTORE_S = 120.0
END_S = 30.0
CHANGES_FILE = "changes.jsonl"
"""The file in a run's folder that tells what was stopped: one line a change."""


def _put_back_model(one: SuspendedService, model: Model, say: Say, restore_s: float) -> None:
    """A model that its server loads and lets go of. Raises ServerError where its listing does not come to say so."""
    if model.tunnel is not None:
        raise ServerError(f"{model.model} is behind a tunnel that is closed: see to it on {model.tunnel}")
    with Client(Timeouts(connect_s=5.0, request_s=restore_s)) as client:
        asked = asked_again(client, model)
        if not one.wanted:
            let_go(asked, restore_s, say)
        elif not loaded_rows(asked):
            for step in one.restore:
                do_until(step, restore_s, restore_s)
            wait_listed(asked, restore_s)


def _put_back_one(one: SuspendedService, say: Say, restore_s: float) -> None:
    if one.listed is not None:
        _put_back_model(one, one.listed, say, restore_s)
    elif one.running is None or works(one.running) != one.wanted:
        for step in one.restore:
            do_until(step, restore_s, restore_s)
        if one.running is not None:
            wait_runs(one.what, one.running, one.wanted, restore_s)


def put_back(held: Sequence[SuspendedService], say: Say, restore_s: float = RESTORE_S) -> tuple[SuspendedService, ...]:
    """End what was started, then start what was stopped, the last first; returns what could not be put back.

    Nothing is loaded before the memory of what was ended has settled. What fails is told and does not keep the others
    from coming back.
    """
    failed, settled = [], all(one.wanted for one in held)
    backwards = held[::-1]
    for one in (*(one for one in backwards if not one.wanted), *(one for one in backwards if one.wanted)):
        verb = "restored" if one.wanted else "ended"
        try:
            if one.wanted and not settled:
                settled = wait_settled(restore_s) is not False
            _put_back_one(one, say, restore_s)
            say(f"{verb} {one.what}")
        except ServerError as error:
            note = redact_home(error.message)
            say(f"NOT {verb}: {one.what}: {note}")
            failed.append(replace(one, failed=note))
    return tuple(reversed(failed))


def changes_of(held: Sequence[SuspendedService], failed: Sequence[SuspendedService]) -> tuple[ServiceChange, ...]:
    """What the report tells: all that ran before, and what the run brought up where it could not be ended."""
    notes = {one.what: one.failed for one in failed}
    return tuple(
        ServiceChange(one.what, one.stopped_at or "", one.what not in notes, notes.get(one.what))
        for one in reversed(held)
        if one.wanted or one.what in notes
    )


def recover(say: Say) -> tuple[ServiceChange, ...]:
    """Put back what a run left stopped that was killed. Raises ServerError while that run still goes on."""
    state = find_leftover_state()
    if state is None:
        return ()
    say(f"an earlier run was killed and left servers stopped ({state.run or 'no run folder'}): putting them back")
    for spawned in state.spawned:
        if not terminate_process(spawned.pid, spawned.began, END_S):
            say(f"NOT ended: {spawned.what}, process {spawned.pid}")
    failed = put_back(state.held, say)
    changes = changes_of(state.held, failed)
    save_state(replace(state, held=failed, spawned=()))
    if state.run and Path(state.run).is_dir():
        note_changes(Path(state.run), changes)
    return changes


def note_changes(run: Path, changes: Sequence[ServiceChange]) -> None:
    """Append to the run's folder what was stopped and whether it runs again. Raises DiskError."""
    for change in changes:
        append_line(run / CHANGES_FILE, change)
