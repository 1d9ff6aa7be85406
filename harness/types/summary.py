"""Numbers computed from the trials, each with its doubt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from harness.types.host import MemoryUse


@dataclass(frozen=True, slots=True)
class Rate:
    """k of n with the Wilson 95 % interval; n = 0 has no rate. Over several tasks the interval is None: trials of
    different tasks are never pooled (see SuiteRate).
    """

    passed: int
    n: int
    rate: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Spread:
    """A measured quantity over trials: `low` and `high` are the median's order-statistic 95 % interval (n >= 6).

    The quartiles are None for one value. `outliers` counts the values outside Tukey's fences; none is dropped.
    """

    n: int
    median: float
    low: float | None
    high: float | None
    mean: float
    variance: float | None
    minimum: float
    maximum: float
    outliers: int
    lower_quartile: float | None = None
    upper_quartile: float | None = None


@dataclass(frozen=True, slots=True)
class TurnSpeeds:
    """The timings of one turn of a cell; None where no trial measured it."""

    turn: int
    ttft_s: Spread | None
    ttfc_s: Spread | None
    e2e_s: Spread | None
    decode_tps: Spread | None
    e2e_tps: Spread | None
    apparent_prefill_tps: Spread | None
    prompt_tokens: Spread | None
    completion_tokens: Spread | None


@dataclass(frozen=True, slots=True)
class Throughput:
    """What so many clients got together: all tokens of a group over the time from its first request to its last token.

    `slowest_ttft_s` is the longest wait for a first token among the group's clients.
    """

    clients: int
    tps: Spread | None
    slowest_ttft_s: Spread | None


@dataclass(frozen=True, slots=True)
class Cell:
    """One model on one task.

    `moved_trials` are the numbers of its trials whose block began with a canary that was off: on a machine, or with a
    server, of another speed than the run's.
    """

    model: str
    task: str
    scored: bool
    rate: Rate
    fraction: float | None
    outcomes: Mapping[str, int]
    distinct_answers: int
    cache_hits: int
    turns: tuple[TurnSpeeds, ...]
    throughput: tuple[Throughput, ...] = ()
    moved_trials: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class PrefillPoint:
    """One prompt size: medians over its cold turns."""

    uncached_tokens: float
    ttft_s: float
    n: int


@dataclass(frozen=True, slots=True)
class Prefill:
    """How fast a model reads: the line through the sizes of one task, beside what the longest prompt alone says.

    `tps` is the line's rate with its 95 % interval, `overhead_s` what no prompt is free of. `curved`: the rate changes
    with the size, so that `marginal_tps`, the rates between neighbouring sizes, say more than one number. `apparent`
    is uncached tokens over TTFT at the longest size. `trust` says which of the two to believe; `early_s` is by how
    much the first token comes before the line says that the longest prompt can have been read.
    """

    task: str
    points: tuple[PrefillPoint, ...]
    tps: float | None
    low: float | None
    high: float | None
    overhead_s: float | None
    overhead_low_s: float | None
    overhead_high_s: float | None
    residual_share: float | None
    curved: bool | None
    marginal_tps: tuple[float | None, ...]
    apparent_tps: float | None
    apparent_low: float | None
    apparent_high: float | None
    trust: Literal["line", "marginal", "neither"]
    early_s: float | None = None


@dataclass(frozen=True, slots=True)
class SuiteRate:
    """A model over the suite's scored tasks, with the estimand named: tasks like these, or exactly these."""

    estimand: Literal["tasks_like_these", "exactly_these_tasks"]
    rate: float | None
    low: float | None
    high: float | None
    n_tasks: int


@dataclass(frozen=True, slots=True)
class Drift:
    """The relative change of the decode rate from a model's first trial to its last, tasks allowed for."""

    change: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ModelSummary:
    """One model over all its trials. `solved_always` and `solved_once` count tasks: solved in every trial, in any."""

    model: str
    solved: Rate
    suite_rates: tuple[SuiteRate, ...]
    decode_tps: Spread | None
    suite_s: float | None
    memory: MemoryUse
    load_s: float | None
    prefill: Prefill | None = None
    solved_always: Rate | None = None
    solved_once: Rate | None = None
    drift: Drift | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two models of a run by task and trial; every number is `model` minus `baseline`.

    `p` is the sign-flip test's, `p_holm` the same after all pairs of the run were looked at: the verdict goes by that.
    `smallest_gap` is what this design shows in four repeats of five; the last two are how many tasks or trials in all
    would decide a difference as large as this, None where no number would or it is decided.
    """

    model: str
    baseline: str
    estimand: Literal["tasks_like_these", "exactly_these_tasks"]
    n_tasks: int
    difference: float
    low: float | None
    high: float | None
    p: float | None
    p_holm: float | None
    verdict: Literal["better", "worse", "can't tell"]
    smallest_gap: float | None
    tasks_to_decide: int | None
    trials_to_decide: int | None


@dataclass(frozen=True, slots=True)
class Rank:
    """Models that cannot be told from the first of them (on tasks like these)."""

    rank: int
    models: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Caveat:
    """Something a reader must know before believing a number; `code` is stable."""

    code: str
    text: str
    model: str | None = None
    task: str | None = None
