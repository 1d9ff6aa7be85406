"""What a task is written from: a bug of an instance, its two states, and which of its files a model may see and edit.

A model that finds the files itself sees the package's code and no more: the release's tests, its list of changes and
its built copies would tell it where the fix is, or what it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.real_bugs.instances import PROBES, Bug, BugInstance
from harness.real_bugs.proof import BugStates
from harness.repository_tasks import Proof

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
        return tuple(sorted(path for path in self.states.before if self._is_code(path)))

    @property
    def shown(self) -> Mapping[str, str]:
        """What such a model sees, with the bug: the code, and what it is loaded by."""
        return {path: text for path, text in self.states.before.items() if path in _METADATA or self._is_code(path)}

    @property
    def hidden(self) -> Mapping[str, str]:
        """All other files of the release, its tests among them, and the probe."""
        return {path: text for path, text in self.states.before.items() if path not in self.shown}

    def _is_code(self, path: str) -> bool:
        instance = self.instance
        named = any(path in bug.files for bug in instance.bugs.values())
        return named or (instance.ecosystem.is_source(path) and path != PROBES[instance.registry])
