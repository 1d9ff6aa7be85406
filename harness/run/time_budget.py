"""Passes and time of a run: which trials come next, whether their time suffices, when a look is due.

`TimeBudget.passes` gives what a session records: pass by pass over the models, where the time is limited as long as the
next block fits. `due_look` says whether a look is due, and after how many trials.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from harness.record import Client
from harness.run.folder import COMPLETED, RunFolder
from harness.run.plan import pass_of
from harness.summarize import trials_planned
from harness.types import STOPPED_BY_OWNER, ModelRun, TrialKey

NEXT_BLOCK_MARGIN = 1.1
"""A block is begun if the mean of those before it, with this margin, still fits."""
OVERRUN = 1.05
"""A turn that still runs when this multiple of the time is used is cut off, and its trial does not count."""

Trials = Mapping[str, Sequence[TrialKey]]
"""The trials of each model, by label."""


class TimeBudget:
    """The time that a run may record for, without a limit if its plan has none."""

    def __init__(self, folder: RunFolder, client: Client) -> None:
        self._folder, self._client, self._timeouts = folder, client, client.timeouts
        design = folder.plan.design
        self._budget_s = None if design is None else design.budget_s

    def passes(self, missing: Trials) -> Iterator[tuple[int, Trials]]:
        """What to record, each pass with its number: the session ends where the time does not suffice for the next."""
        plan = self._folder.plan
        numbers = {key: pass_of(plan.settings, plan.design, key) for keys in missing.values() for key in keys}
        for number in sorted(set(numbers.values())):
            # With a limit of time a pass is one block.
            if self._budget_s is not None and not fits_block(self._folder.record_s, number, self._budget_s):
                return
            yield number, {label: [key for key in keys if numbers[key] == number] for label, keys in missing.items()}

    @property
    def pass_words(self) -> str:
        """How often the models take turns, where a fixed number of trials makes them do so more than once; else ""."""
        plan = self._folder.plan
        return f" in {plan.settings.passes} passes" if plan.design is None and plan.settings.passes > 1 else ""

    @property
    def words(self) -> str:
        """What is left of the time, to be said before the first request; "" without a limit."""
        if self._budget_s is None:
            return ""
        return f"in the {max(0.0, self._budget_s - self._folder.record_s):.0f} s that are left, at most"

    @property
    def look_words(self) -> str:
        """Which look follows what this session records, and what the most is; "" in a run that is not looked at."""
        design, done = self._folder.plan.design, len(self._folder.chain.looks)
        if design is None or not design.is_looked_at_on_the_way or done >= len(design.looks):
            return ""
        return f", until look {done + 1} of at most {len(design.looks)} (at most {design.looks[-1]} trials a task)"

    @property
    def is_over(self) -> bool:
        """Whether more than the time, with what it may be exceeded by, is used."""
        return self._budget_s is not None and self._folder.record_s >= OVERRUN * self._budget_s

    @property
    def left_s(self) -> float | None:
        """How long a trial may go on, in seconds; None without a limit."""
        return None if self._budget_s is None else OVERRUN * self._budget_s - self._folder.record_s

    def limit_turn(self) -> bool:
        """Let no turn run longer than what is left of the time; False if nothing is."""
        left_s = self.left_s
        if self._budget_s is None or left_s is None:
            return True
        self._client.timeouts = replace(self._timeouts, turn_s=min(self._timeouts.turn_s, max(left_s, 0.001)))
        return self._folder.record_s < self._budget_s


def fits_block(used_s: float, blocks: int, budget_s: float) -> bool:
    """Whether a further block fits into the time, after so many blocks; the first one always may begin."""
    return used_s < budget_s and (blocks == 0 or used_s * (1 + NEXT_BLOCK_MARGIN / blocks) <= budget_s)


class DueLook(NamedTuple):
    """A look that is due: the trials of each open task that all models completed, and whether the time is used."""

    trials: int
    time_used: bool


def due_look(folder: RunFolder) -> DueLook | None:
    """The look that a run has come to; None if it has none or has to record first.

    It is due when every trial up to the planned look is recorded, or when the time is used. A model that was stopped
    by its server is not waited for once a session has done all it could, unless it is one of `unasked_models`; one that
    its owner stopped is, since a look without its trials would drop it from every lane.
    """
    design, chain = folder.plan.design, folder.chain
    if design is None or folder.has_ended or chain.awaits_block or "record" not in chain.ends:
        return None
    runs = _model_runs(folder)
    missing = _missing(folder, runs)
    awaited = [key for key in missing if runs[key.model].stop_reason in (None, STOPPED_BY_OWNER)]
    if missing and (chain.ends["record"].reason != COMPLETED or (not awaited and _unasked(folder, runs, missing))):
        return None
    if not awaited:
        return DueLook(design.looks[len(chain.looks)], time_used=False)
    return None if design.budget_s is None else DueLook(min(key.trial for key in awaited), time_used=True)


def describe_waiting(folder: RunFolder) -> Iterator[str]:
    """A line for each model that a first look waits for after a session."""
    for label in unasked_models(folder):
        yield f"{label} has no trial yet, and the first look waits for it; if resumed without it, the run goes on"


def unasked_models(folder: RunFolder) -> tuple[str, ...]:
    """The models without any trial for which a sequential run waits before its first look.

    Their servers were down when the run was begun. It goes on without them if they have none when it was resumed, and
    without those that were left out at once, but never without a trial of any model.
    """
    runs = _model_runs(folder)
    return _unasked(folder, runs, _missing(folder, runs))


def _unasked(folder: RunFolder, runs: Mapping[str, ModelRun], missing: Sequence[TrialKey]) -> tuple[str, ...]:
    design, chain = folder.plan.design, folder.chain
    if design is None or chain.looks or (design.budget_s is not None and chain.record_s >= design.budget_s):
        return ()
    asked = {key.model for key in folder.recorded if not key.warmup}
    if asked and chain.resumes:
        return ()
    unasked = dict.fromkeys(key.model for key in missing if key.model not in asked)
    awaited = tuple(label for label in unasked if not runs[label].is_left_out)
    return awaited if awaited or asked else tuple(unasked)


def has_open_lane(folder: RunFolder, label: str) -> bool:
    """Whether a model is still in question: in a sequential run the missing trials of others count for nothing."""
    looks = folder.chain.looks
    return not looks or any(lane.is_open and label in lane.candidates for lane in looks[-1].lanes)


def _model_runs(folder: RunFolder) -> dict[str, ModelRun]:
    """What is known of each model of the plan."""
    return {model.label: ModelRun(model.label) for model in folder.plan.models} | folder.read_model_runs()


def _missing(folder: RunFolder, runs: Mapping[str, ModelRun]) -> list[TrialKey]:
    """The trials up to the next look that are not recorded, of every model."""
    missing: list[TrialKey] = []
    for model in folder.plan.models:
        skipped = {skip.task for skip in runs[model.label].skipped}
        tasks = [task for task in folder.plan.tasks if task.name not in skipped]
        counts = {task.name: trials_planned(folder.schedule, model, task) for task in tasks}
        keys = (TrialKey(model.label, name, number) for name, count in counts.items() for number in range(count))
        missing += [key for key in keys if key not in folder.recorded]
    return missing
