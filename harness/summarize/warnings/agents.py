"""Warnings about coding agents: trials that say nothing about the model, since its agent asked nothing or waited."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from harness.summarize.cells import non_warmup_trials
from harness.types import AgentWork, Result, ResultWarning, TrialResult

MAX_WAITED_SHARE = 0.5
"""Of the wall clock that a trial is allowed."""


def agent_silent(result: Result) -> Iterator[ResultWarning]:
    """An agent that ended before its first request: it failed, and not its model."""
    for label, agent, trials in _agents(result):
        ends = Counter(_end(trial.work) for trial in trials if trial.work is not None and not trial.turns)
        if ends:
            count = f"{ends.total()} of {len(trials)} trials"
            ended = ", ".join(f"{end} in {number}" for end, number in ends.most_common())
            text = f"{agent} asked the model nothing in {count}, which say nothing about the model ({ended})"
            yield ResultWarning("agent_silent", f"{label}: {text}", label)


def agent_waited(result: Result) -> Iterator[ResultWarning]:
    """An agent that did nothing but wait until the clock ended it, as one does that asks its user a question."""
    for label, agent, trials in _agents(result):
        waited = [trial for trial in trials if _waited(trial)]
        if waited:
            share = f"more than {MAX_WAITED_SHARE:.0%} of the time after the model's last reply"
            text = f"in {len(waited)} of {len(trials)} trials the clock ended {agent} while it waited, {share}"
            hint = "it may have asked its user, or run a command that does not end"
            yield ResultWarning("agent_waited", f"{label}: {text}: {hint}", label)


def _agents(result: Result) -> Iterator[tuple[str, str, tuple[TrialResult, ...]]]:
    """Each contender with an agent: its label, the agent, its trials."""
    for model in result.models:
        if model.agent is not None:
            yield model.label, model.agent, non_warmup_trials(result, model.label)


def _end(work: AgentWork) -> str:
    return f"exit code {work.exit_code}" if work.exit_code is not None else f"ended by the limit {work.end}"


def _waited(trial: TrialResult) -> bool:
    if trial.work is None or trial.work.end != "clock" or trial.ended_ns is None:
        return False
    replies = [(turn.started_ns or 0) / 1e9 + (turn.timings.e2e_s or 0.0) for turn in trial.turns]
    return bool(replies) and trial.ended_ns / 1e9 - max(replies) > MAX_WAITED_SHARE * trial.work.limits.clock_s
