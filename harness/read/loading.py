"""Text that no model generated: llama-swap, with `sendLoadingState`, streams a made-up thought while it loads a model.

Its events hold one reasoning text and neither an id nor a model, and begin the stream. Source: mostlygeek/llama-swap,
internal/router/loading.go.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate, takewhile

from harness.read.dialects import Delta

_BEGINS = re.compile(r"━+\nllama-swap loading model: ")
_ENDS = re.compile(r"\nDone! \([\d.]+s\)\n━+\n \n")


def _is_bare_thought(delta: Delta) -> bool:
    return delta.nameless and bool(delta.reasoning) and not delta.content and not delta.pieces


def loading_events(deltas: Sequence[Delta]) -> int:
    """How many of the first events are such a text, to its end or as far as it came."""
    lead = list(takewhile(_is_bare_thought, deltas))
    text = "".join(delta.reasoning for delta in lead)
    if not _BEGINS.match(text):
        return 0
    end = _ENDS.search(text)
    lengths = accumulate(len(delta.reasoning) for delta in lead)
    return len(lead) if end is None else sum(length <= end.end() for length in lengths)


def without_loading(deltas: Sequence[Delta]) -> list[Delta]:
    """The same events with such a text as an echo: counted, with its time, and nothing that was generated."""
    count = loading_events(deltas)
    return [replace(delta, kind="echo", reasoning="") for delta in deltas[:count]] + list(deltas[count:])
