"""What the server counted and timed itself: its usage object and its own speeds. Tables of keys, nothing else."""

from __future__ import annotations

import math
from collections.abc import Mapping

from harness.types import Json, Usage

_COUNT_LIMIT = 2**53

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
SPEED_OBJECTS = ("timings", "stats")
"""Top-level objects with the server's own speeds: llama.cpp, LM Studio."""
USAGE_SPEEDS = (
    "model_load_duration",
    "time_to_first_token",
    "total_time",
    "prompt_eval_duration",
    "generation_duration",
    "prompt_tokens_per_second",
    "generation_tokens_per_second",
)
"""Speeds that oMLX writes into its usage."""


def count_of(value: Json) -> int | None:
    """A count as an int, None for anything that cannot be one (a text, a bool, a negative or absurd number)."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < _COUNT_LIMIT:
        return None
    return value


def _find(document: Mapping[str, Json], paths: tuple[tuple[str, ...], ...]) -> int | None:
    for path in paths:
        value: Json = document
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        count = count_of(value)
        if count is not None:
            return count
    return None


def usage_of(usage: Mapping[str, Json] | None, speeds: Mapping[str, Json] | None) -> Usage | None:
    """The counts of one usage object; llama.cpp's `cache_n` stands in where usage does not tell cached tokens."""
    document = usage or {}
    cached = _find(document, CACHED_KEYS)
    found = Usage(
        prompt_tokens=_find(document, PROMPT_KEYS),
        completion_tokens=_find(document, COMPLETION_KEYS),
        cached_tokens=_find(speeds or {}, (("cache_n",),)) if cached is None else cached,
        reasoning_tokens=_find(document, REASONING_KEYS),
    )
    return None if found == Usage() else found


def _flat(document: Mapping[str, Json]) -> dict[str, Json]:
    """The values that a file can hold: texts and finite numbers; what is not finite is unknown."""
    out: dict[str, Json] = {}
    for key, value in document.items():
        if isinstance(value, float) and not math.isfinite(value):
            out[key] = None
        elif value is None or isinstance(value, str | int | float):
            out[key] = value
    return out


def speeds_of(document: Mapping[str, Json]) -> dict[str, Json] | None:
    """The server's own speeds in one event, under the server's own names; None where it tells none."""
    for key in SPEED_OBJECTS:
        value = document.get(key)
        if isinstance(value, dict) and value:
            return _flat(value)
    usage = document.get("usage")
    if not isinstance(usage, dict):
        return None
    return _flat({key: usage[key] for key in USAGE_SPEEDS if key in usage}) or None
