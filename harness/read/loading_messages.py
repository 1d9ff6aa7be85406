"""Recognize the reasoning that llama-swap invents while it loads a model (`sendLoadingState`); no model generated it.

Such events are at the beginning of a stream, hold one reasoning text and have neither an id nor a model. Source:
mostlygeek/llama-swap, internal/router/loading.go. `without_loading` marks them as synthetic.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate, takewhile

from harness.apis import Delta

_FIRST_LINES = re.compile(r"━+\nllama-swap loading model: ")
_LAST_LINES = re.compile(r"\nDone! \([\d.]+s\)\n━+\n \n")


def _is_reasoning_without_metadata(delta: Delta) -> bool:
    return delta.lacks_metadata and bool(delta.reasoning) and not delta.content and not delta.tool_calls


def count_loading_events(deltas: Sequence[Delta]) -> int:
    """Count the leading events that are a loading message, up to its last line or to where it breaks off."""
    leading = list(takewhile(_is_reasoning_without_metadata, deltas))
    text = "".join(delta.reasoning for delta in leading)
    if not _FIRST_LINES.match(text):
        return 0
    end = _LAST_LINES.search(text)
    lengths = accumulate(len(delta.reasoning) for delta in leading)
    return len(leading) if end is None else sum(length <= end.end() for length in lengths)


def without_loading(deltas: Sequence[Delta]) -> list[Delta]:
    """Mark the events of a leading loading message as synthetic: they keep their times but hold no reasoning."""
    count = count_loading_events(deltas)
    return [replace(delta, kind="synthetic", reasoning="") for delta in deltas[:count]] + list(deltas[count:])
