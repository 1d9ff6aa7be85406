"""Hidden cases are drawn once for all threads: when drawing fails, each of them fails, and none waits forever."""

import pytest

from harness.tasks import HiddenCases, vary
from harness.types import Job, Observation, SandboxFacts
from tests.example import SANDBOX
from tests.samples import kit_tasks


class BrokenSandbox:
    """Fails as nothing that a sandbox declares would."""

    @property
    def facts(self) -> SandboxFacts:
        return SANDBOX

    def run(self, job: Job) -> tuple[Observation, ...]:
        raise MemoryError


def test_a_failure_reaches_also_those_who_did_not_draw() -> None:
    hidden, variant = HiddenCases("seed", BrokenSandbox()), vary(kit_tasks()["code-bugfix"], 0)
    for _ in range(2):
        with pytest.raises(MemoryError):
            hidden.extend(variant)
