"""Statistics computed from the trials: pass rates, speeds, prefill fits, comparisons, ranks and warnings.

A `low` and a `high` are the bounds of a 95 % interval; None if the data do not support one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from harness.types.host import MemoryUse

Estimand = Literal["tasks_like_these", "exactly_these_tasks"]
"""The population of tasks that these are a sample of, or these tasks alone."""
SIGNIFICANCE = 0.05
"""The largest p value by which something is called different."""
MIN_TRIALS = 6
"""Below six trials an interval covers nearly everything: a count stands alone, and a median has no interval."""
DifferenceVerdict = Literal["better", "worse", "can't tell"]


@dataclass(frozen=True, slots=True)
class PassRate:
    """k of n with the Wilson 95 % interval, where all `planned` trials were run; else there is no rate.

    So a run that is stopped cannot choose its denominator, and a trial that never ran is no failure. Over several tasks
    the interval is None, since trials of different tasks are not pooled; see SuiteRate.
    """

    passed: int
    n: int
    planned: int
    rate: float | None
    low: float | None
    high: float | None

    @property
    def is_complete(self) -> bool:
        """Whether every planned trial was run; True if none was planned, as of a skipped task."""
        return self.n >= self.planned


@dataclass(frozen=True, slots=True)
class DistributionSummary:
    """Distribution of a measured quantity over trials.

    `low` and `high` are the order-statistic interval of the median (n >= 6). The quartiles are None for one value.
    `outliers` counts the values outside Tukey's fences; they are kept in every statistic.
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
    """Timings and token counts of one turn of a cell; None if no trial measured it."""

    turn: int
    ttft_s: DistributionSummary | None
    ttfc_s: DistributionSummary | None
    e2e_s: DistributionSummary | None
    decode_tps: DistributionSummary | None
    e2e_tps: DistributionSummary | None
    apparent_prefill_tps: DistributionSummary | None
    prompt_tokens: DistributionSummary | None
    completion_tokens: DistributionSummary | None


@dataclass(frozen=True, slots=True)
class Throughput:
    """Aggregate speed of a group of concurrent clients.

    `tps` is all tokens of the group over the time from its first request to its last token; `max_ttft_s` the longest
    TTFT among its clients.
    """

    clients: int
    tps: DistributionSummary | None
    max_ttft_s: DistributionSummary | None


@dataclass(frozen=True, slots=True)
class Cell:
    """One model on one task, without warm-ups.

    `drifted_trials` are the numbers of the trials in blocks whose canary was off: the machine or the server ran at
    another speed than in the rest of the run.
    """

    model: str
    task: str
    scored: bool
    pass_rate: PassRate
    fraction: float | None
    outcomes: Mapping[str, int]
    distinct_answers: int
    cache_hits: int
    turns: tuple[TurnSpeeds, ...]
    throughput: tuple[Throughput, ...] = ()
    drifted_trials: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class PrefillPoint:
    """One prompt size: medians over its cold turns."""

    uncached_tokens: float
    ttft_s: float
    n: int


@dataclass(frozen=True, slots=True)
class Prefill:
    """Prefill rate of a model: the regression of TTFT on prompt size, and the apparent rate at the longest prompt.

    `tps` is the inverse slope of the fitted line, None where that is not valid; `overhead_s` is its intercept: fixed
    overhead per request. `nonlinear`: the rate changes with the size, so that `marginal_tps`, the rates between
    neighboring sizes, describe it better. `apparent_tps` is uncached tokens over TTFT at the longest size. `valid_rate`
    says which of them is valid. `early_first_token_s` is how long before the end of the prefill the first token
    arrives; None if it does not.
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
    nonlinear: bool | None
    marginal_tps: tuple[float | None, ...]
    apparent_tps: float | None
    apparent_low: float | None
    apparent_high: float | None
    valid_rate: Literal["fitted", "between_sizes", "none"]
    early_first_token_s: float | None = None


@dataclass(frozen=True, slots=True)
class SuiteRate:
    """Pass rate of a model over the suite's scored tasks, for one estimand."""

    estimand: Estimand
    rate: float | None
    low: float | None
    high: float | None
    n_tasks: int


@dataclass(frozen=True, slots=True)
class Drift:
    """Relative change of a speed from the first trial to the last, adjusted for the tasks."""

    change: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ModelSummary:
    """One model over all its trials. `passed_every_trial` and `passed_any_trial` count tasks, not trials.

    Speeds are over the trials, each with the median of its turns. `cold_ttft_s` is the TTFT of the turns that begin a
    conversation, `warm_ttft_s` that of all later ones.
    """

    model: str
    pass_rate: PassRate
    suite_rates: tuple[SuiteRate, ...]
    decode_tps: DistributionSummary | None
    total_trial_s: float | None
    memory: MemoryUse
    load_s: float | None
    prefill: Prefill | None = None
    passed_every_trial: PassRate | None = None
    passed_any_trial: PassRate | None = None
    drift: Drift | None = None
    cold_ttft_s: DistributionSummary | None = None
    warm_ttft_s: DistributionSummary | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two models of a run, paired by task and trial; every number is `model` minus `baseline`.

    `p` is that of the sign-flip test, `p_holm` the same adjusted for the run's looks and all its pairs; the verdict
    rests on the latter. `mde` is the minimum detectable effect (power 80 %). `tasks_to_decide` and `trials_to_decide`
    are the sizes at which a difference as large as this is detectable; None if no size suffices or it is decided.
    """

    model: str
    baseline: str
    estimand: Estimand
    n_tasks: int
    difference: float
    low: float | None
    high: float | None
    p: float | None
    p_holm: float | None
    verdict: DifferenceVerdict
    mde: float | None
    tasks_to_decide: int | None
    trials_to_decide: int | None


@dataclass(frozen=True, slots=True)
class Rank:
    """Models that are tied with the first of them, by their pass rate on tasks like these."""

    rank: int
    models: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TwinGap:
    """Bugs that packages had against their twins, which nobody can remember: the trials of a model that fixed them.

    `scorer` tells the form in which it was asked: given the files, finding them with tools, or as an agent. `gap` is
    the mean over the `pairs` that have trials of both, None without one; the pair is the unit of its interval.
    """

    model: str
    scorer: str
    bugs_fixed: int
    bugs: int
    twins_fixed: int
    twins: int
    pairs: int
    gap: float | None
    low: float | None
    high: float | None
    verdict: DifferenceVerdict


@dataclass(frozen=True, slots=True)
class ResultWarning:
    """A limitation that readers must know before they trust a number; `code` is stable."""

    code: str
    text: str
    model: str | None = None
    task: str | None = None
