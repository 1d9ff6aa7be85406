"""Checks of the limits that a result states for its agents: those of one run, and no trial beyond them.

`check_agent_limits` reads the result alone. The limits are no part of the plan that a result states, and a replication
would run agents with them: `smaller_limits` gives it those that the user's machine allows, too, and `reduced_limits`
names those that are then smaller than stated.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import fields, replace

from harness.read import count_tokens
from harness.run import OVERRUN
from harness.types import AgentLimits, Finding, TrialResult, TurnResult
from harness.verify.evidence import Evidence, describe, key_of

COMMON_LIMITS = ("turns", "tokens", "memory_bytes", "disk_bytes", "pids", "cpus")
"""Those that all trials of a run share; a context is a model's, and the time of a run may cut the clock."""
REPLY_END_S = 0.1
"""A reply ends this long after its last token at the latest: its token counts and the end of the stream follow."""
END_S = 60.0
"""A container may take as long to begin and to end, beside the clock of its agent."""


def check_agent_limits(evidence: Evidence) -> Iterator[Finding]:
    """All trials of agents have the same limits, and sent no more requests than they allow.

    That tokens and time are within them is a warning: an agent may send a request while it is being stopped.
    """
    found = [(at, trial) for at, trial in enumerate(evidence.result.trials) if trial.work is not None]
    budget_s = _budget_s(evidence)
    max_clock_s = math.inf if budget_s is None else OVERRUN * budget_s
    for at, trial in found:
        location, name = evidence.location(f"$.trials[{at}].work.limits"), describe(key_of(trial))
        for limit in _other_limits(evidence, found[0][1], trial):
            yield Finding("agent-limits", location, f"{name} has another limit {limit} than the trials before it")
        if trial.work is not None and trial.work.limits.clock_s > max_clock_s:
            message = f"{name} has a clock of {trial.work.limits.clock_s:g} s, the run has {max_clock_s:g} s in all"
            yield Finding("agent-limits", location, message)
        for text in _exceeded(trial):
            yield Finding("agent-limits", location, f"{name} {text}", "warning")
        turns = 0 if trial.work is None else trial.work.limits.turns
        if len(trial.turns) > turns:
            yield Finding("agent-limits", location, f"{name} has {len(trial.turns)} requests, its limit is {turns}")


def smaller_limits(stated: AgentLimits, own: AgentLimits) -> AgentLimits:
    """Of each limit the smaller one: what a result states must not use up the machine of who replicates it.

    The context is the stated one, which costs this machine nothing.
    """
    names = (*COMMON_LIMITS, "clock_s")
    return replace(stated, **{name: min(getattr(stated, name), getattr(own, name)) for name in names})


def reduced_limits(stated: AgentLimits, own: AgentLimits) -> list[str]:
    """The names of the limits that are smaller here than stated."""
    smaller = smaller_limits(stated, own)
    return [each.name for each in fields(AgentLimits) if getattr(smaller, each.name) != getattr(stated, each.name)]


def _budget_s(evidence: Evidence) -> float | None:
    design = evidence.result.run.design
    return None if design is None else design.budget_s


def _other_limits(evidence: Evidence, first: TrialResult, trial: TrialResult) -> Iterator[str]:
    if first.work is None or trial.work is None:
        return
    for name in COMMON_LIMITS if _budget_s(evidence) is not None else (*COMMON_LIMITS, "clock_s"):
        if getattr(trial.work.limits, name) != getattr(first.work.limits, name):
            yield name


def _had_ended(turn: TurnResult, at_ns: int) -> bool:
    """Whether a reply was over by then: the tokens of one that is open count at its end, and stop no other request."""
    times = turn.timings
    took_s = times.e2e_s if times.e2e_s is not None else times.ttfb_s
    if turn.started_ns is None or took_s is None:
        return False
    return turn.started_ns + (took_s + REPLY_END_S) * 1e9 < at_ns


def _exceeded(trial: TrialResult) -> Iterator[str]:
    """Limits that the trial reached before its last request was sent, or long before its end."""
    if trial.work is None:
        return
    limits, started_ns = trial.work.limits, [turn.started_ns for turn in trial.turns if turn.started_ns is not None]
    before = [turn for turn in trial.turns if _had_ended(turn, max(started_ns, default=0))]
    tokens = sum(count_tokens(turn.usage, turn.counts.token_events)[0] for turn in before)
    if tokens >= limits.tokens:
        yield f"went on after {tokens} tokens, its limit is {limits.tokens}"
    if trial.duration_s is not None and trial.duration_s > limits.clock_s + END_S:
        yield f"took {trial.duration_s:.1f} s, its limit is {limits.clock_s:g} s"
