"""Warnings of a result: limitations that readers must know before they trust a number.

A warning is one function that yields `ResultWarning`s and its row in WARNINGS; nothing else needs a change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from harness.summarize.warnings import agents, machine, replies, servers, timing
from harness.summarize.warnings.timing import find_timing_problems
from harness.types import Result, ResultWarning

__all__ = ["WARNINGS", "find_timing_problems", "result_warnings"]


def result_warnings(result: Result) -> tuple[ResultWarning, ...]:
    """Every warning of a result whose cells and summaries are filled, in the order of the table."""
    return tuple(warning for find in WARNINGS for warning in find(result))


WARNINGS: tuple[Callable[[Result], Iterator[ResultWarning]], ...] = (
    machine.simulated,
    machine.kit_dirty,
    machine.host_state,
    servers.gpu_in_use,
    machine.trials_not_run,
    machine.tasks_skipped,
    machine.budgets_cut,
    machine.swap_grew,
    servers.restored,
    machine.not_restored,
    machine.few_trials,
    replies.identical_answers,
    replies.cache_hits,
    replies.cache_unknown,
    replies.usage_missing,
    replies.buffered_stream,
    replies.decode_unmeasured,
    replies.outcomes_to_check,
    replies.drift,
    timing.canary_drifted,
    timing.thinking_switch,
    timing.prompt_suspect,
    timing.prompt_shrank,
    timing.prefill_reliability,
    timing.implausible_rates,
    timing.clock_disturbed,
    timing.kit_overhead,
    machine.context_smaller,
    servers.context_lowered,
    servers.server_differs,
    servers.settings_lost,
    servers.extra_fields,
    servers.loaded_in_request,
    servers.long_prompt,
    replies.prefill_contradicted,
    machine.private_includes,
    agents.agent_silent,
    agents.agent_waited,
)
