"""Token counts and timings that a server reports: `find_count` and `parse_server_timings`, driven by key tables."""

from __future__ import annotations

from collections.abc import Mapping

from harness.types import Json, Usage

_MAX_COUNT = 2**53
"""Also the largest number of a server that is kept. JSON has integers of any length, which overflow a float."""

PROMPT_KEYS = (("prompt_tokens",), ("input_tokens",))
COMPLETION_KEYS = (("completion_tokens",), ("output_tokens",))
CACHED_KEYS = (
    ("prompt_tokens_details", "cached_tokens"),
    ("input_tokens_details", "cached_tokens"),
    ("cached_tokens",),
    ("prompt_cache_hit_tokens",),
)
REASONING_KEYS = (
    ("completion_tokens_details", "reasoning_tokens"),
    ("output_tokens_details", "reasoning_tokens"),
    ("reasoning_tokens",),
)
TIMING_OBJECTS = ("timings", "stats")
"""Top-level objects that hold the server's own timings: llama.cpp, LM Studio."""
USAGE_TIMING_KEYS = (
    "model_load_duration",
    "time_to_first_token",
    "total_time",
    "prompt_eval_duration",
    "generation_duration",
    "prompt_tokens_per_second",
    "generation_tokens_per_second",
)
"""Timings that oMLX writes into its usage object."""


def parse_count(value: Json) -> int | None:
    """Return a count as an int; None for a string, a bool, a negative or fractional number or one above 2^53."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < _MAX_COUNT:
        return None
    return value


def find_count(document: Mapping[str, Json], paths: tuple[tuple[str, ...], ...]) -> int | None:
    """The first valid count under any of these paths."""
    for path in paths:
        value: Json = document
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        count = parse_count(value)
        if count is not None:
            return count
    return None


def parse_openai_usage(usage: Mapping[str, Json]) -> Usage:
    """Parse the usage object of chat or Responses, under any of the names that servers use."""
    return Usage(
        prompt_tokens=find_count(usage, PROMPT_KEYS),
        completion_tokens=find_count(usage, COMPLETION_KEYS),
        cached_tokens=find_count(usage, CACHED_KEYS),
        reasoning_tokens=find_count(usage, REASONING_KEYS),
    )


def _storable_values(document: Mapping[str, Json]) -> dict[str, Json]:
    """The scalars of an object; a number that is not finite, or beyond 2^53, is as if the server gave none."""
    out: dict[str, Json] = {}
    for key, value in document.items():
        if isinstance(value, int | float) and not -_MAX_COUNT <= value <= _MAX_COUNT:
            out[key] = None
        elif value is None or isinstance(value, str | int | float):
            out[key] = value
    return out


def parse_server_timings(document: Mapping[str, Json]) -> dict[str, Json] | None:
    """Return the server's own timings in one event under the server's own names; None if it has none."""
    for key in TIMING_OBJECTS:
        value = document.get(key)
        if isinstance(value, dict) and value:
            return _storable_values(value)
    usage = document.get("usage")
    if not isinstance(usage, dict):
        return None
    return _storable_values({key: usage[key] for key in USAGE_TIMING_KEYS if key in usage}) or None
