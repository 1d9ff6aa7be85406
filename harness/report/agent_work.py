"""The section on agents: what a solved task costs, where the time goes, what the cache held, how the trials ended.

`agent_work` compares the contenders that drive an agent; a row of a table is one quantity in one function.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median

from harness.report.elements import Entry, Section, Table
from harness.report.formatting import (
    MISSING,
    format_count,
    format_number,
    format_percent,
    format_seconds,
    format_spread,
    format_suite_rate,
)
from harness.types import AgentSession, AgentWork, ModelInfo, ModelSummary, Outcome, Result, TrialResult, TurnResult

MAX_CAUSES = 3
TURN_RANGES = ((1, 1), (2, 2), (3, 4), (5, 8), (9, 16), (17, 1_000_000))
"""Requests whose cache hits are summed, by their number from 1: the first ones differ most."""
_LIMITS = {
    "clock": "wall clock",
    "turns": "requests",
    "tokens": "generated tokens",
    "context": "context",
    "memory": "memory",
}


@dataclass(frozen=True, slots=True)
class _Contender:
    """A model with an agent: its summary, that of the model alone if it was run, and its trials."""

    model: ModelInfo
    summary: ModelSummary
    alone: ModelSummary | None
    trials: tuple[TrialResult, ...]

    @property
    def works(self) -> list[AgentWork]:
        """What its agent left in each trial."""
        return [trial.work for trial in self.trials if trial.work is not None]

    @property
    def sessions(self) -> list[AgentSession]:
        """What its requests cost in each trial."""
        return [trial.session for trial in self.trials if trial.session is not None]

    @property
    def wall_s(self) -> float:
        """The seconds of all trials."""
        return sum(trial.duration_s or 0.0 for trial in self.trials)


Row = Callable[[_Contender], str]


def agent_work(result: Result) -> Section:
    """What each contender with an agent did, in four tables; nothing for a result without one."""
    contenders = _contenders(result)
    if not contenders:
        return Section("agent_work", "", "")
    return Section(
        "agent_work",
        "Agents",
        "Per solved task: the sum over all trials, also of those that failed, divided by the trials that solved their "
        "task. "
        "Prefill and decode are the model's time. Tools: from a reply to the request that brings a tool's result. "
        "Agent: all other time, such as its own start.",
        tuple(
            Table(title, (head, *(each.summary.model for each in contenders)), _rows(contenders, rows), by_model=True)
            for title, head, rows in _TABLES
        ),
        notes=_causes(contenders),
    )


def _contenders(result: Result) -> list[_Contender]:
    with_agent = {model.label: model for model in result.models if model.agent is not None}
    summaries = {summary.model: summary for summary in result.summaries}
    alone = {(model.server, model.model): model.label for model in reversed(result.models) if model.agent is None}
    trials: dict[str, list[TrialResult]] = {}
    for trial in result.counted_trials:
        if trial.model in with_agent:
            trials.setdefault(trial.model, []).append(trial)
    return [
        _Contender(
            model,
            summaries[label],
            summaries.get(alone.get((model.server, model.model), "")),
            tuple(trials.get(label, ())),
        )
        for label, model in with_agent.items()
        if label in summaries
    ]


def _rows(contenders: Sequence[_Contender], rows: Iterable[tuple[str, Row]]) -> tuple[tuple[Entry, ...], ...]:
    """A row for each quantity that any contender has."""
    found = [(Entry(name), *(Entry(row(each)) for each in contenders)) for name, row in rows]
    return tuple(row for row in found if any(entry.text != MISSING for entry in row[1:]))


# --- what a solved task costs ---------------------------------------------------------------------------------------


def _agent(contender: _Contender) -> str:
    return f"{contender.model.agent} {contender.model.agent_version or ''}".strip()


def _solved(contender: _Contender) -> str:
    return format_count(contender.summary.pass_rate)


def _rate(contender: _Contender) -> str:
    rates = {rate.estimand: rate for rate in contender.summary.suite_rates}
    return format_suite_rate(rates.get("exactly_these_tasks"), contender.summary.pass_rate.n)


def _per_solved(
    value_of: Callable[[TrialResult], float | None], unit: Callable[[float], str], contender: _Contender
) -> str:
    """The sum over all trials for each solved one; in brackets the median of a trial."""
    values = [value_of(trial) for trial in contender.trials]
    known = [value for value in values if value is not None]
    if not values or len(known) < len(values):
        return MISSING
    solved = sum(trial.outcome is Outcome.PASSED for trial in contender.trials)
    each = f"({unit(median(known))} a trial)"
    return f"{unit(sum(known) / solved)} {each}" if solved else f"none solved {each}"


def _tokens(value_of: Callable[[TurnResult], int | None]) -> Callable[[TrialResult], float | None]:
    """The sum over the requests of a trial that the server counted; None where it counted none of them."""

    def total(trial: TrialResult) -> float | None:
        known = [value for turn in trial.turns if (value := value_of(turn)) is not None]
        return None if trial.turns and not known else float(sum(known))

    return total


def _whole(value: float) -> str:
    return f"{value:,.0f}"


# --- where the time goes --------------------------------------------------------------------------------------------


def _share(seconds_of: Callable[[AgentSession], float], contender: _Contender) -> str:
    total = sum(map(seconds_of, contender.sessions))
    return format_percent(min(1.0, total / contender.wall_s)) if contender.wall_s else MISSING


def _model_s(session: AgentSession) -> float:
    return session.prefill_s + session.decode_s + session.tool_s


def _agent_share(contender: _Contender) -> str:
    """What is left; requests at the same time may add up to more than the trial."""
    if not contender.wall_s:
        return MISSING
    return format_percent(max(0.0, 1 - sum(map(_model_s, contender.sessions)) / contender.wall_s))


def _cpu(contender: _Contender) -> str:
    cpu_s = sum(work.cpu_s for work in contender.works)
    return f"{format_number(cpu_s / contender.wall_s)} cores" if contender.wall_s else MISSING


def _decode(contender: _Contender) -> str:
    return format_spread(contender.summary.decode_tps)


def _decode_alone(contender: _Contender) -> str:
    return MISSING if contender.alone is None else format_spread(contender.alone.decode_tps)


# --- what the cache held --------------------------------------------------------------------------------------------


def _hits(first: int, last: int, contender: _Contender) -> str:
    turns = [
        turn
        for session in contender.sessions
        for turn in session.cache[first - 1 : last]
        if turn.prompt_tokens and turn.cached_tokens is not None
    ]
    prompt = sum(turn.prompt_tokens or 0 for turn in turns)
    return format_percent(sum(turn.cached_tokens or 0 for turn in turns) / prompt) if prompt else MISSING


def _held(contender: _Contender) -> str:
    """The cache doctor's verdict: in how many of the requests that could use the cache it held."""
    states = Counter(turn.state for session in contender.sessions for turn in session.cache)
    usable = states["hit"] + states["partial"] + states["miss"]
    return f"{states['hit']} of {usable}" if usable else MISSING


def _lost(contender: _Contender) -> str:
    prompt = sum(turn.prompt_tokens or 0 for session in contender.sessions for turn in session.cache)
    lost = sum(turn.lost_tokens for session in contender.sessions for turn in session.cache)
    return f"{lost:,} ({format_percent(lost / prompt)})" if prompt else MISSING


def _causes(contenders: Sequence[_Contender]) -> tuple[str, ...]:
    """What broke the cache, the causes that cost most first; those at one place of the requests are one."""
    notes = []
    for contender in contenders:
        lost: Counter[str] = Counter()
        first: dict[str, str] = {}
        for turn in (turn for session in contender.sessions for turn in session.cache if turn.cause):
            place = turn.cause.partition(":")[0]
            lost[place] += turn.lost_tokens
            first.setdefault(place, turn.cause)
        notes += [
            f"{contender.summary.model}: {tokens:,} prompt tokens were read again: {first[place]}"
            for place, tokens in lost.most_common(MAX_CAUSES)
        ]
    return tuple(notes)


# --- how the trials ended -------------------------------------------------------------------------------------------


def _count_outcome(outcome: Outcome, contender: _Contender) -> str:
    return _of(sum(trial.outcome is outcome for trial in contender.trials), len(contender.trials))


def _count_end(is_end: Callable[[AgentWork], bool], contender: _Contender) -> str:
    return _of(sum(map(is_end, contender.works)), len(contender.trials))


def _limits(contender: _Contender) -> str:
    ends = Counter(work.end for work in contender.works if work.end in _LIMITS)
    return ", ".join(f"{_LIMITS[end]} {count}" for end, count in ends.most_common()) or "none"


def _calls(count_of: Callable[[AgentSession], int], contender: _Contender) -> str:
    return _of(sum(map(count_of, contender.sessions)), sum(session.calls for session in contender.sessions))


def _refused(contender: _Contender) -> str:
    return str(sum(work.refused_connections for work in contender.works))


def _of(count: int, total: int) -> str:
    return f"{count} of {total}" if total else MISSING


_TABLES: tuple[tuple[str, str, tuple[tuple[str, Row], ...]], ...] = (
    (
        "What a solved task costs",
        "per solved task",
        (
            ("agent", _agent),
            ("trials solved", _solved),
            ("rate on exactly these tasks", _rate),
            ("wall time", partial(_per_solved, lambda trial: trial.duration_s, format_seconds)),
            ("requests", partial(_per_solved, lambda trial: float(len(trial.turns)), format_number)),
            (
                "prompt tokens",
                partial(_per_solved, _tokens(lambda turn: turn.usage.prompt_tokens if turn.usage else None), _whole),
            ),
            (
                "of these cached",
                partial(_per_solved, _tokens(lambda turn: turn.usage.cached_tokens if turn.usage else None), _whole),
            ),
            (
                "generated tokens",
                partial(
                    _per_solved, _tokens(lambda turn: turn.usage.completion_tokens if turn.usage else None), _whole
                ),
            ),
        ),
    ),
    (
        "Where the time goes",
        "share of the wall time",
        (
            ("prefill", partial(_share, lambda session: session.prefill_s)),
            ("decode", partial(_share, lambda session: session.decode_s)),
            ("tools", partial(_share, lambda session: session.tool_s)),
            ("agent", _agent_share),
            ("CPU of the agent's container", _cpu),
            ("decode, tok/s, beside the agent", _decode),
            ("decode, tok/s, of the model alone", _decode_alone),
        ),
    ),
    (
        "Prefix cache",
        "share of the prompt that was cached",
        (
            *(
                (
                    f"request {first}" if first == last else f"requests {first} to {last}"
                    if last < TURN_RANGES[-1][1] else f"requests from {first} on",
                    partial(_hits, first, last),
                )
                for first, last in TURN_RANGES
            ),
            ("held, of the requests that could use it", _held),
            ("tokens read again", _lost),
        ),
    ),
    (
        "How the trials ended",
        "trials",
        (
            ("solved", partial(_count_outcome, Outcome.PASSED)),
            ("wrong edit", partial(_count_outcome, Outcome.FAILED)),
            ("no edit", partial(_count_outcome, Outcome.NO_EDIT)),
            ("gave up", partial(_count_end, lambda work: work.end == "gave_up")),
            ("crashed", partial(_count_end, lambda work: work.crashed)),
            ("ended by a limit", _limits),
            ("malformed tool calls", partial(_calls, lambda session: session.malformed_calls)),
            ("calls of unknown tools", partial(_calls, lambda session: session.unknown_calls)),
            ("connections refused", _refused),
        ),
    ),
)  # fmt: skip
