"""Run."""

from harness.run.conversation import (
    NONCE,
    converse,
    first_messages,
    nonce_of_turn,
)
from harness.run.folder import RunFolder, open_run
from harness.run.pipeline import (
    check_tasks_unchanged,
    restate_lanes,
    result_of,
    score_run,
    start_run,
    write_result,
)
from harness.run.plan import nonce_of, share_of, task_info
from harness.run.recorder import Progress, contenders, record_run

__all__ = [
    "NONCE",
    "Progress",
    "RunFolder",
    "check_tasks_unchanged",
    "contenders",
    "converse",
    "first_messages",
    "nonce_of",
    "nonce_of_turn",
    "open_run",
    "record_run",
    "restate_lanes",
    "result_of",
    "score_run",
    "share_of",
    "start_run",
    "task_info",
    "write_result",
]
