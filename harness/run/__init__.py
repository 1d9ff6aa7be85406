"""A run: its plan, its folder, and the stages that record, score and summarize it.

`start_run` or `open_run` gives a RunFolder; `record_run`, `score_run`, `build_result` and `write_result` fill it, in
this order. `converse` runs a single trial.
"""

from harness.run.agent_trial import AgentHost, open_agents
from harness.run.chain import PREVIOUS, Chain, Link, Turn, plan_digest
from harness.run.conversation import (
    NONCE_PLACEHOLDER,
    TrialSetup,
    converse,
    is_last_turn,
    max_trial_turns,
    opening_messages,
    user_message,
)
from harness.run.folder import COMPLETED, RunFolder, open_run, read_run
from harness.run.lines import is_redrawn, read_trials
from harness.run.needs import context_needs
from harness.run.page_evidence import page_evidence
from harness.run.pipeline import (
    build_result,
    check_same_origin,
    check_tasks_unchanged,
    end_time,
    rewrite_with_judging,
    rewrite_with_lanes,
    score_run,
    start_run,
    write_result,
)
from harness.run.plan import (
    block_order,
    cache_index,
    in_turn,
    match_contenders,
    pass_of,
    plan_trials,
    plan_warm_ups,
    planned_passes,
    task_info,
    trial_nonce,
    turn_nonce,
)
from harness.run.probed import keep_probe
from harness.run.progress import Progress
from harness.run.recorder import open_servers, record_run, timeouts_of
from harness.run.remaining import passes_left
from harness.run.time_budget import OVERRUN, fits_block

__all__ = [
    "COMPLETED",
    "NONCE_PLACEHOLDER",
    "OVERRUN",
    "PREVIOUS",
    "AgentHost",
    "Chain",
    "Link",
    "Progress",
    "RunFolder",
    "TrialSetup",
    "Turn",
    "block_order",
    "build_result",
    "cache_index",
    "check_same_origin",
    "check_tasks_unchanged",
    "context_needs",
    "converse",
    "end_time",
    "fits_block",
    "in_turn",
    "is_last_turn",
    "is_redrawn",
    "keep_probe",
    "match_contenders",
    "max_trial_turns",
    "open_agents",
    "open_run",
    "open_servers",
    "opening_messages",
    "page_evidence",
    "pass_of",
    "passes_left",
    "plan_digest",
    "plan_trials",
    "plan_warm_ups",
    "planned_passes",
    "read_run",
    "read_trials",
    "record_run",
    "rewrite_with_judging",
    "rewrite_with_lanes",
    "score_run",
    "start_run",
    "task_info",
    "timeouts_of",
    "trial_nonce",
    "turn_nonce",
    "user_message",
    "write_result",
]
