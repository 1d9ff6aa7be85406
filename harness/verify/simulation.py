"""Recognizes the demo's simulated models by what their server sent, whatever the result calls them.

`simulation_mark` finds the mark in one recording; `check_marks` holds the marks against the models of the result. The
demo server names itself in each response's header and in each event, and a simulated model bears the demo's name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from harness.demo import SERVER_NAME, SIMULATED_MODELS
from harness.types import Finding, Reading, Recording, TrialKey
from harness.verify.evidence import Evidence

_FINGERPRINT = f'"system_fingerprint": "{SERVER_NAME}"'.encode()
_NAMES = frozenset(model.name for model in SIMULATED_MODELS)


def simulation_mark(recording: Recording, reading: Reading) -> str | None:
    """What shows that the demo server sent this response; None if nothing does."""
    if recording.headers.get("server", "").strip() == SERVER_NAME:
        return "the response's header names the demo server"
    if any(_FINGERPRINT in chunk.data for chunk in recording.chunks):
        return "the response's events name the demo server"
    if reading.reported_model in _NAMES:
        return f"the response comes from {reading.reported_model}, a simulated model"
    return None


def check_marks(evidence: Evidence, marks: Iterable[tuple[TrialKey, int, str]], location: str) -> Iterator[Finding]:
    """Each marked recording, given with its line, is of a model that the result calls simulated."""
    simulated = {model.label for model in evidence.result.models if model.simulated}
    for key, line, mark in marks:
        if key.model not in simulated:
            message = f"{key.model} is not called simulated, but {mark}"
            yield Finding("simulated", f"{location}, line {line}", message)
