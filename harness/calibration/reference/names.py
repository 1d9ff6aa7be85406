"""A model's name to the script that it asks for, and a reading against what that script said and what was written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from harness.calibration.reference.behaviors import BEHAVIORS
from harness.calibration.reference.faults import FAULTS
from harness.calibration.reference.process import Heard
from harness.calibration.reference.scripts import PROMPT_TOKENS, Pace, Script
from harness.types import Reading

SCRIPTS = {**BEHAVIORS, **FAULTS}
CHARS_A_TOKEN = 4
SLOWER = 0.8
COUNTED = ("prefill_tps", "cap", "cache")
"""With one of these in a model's name the prompt is counted, else it has 100 tokens whatever it is."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """How long the prompt is that was asked, how much of its front an earlier one shared, and the how many-th it is."""

    chars: int = 0
    shared_chars: int = 0
    number: int = 1


def pace_of(given: Mapping[str, str], prompt: Prompt) -> Pace:
    """The pace that a name asks for. Raises ValueError.

    `ttft_ms`, `tps`, `tokens`, `seed`; and of a prompt that is counted `prefill_tps` (how fast the uncached part of it
    is read, on top of `ttft_ms`), `cap` (it is cut to so many tokens, and nobody is told), `cache` (its front is known
    from an earlier prompt). From its `slow_from`-th request on a model has four fifths of its `tps`.
    """
    counted = any(name in given for name in COUNTED)
    tokens = min(prompt.chars // CHARS_A_TOKEN, int(given.get("cap", 10**9))) if counted else PROMPT_TOKENS
    cached = min(prompt.shared_chars // CHARS_A_TOKEN, tokens - 1) if "cache" in given else 0
    read_s = (tokens - cached) / float(given["prefill_tps"]) if "prefill_tps" in given else 0.0
    return Pace(
        ttft_s=float(given.get("ttft_ms", 100)) / 1e3 + read_s,
        tps=float(given.get("tps", 200)) * (SLOWER if prompt.number >= int(given.get("slow_from", 10**9)) else 1.0),
        tokens=int(given.get("tokens", 40)),
        seed=int(given.get("seed", 0)),
        prompt_tokens=tokens,
        cached_tokens=max(0, cached),
    )


def script_of(model: str, prompt: Prompt | None = None) -> Script:
    """The script that a model's name asks for. Raises KeyError for an unknown behaviour, ValueError for a bad pace."""
    name, _, query = model.partition("?")
    return SCRIPTS[name](pace_of(dict(parse_qsl(query)), prompt or Prompt()))


def misread(model: str, reading: Reading, prompt: Prompt | None = None) -> list[str]:
    """What of a reading is not what the behaviour said; nothing when it was understood."""
    meant, usage = script_of(model, prompt).expected, reading.usage
    found = {
        "content": (reading.content, meant.content),
        "reasoning": (reading.reasoning, meant.reasoning),
        "calls": (tuple((call.name, call.arguments) for call in reading.tool_calls), meant.calls),
        "finish_reason": (reading.finish_reason, meant.finish_reason),
        "done": (reading.done, meant.done),
        "error": (reading.error.kind if reading.error else None, meant.error),
        "tokens": (usage.completion_tokens if usage else None, meant.completion_tokens),
        "prompt": (usage.prompt_tokens if usage else None, meant.prompt_tokens),
        "cached": (usage.cached_tokens if usage else None, meant.cached_tokens),
        "speeds": (tuple(sorted(reading.server_timings or ())), meant.speeds),
    }
    return [name for name, (seen, wanted) in found.items() if seen != wanted]


def mistimed(reading: Reading, heard: Heard, within_s: float) -> list[str]:
    """Which times of a reading are further than this from when the server wrote, and what it counted otherwise."""
    timings, spoken = reading.timings, heard.spoken
    pairs = {
        "ttft": (timings.ttft_s, heard.ttft_s if spoken else None),
        "ttfc": (timings.ttfc_s, heard.ttfc_s),
        "e2e": (timings.e2e_s, heard.e2e_s if spoken else None),
    }
    far = [
        name
        for name, (seen, true) in pairs.items()
        if (seen is None) != (true is None) or abs((seen or 0.0) - (true or 0.0)) > within_s
    ]
    events = sum(write.events for write in heard.writes)
    return far if reading.counts.token_events == events else [*far, "token_events"]
