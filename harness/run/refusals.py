"""Whether a server refuses a model: `refusal_of` gives the reason for an HTTP status, `Refusals` whether it stops it.

A wrong key, model or address is refused from the first request on. A refusal after an answer may be about that request
alone: an agent asks for something that the server lacks, a router has no server for tools, a filter refuses a text.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.apis import get_api
from harness.errors import Problem
from harness.types import Model, Recording

KEY_STATUSES = (401, 403)
NOT_FOUND = 404
"""HTTP statuses by which a server refuses every request of a model, unless it has answered one."""


def refusal_of(status: int | None, model: Model) -> Problem | None:
    """Why a server refuses every request of a model; None for another status.

    A run keeps the models of its plan: only what is not in bench.toml can be mended for a run that has begun.
    """
    if status in KEY_STATUSES:
        fix = (
            "name the key's environment variable in key_env and begin a new run"
            if model.key_env is None
            else f"export a key that the server takes as {model.key_env} and continue, or begin a new run"
        )
        return Problem("the server refuses the API key", fix)
    if status != NOT_FOUND:
        return None
    if model.agent is not None:
        title = get_api(model.api).title
        return Problem(
            f"the server has no {title} API, which {model.agent} speaks, or knows no such model",
            f"choose another agent or a server with the {title} API, or correct model or base_url, and begin a new run",
        )
    return Problem("the server knows no such model or address", "correct model or base_url and begin a new run")


def is_answer(recording: Recording) -> bool:
    """Whether the server took the request."""
    return recording.status is not None and 200 <= recording.status < 300


@dataclass(slots=True)
class Refusals:
    """What a server has answered of a model since it was loaded.

    `was_answered` is False before the first answer, and again once a trial has ended in a refusal: the outcome of that
    trial says it, and if the next one is refused without an answer too, as after a key was revoked, the model stops.
    """

    model: Model
    was_answered: bool = False
    _is_refused: bool = False

    def add(self, recording: Recording) -> Problem | None:
        """Take the next turn; returns why the model has to stop, None if it has not."""
        refusal = refusal_of(recording.status, self.model)
        if refusal is None:
            self._is_refused = self._is_refused and not is_answer(recording)
            self.was_answered = self.was_answered or is_answer(recording)
            return None
        self._is_refused = True
        return None if self.was_answered else refusal

    def end_trial(self) -> None:
        """Note that a trial has ended."""
        if self._is_refused:
            self.was_answered, self._is_refused = False, False
