"""Scoring one recorded trial: `score_trial`, which depends on the task, the recordings, the seed and the image alone.

So a trial has the same score wherever it is computed, and threads and workers of a cluster differ in nothing else than
where they call it.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.read import read
from harness.score import score
from harness.tasks import HiddenCases, vary
from harness.types import Recording, Sandbox, ScoredTrial, Task


def score_trial(
    task: Task, recordings: Sequence[Recording], sandbox: Sandbox, hidden_cases: HiddenCases
) -> ScoredTrial:
    """Score one recorded trial. Raises EngineError: a failure of the engine is never the model's."""
    key = recordings[0].key
    variant = hidden_cases.extend(vary(task, key.trial))
    trial_score = score(variant, [read(recording) for recording in recordings], sandbox)
    case_seed = hidden_cases.seed if task.generator else None
    # A sandbox without an image runs nothing: none of the run's tasks executes an answer.
    facts = sandbox.facts if task.scored and sandbox.facts.image else None
    return ScoredTrial(key, variant.index, trial_score, facts, case_seed)
