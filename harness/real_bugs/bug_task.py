"""What a task is written from: a bug of an instance, its two states, and which of its files a model may see and edit.

A model that finds the files itself sees the package's code and no more: the release's tests, its list of changes and
its built copies would tell it where the fix is, or what it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.real_bugs.instances import PROBES, Bug, BugInstance
from harness.real_bugs.proof import BugStates
from harness.repository_tasks import Proof, layout_of

_METADATA = frozenset(("package.json",))
"""What code is loaded by. Node reads in it what a folder is."""


@dataclass(frozen=True, slots=True)
class BugTask:
    """A bug that holds, by its name: its instance, its two states, and what the package's tests prove."""

    name: str
    instance: BugInstance
    bug: Bug
    states: BugStates
    proof: Proof

    @property
    def code(self) -> tuple[str, ...]:
        """The files of the package's code, which a model that finds the files itself may edit."""
        instance, layout = self.instance, layout_of(self.instance.ecosystem, self.states.before)
        named = {path for bug in instance.bugs.values() for path in bug.files}
        source = {path for path in self.states.before if layout.is_source(path) and path != PROBES[instance.registry]}
        return tuple(sorted(source | (named & self.states.before.keys())))

    @property
    def shown(self) -> Mapping[str, str]:
        """What such a model sees, with the bug: the code, and what it is loaded by."""
        shown = {*_METADATA, *self.code}
        return {path: text for path, text in self.states.before.items() if path in shown}

    @property
    def hidden(self) -> Mapping[str, str]:
        """All other files of the release, its tests among them, and the probe."""
        shown = self.shown
        return {path: text for path, text in self.states.before.items() if path not in shown}
