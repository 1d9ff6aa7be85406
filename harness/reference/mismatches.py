"""Compare a reading with what the reference server sent: `find_mismatches` and, for times, `find_timing_mismatches`."""

from __future__ import annotations

from harness.apis import DEFAULT_API
from harness.reference.model_names import find_script
from harness.reference.process import LoggedReply
from harness.types import Reading


def find_mismatches(model: str, reading: Reading, api: str = DEFAULT_API) -> list[str]:
    """Name the values of a reading that differ from what the script of this model name expects."""
    expected, usage = find_script(model, api=api).expected, reading.usage
    pairs = {
        "content": (reading.content, expected.content),
        "reasoning": (reading.reasoning, expected.reasoning),
        "tool_calls": (tuple((call.name, call.arguments) for call in reading.tool_calls), expected.tool_calls),
        "finish_reason": (reading.finish_reason, expected.finish_reason),
        "done": (reading.done, expected.done),
        "error": (reading.error.kind if reading.error else None, expected.error_kind),
        "completion_tokens": (usage.completion_tokens if usage else None, expected.completion_tokens),
        "prompt_tokens": (usage.prompt_tokens if usage else None, expected.prompt_tokens),
        "cached_tokens": (usage.cached_tokens if usage else None, expected.cached_tokens),
        "server_timings": (tuple(sorted(reading.server_timings or ())), expected.server_timings),
    }
    return [name for name, (observed, wanted) in pairs.items() if observed != wanted]


def _differs(observed_s: float | None, true_s: float | None, tolerance_s: float) -> bool:
    if observed_s is None or true_s is None:
        return observed_s is not true_s
    return abs(observed_s - true_s) > tolerance_s


def find_timing_mismatches(reading: Reading, logged: LoggedReply, tolerance_s: float) -> list[str]:
    """Name the times of a reading that are further off than the tolerance, and a wrong count of token events."""
    timings, has_tokens = reading.timings, bool(logged.token_writes)
    times = {
        "ttft_s": (timings.ttft_s, logged.ttft_s if has_tokens else None),
        "ttfc_s": (timings.ttfc_s, logged.ttfc_s),
        "e2e_s": (timings.e2e_s, logged.e2e_s if has_tokens else None),
    }
    names = [name for name, (observed_s, true_s) in times.items() if _differs(observed_s, true_s, tolerance_s)]
    events = sum(write.events for write in logged.writes)
    return names if reading.counts.token_events == events else [*names, "token_events"]
