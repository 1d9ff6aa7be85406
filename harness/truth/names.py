"""A model's name to the script that it asks for, and a reading against what that script said."""

from __future__ import annotations

from urllib.parse import parse_qsl

from harness.truth.behaviours import BEHAVIOURS
from harness.truth.faults import FAULTS
from harness.truth.scripts import Pace, Script
from harness.types import Reading

SCRIPTS = {**BEHAVIOURS, **FAULTS}


def script_of(model: str) -> Script:
    """The script that a model's name asks for. Raises KeyError for an unknown behaviour, ValueError for a bad pace."""
    name, _, query = model.partition("?")
    given = dict(parse_qsl(query))
    pace = Pace(
        ttft_s=float(given.get("ttft_ms", 100)) / 1e3,
        tps=float(given.get("tps", 200)),
        tokens=int(given.get("tokens", 40)),
        seed=int(given.get("seed", 0)),
    )
    return SCRIPTS[name](pace)


def misread(model: str, reading: Reading) -> list[str]:
    """What of a reading is not what the behaviour said; nothing when it was understood."""
    meant = script_of(model).expected
    found = {
        "content": (reading.content, meant.content),
        "reasoning": (reading.reasoning, meant.reasoning),
        "calls": (tuple((call.name, call.arguments) for call in reading.tool_calls), meant.calls),
        "finish_reason": (reading.finish_reason, meant.finish_reason),
        "done": (reading.done, meant.done),
        "error": (reading.error.kind if reading.error else None, meant.error),
        "tokens": (reading.usage.completion_tokens if reading.usage else None, meant.completion_tokens),
    }
    return [name for name, (seen, wanted) in found.items() if seen != wanted]
