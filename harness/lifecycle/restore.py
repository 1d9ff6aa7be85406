"""Puts back what was stopped: at a run's end, and at the next start after a run that was killed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from harness.errors import ServerError
from harness.files import append_line
from harness.host import end_process, without_home
from harness.lifecycle.hands import do_until, works
from harness.lifecycle.state import keep_state, left_state
from harness.lifecycle.steps import Held
from harness.types import Change

Say = Callable[[str], None]
RESTORE_S = 120.0
END_S = 30.0
CHANGES = "changes.jsonl"
"""The file in a run's folder that tells what was stopped: one line a change."""


def put_back(held: Sequence[Held], say: Say, restore_s: float = RESTORE_S) -> tuple[Change, ...]:
    """Start what was stopped, the last first. What fails is told and does not keep the others from coming back."""
    changes = []
    for one in reversed(held):
        restored, note = True, None
        try:
            if one.running is None or not works(one.running):
                for step in one.restore:
                    do_until(step, restore_s, restore_s)
        except ServerError as error:
            restored, note = False, without_home(error.faults[0])
        say(f"restored {one.what}" if restored else f"NOT restored: {one.what}: {note}")
        changes.append(Change(one.what, one.stopped_at or "", restored, note))
    return tuple(changes)


def recover(say: Say) -> tuple[Change, ...]:
    """Put back what a run left stopped that was killed. Raises ServerError while that run still goes on."""
    state = left_state()
    if state is None:
        return ()
    say(f"an earlier run was killed and left servers stopped ({state.run or 'no run folder'}): putting them back")
    for spawned in state.spawned:
        if not end_process(spawned.pid, spawned.began, END_S):
            say(f"NOT ended: {spawned.what}, process {spawned.pid}")
    changes = put_back(state.held, say)
    failed = {change.what for change in changes if not change.restored}
    keep_state(replace(state, held=tuple(one for one in state.held if one.what in failed), spawned=()))
    if state.run and Path(state.run).is_dir():
        note_changes(Path(state.run), changes)
    return changes


def note_changes(run: Path, changes: Sequence[Change]) -> None:
    """Append to the run's folder what was stopped and whether it runs again. Raises DiskError."""
    for change in changes:
        append_line(run / CHANGES, change)
