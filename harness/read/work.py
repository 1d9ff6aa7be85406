"""The reading of an agent's work: the final tree in the place of an answer, and how the agent ended.

`work_reading` makes it for the trees that a task's author wrote, `read_work` for the recorded turn of a trial. Such a
turn has no stream, so that nothing in it is counted or timed.
"""

from __future__ import annotations

from typing import Literal

from harness.types import AgentEnd, AgentWork, Counts, Reading, Timings


def work_reading(patch: str, end: AgentEnd | Literal["crashed"]) -> Reading:
    """The reading that is scored: what an agent left, as a patch, and how it ended.

    `crashed` instead of `exited` says that the agent exited with an error.
    """
    return Reading(patch, "", (), end, True, None, None, Counts(), Timings())


def read_work(work: AgentWork) -> Reading:
    """The reading of a recorded trial's work."""
    end: AgentEnd | Literal["crashed"] = "crashed" if work.crashed else work.end
    return work_reading(work.patch, end)
