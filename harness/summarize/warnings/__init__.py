"""The warnings of a result: one function a caveat, in the table at the foot."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from harness.summarize.warnings import machine, replies, servers, timing
from harness.types import Caveat, Result

Find = Callable[[Result], Iterator[Caveat]]


def caveats(result: Result) -> tuple[Caveat, ...]:
    """Every caveat of a result whose cells and summaries are filled, in the order of the table."""
    return tuple(one for find in CAVEATS for one in find(result))


CAVEATS: tuple[Find, ...] = (
    machine.simulated,
    machine.kit_dirty,
    machine.host_state,
    servers.gpu_in_use,
    machine.model_stopped,
    machine.trials_missing,
    machine.tasks_skipped,
    machine.swap_grew,
    servers.put_back,
    machine.not_restored,
    machine.few_trials,
    replies.identical_answers,
    replies.cache_hits,
    replies.cache_unknown,
    replies.usage_missing,
    replies.buffered_stream,
    replies.decode_unmeasured,
    replies.telling_outcomes,
    replies.drifted,
    timing.canary_moved,
    timing.thinking_unproven,
    timing.prompt_suspect,
    timing.prompt_shrank,
    timing.prefill_told,
    timing.implausible,
    timing.clock_disturbed,
    timing.kit_heavy,
    machine.context_smaller,
    servers.context_lowered,
    servers.server_differs,
    servers.settings_lost,
    servers.loaded_in_request,
    servers.long_prompt,
    replies.prefill_contradicted,
    machine.private_includes,
)
