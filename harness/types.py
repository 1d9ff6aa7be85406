"""The nouns of the kit (DESIGN: words), as frozen dataclasses, and the protocol of the sandbox.

Nothing here does any work. Times end in `_ns` (monotonic nanoseconds) or `_s` (seconds), sizes in `_bytes`,
counts of tokens in `_tokens`, rates in `_tps` (tokens a second). What is unknown is None.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, Protocol

Json = Any
"""A value that came from JSON or goes there: None, bool, int, float, str, list, dict with str keys."""

Channel = Literal["content", "reasoning", "tool_calls"]


Source = Literal["measured", "server_reported", "declared", "unknown"]


class Outcome(StrEnum):
    """How a trial ended; every one counts in the denominator."""

    PASSED = "passed"
    FAILED = "failed"
    NO_ANSWER = "no_answer"
    DECLINED = "declined"
    TRUNCATED_IN = "truncated_in"
    TRUNCATED_OUT = "truncated_out"
    TIMED_OUT = "timed_out"
    OUT_OF_MEMORY = "out_of_memory"
    CRASHED = "crashed"
    SERVER_ERROR = "server_error"


# --- tasks --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Limits:
    """What one container may use. `load_s` is for reading the answer's code, `case_s` for each case after it."""

    load_s: float = 10.0
    case_s: float = 5.0
    memory_bytes: int = 256 * 1024 * 1024
    pids: int = 64
    output_bytes: int = 1024 * 1024
    disk_bytes: int = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Case:
    """One input with what must come out. `give` enters the container; `expect` never does."""

    id: str
    give: Mapping[str, Json]
    expect: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Wrong:
    """An answer that must not pass: exactly the checks in `fails` must fail ("*": all), ending as `outcome`.

    One reply a turn; `finish_reason` is what the server would have said ("length" for a truncated answer).
    """

    name: str
    replies: tuple[str, ...]
    fails: tuple[str, ...]
    outcome: Outcome
    finish_reason: str = "stop"


@dataclass(frozen=True, slots=True)
class Task:
    """One folder under fixtures/, read and checked. Texts still hold `{{variant.NAME}}` and `{{nonce}}`."""

    name: str
    title: str
    suites: tuple[str, ...]
    tags: tuple[str, ...]
    language: str | None
    budget_tokens: int
    limits: Limits
    scorer: str
    settings: Mapping[str, Json]
    system: str
    turns: tuple[str, ...]
    files: Mapping[str, str]
    cases: str
    solution: tuple[str, ...]
    wrong: tuple[Wrong, ...]
    variants: tuple[Mapping[str, str], ...]
    sha256: str
    private_includes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Variant:
    """A task with the renamings and constants of one of its variants put in: what is asked and scored.

    `turns` still hold `{{nonce}}`. `solution` is one reply a turn.
    """

    task: Task
    index: int
    system: str
    turns: tuple[str, ...]
    files: Mapping[str, str]
    cases: tuple[Case, ...]
    solution: tuple[str, ...]
    wrong: tuple[Wrong, ...]


# --- models and servers -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sampling:
    """What is sent with every request; None is not sent."""

    temperature: float | None = 0.0
    top_p: float | None = 1.0
    top_k: int | None = None
    min_p: float | None = None
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """How a model's server is started and stopped, for the time of its trials only.

    Every command is a list of words that no shell reads. `running` ends with 0 while the server runs. `memory_bytes`
    is what the loaded model takes. Which fields `by` needs stands in schemas/config.v1.schema.json.
    """

    by: Literal["api", "process", "launchd", "commands"]
    start: tuple[str, ...] = ()
    stop: tuple[str, ...] = ()
    running: tuple[str, ...] = ()
    service: str | None = None
    plist: str | None = None
    domain: Literal["gui", "system"] = "gui"
    ready_s: float = 600.0
    stop_s: float = 30.0
    memory_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Model:
    """One contender: a model id, its server, its settings. `key_env` names the variable that holds the key.

    `tunnel` is an SSH destination on which the server listens at the port of `base_url`; `lifecycle` None means that
    the user starts and stops the server.
    """

    label: str
    server: str
    base_url: str
    model: str
    thinking: Literal["on", "off", "default"] = "default"
    sampling: Sampling = field(default_factory=Sampling)
    context_tokens: int | None = None
    key_env: str | None = None
    extra: Mapping[str, Json] = field(default_factory=dict)
    facts: Mapping[str, Json] = field(default_factory=dict)
    simulated: bool = False
    tunnel: str | None = None
    lifecycle: Lifecycle | None = None


@dataclass(frozen=True, slots=True)
class TrialKey:
    """Which trial: unique in a run."""

    model: str
    task: str
    trial: int
    warmup: bool = False


# --- asking a live server -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Finding:
    """One fact of a server: what its kind's TOML states and what the live server showed.

    `stated` None: the TOML says nothing; `live` None: it could not be seen. `agrees` is None in both cases.
    """

    name: str
    stated: Json = None
    live: Json = None
    agrees: bool | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class ProbeReport:
    """What `probe` found. The context in tokens: asked for, told by the server, the model's own, met by a prompt."""

    server: str
    model: str
    models: tuple[str, ...]
    version: str | None
    context_configured: int | None
    context_reported: int | None
    context_model: int | None
    context_probed: int | None
    findings: tuple[Finding, ...]
    short_requests: int
    long_requests: int


# --- recording ----------------------------------------------------------------------------------------------

Ended = Literal["complete", "reset", "read_timeout", "connect_failed", "protocol_error", "cut_off"]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes read at once: `at_ns` nanoseconds after the request's first byte was about to be written."""

    at_ns: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Recording:
    """One turn: the request as sent, every chunk of the body with its time, and how it ended.

    `last` marks the trial's last turn: a trial without one was broken off by the kit's end and is asked again.
    `sent_ns` is the monotonic clock where all `at_ns` start, None when no connection was made. `sent_at` is the
    wall clock (ISO 8601, UTC), for reading only. No header that holds a key is kept.
    """

    key: TrialKey
    turn: int
    variant: int
    sent_at: str
    sent_ns: int | None
    url: str
    request: Mapping[str, Json]
    status: int | None
    headers: Mapping[str, str]
    headers_ns: int | None
    chunks: tuple[Chunk, ...]
    ended: Ended
    ended_ns: int | None
    fault: str | None = None
    last: bool = True
    schema_version: str = "1.0"


# --- reading ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call as the model wrote it; `arguments` is its text, which need not be JSON."""

    id: str | None
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Usage:
    """What the server says it counted; each None where it does not say."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """What the stream was made of; `[DONE]` is not counted.

    `token_events` carry generated text; `arrivals` are the moments at which bytes that held them were read, and
    `token_events_first` came with the first. `echoes` are blank reasoning that was not generated, only repeated from
    the prompt.
    """

    events: int = 0
    comments: int = 0
    keepalives: int = 0
    role_only: int = 0
    empty: int = 0
    malformed: int = 0
    token_events: int = 0
    token_events_first: int = 0
    arrivals: int = 0
    unfinished_bytes: int = 0
    echoes: int = 0


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds from the request's first byte, and rates; a None rate has its reason in `decode_reason`.

    `role_s` is the first role-only chunk, `echo_s` the first echo (see Counts): neither is a token.
    """

    ttfb_s: float | None = None
    role_s: float | None = None
    ttft_s: float | None = None
    ttfc_s: float | None = None
    e2e_s: float | None = None
    decode_tps: float | None = None
    decode_reason: str | None = None
    e2e_tps: float | None = None
    apparent_prefill_tps: float | None = None
    tokens_source: Literal["usage", "chunks", "none"] = "none"
    echo_s: float | None = None


@dataclass(frozen=True, slots=True)
class StreamError:
    """An error that the server told, by status or inside a 200, or that the stream's end shows (read/faults.py)."""

    message: str
    kind: str | None = None
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What a recording says."""

    content: str
    reasoning: str
    tool_calls: tuple[ToolCall, ...]
    finish_reason: str | None
    done: bool
    usage: Usage | None
    error: StreamError | None
    counts: Counts
    timings: Timings
    server_timings: Mapping[str, Json] | None = None
    reported_model: str | None = None


# --- sandbox ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Job:
    """What enters the container: the answer's code, given files and inputs. No expected value has a place here."""

    language: str
    driver: Literal["calls", "program"]
    entry: str
    files: Mapping[str, str]
    cases: tuple[tuple[str, Mapping[str, Json]], ...]
    limits: Limits


CaseEnd = Literal["returned", "raised", "timed_out", "out_of_memory", "crashed", "not_loaded", "forged"]


@dataclass(frozen=True, slots=True)
class Observation:
    """What came out of one case. `value` is rebuilt from plain JSON; `note` is an exception's type or a reason."""

    case: str
    ended: CaseEnd
    value: Json = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class SandboxFacts:
    """What the sandbox was: stands in every result."""

    engine: str
    engine_version: str
    runtime: str
    image: str
    image_digest: str
    rootless: bool
    cgroup_version: str


class Sandbox(Protocol):
    """Runs a job in a throwaway place. Raises EngineError for faults of the kit's own side, and only then."""

    @property
    def facts(self) -> SandboxFacts:
        """What the sandbox is."""
        ...

    def run(self, job: Job) -> tuple[Observation, ...]:
        """One observation a case, in the order of the job's cases."""
        ...


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: what was expected and what was seen, both short enough to print."""

    name: str
    passed: bool
    expected: Json = None
    seen: Json = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """The verdict on a trial. `rule` names how the code was found in the answer."""

    outcome: Outcome
    fraction: float
    checks: tuple[Check, ...]
    rule: str | None = None
    facts: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ScoredTrial:
    """One line of scores.jsonl; `sandbox` is None where nothing had to run."""

    key: TrialKey
    variant: int
    score: Score
    sandbox: SandboxFacts | None = None
    schema_version: str = "1.0"


# --- host ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HostFacts:
    """This machine without its name: nothing here identifies a person or a device."""

    system: str
    system_version: str | None
    architecture: str
    chip: str | None
    cpu_cores: int | None
    gpu_cores: int | None
    memory_bytes: int | None
    power_source: str | None
    low_power_mode: bool | None
    thermal: str | None
    swap_used_bytes: int | None
    load_1m: float | None
    python: str
    wired_bytes: int | None = None
    gpu_wired_limit_bytes: int | None = None
    gpu_memory_bytes: int | None = None
    gpu_busy_percent: int | None = None
    gpu_users: int | None = None


@dataclass(frozen=True, slots=True)
class SelfTest:
    """This machine's own delays just before a run, measured on streams of a server that logs the truth.

    `floor_s` is by how much a bare socket tells TTFT late (median), `ttft_error_s` the kit; `lag_p99_s` is the 99th
    percentile of how late the kit stamps a token; `others_busy` the share of all processor time that other processes
    took meanwhile.
    """

    streams: int
    floor_s: float
    ttft_error_s: float
    lag_p99_s: float
    decode_error_percent: float
    others_busy: float | None


@dataclass(frozen=True, slots=True)
class KitUse:
    """What the kit itself took while it recorded: processor time over `wall_s`, and its largest memory ever.

    `others_busy` is the share of all processor time that neither the kit took nor nobody: the model server is in it.
    """

    cpu_s: float
    wall_s: float
    turns: int
    memory_bytes: int
    others_busy: float | None = None


@dataclass(frozen=True, slots=True)
class MemoryUse:
    """Memory around a model's trials, in bytes; `how` says what the first three measured.

    `wired` is what the machine cannot page out, `gpu` what its graphics driver or card has in use.
    """

    how: str | None = None
    before_bytes: int | None = None
    loaded_bytes: int | None = None
    after_bytes: int | None = None
    wired_before_bytes: int | None = None
    wired_loaded_bytes: int | None = None
    wired_after_bytes: int | None = None
    gpu_before_bytes: int | None = None
    gpu_loaded_bytes: int | None = None
    gpu_after_bytes: int | None = None


# --- run ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Skipped:
    """A task that was not asked of a model because it does not fit into the context that the server gives it."""

    task: str
    needs_tokens: int
    has_tokens: int


@dataclass(frozen=True, slots=True)
class Change:
    """Something on this machine that the run stopped; `restored` None until it was tried."""

    what: str
    stopped_at: str
    restored: bool | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class ModelRun:
    """What was seen of a model around its trials; `stopped` says why it did not run to its end.

    `live` is what its server showed against what its kind states; `own_context_tokens` what the model could have, and
    `context_setting` the setting that decides what is served.
    """

    label: str
    server_version: str | None = None
    served_context_tokens: int | None = None
    memory: MemoryUse = field(default_factory=MemoryUse)
    load_s: float | None = None
    stopped: str | None = None
    own_context_tokens: int | None = None
    context_setting: str | None = None
    swap_growth_bytes: int | None = None
    skipped: tuple[Skipped, ...] = ()
    live: tuple[Finding, ...] = ()
    schema_version: str = "1.1"
    kit_use: KitUse | None = None


# --- lanes --------------------------------------------------------------------------------------------------

RankBy = Literal["pass_rate", "decode_tps", "ttft_s", "warm_ttft_s", "e2e_s", "memory_bytes"]


@dataclass(frozen=True, slots=True)
class Override:
    """What the user took in place of what the kit recommends, kept beside it."""

    model: str
    reason: str
    date: str


@dataclass(frozen=True, slots=True)
class Lane:
    """A role that a model is wanted for: its tasks with their weights, what it demands, what it ranks by.

    `min_pass_rate` must be met by the lower bound of the rate's interval, `max_warm_ttft_s` by the upper bound of the
    TTFT of later turns. `rank_by` are criteria in their order: each is asked only of those that the ones before it
    could not tell apart.
    """

    name: str
    tasks: Mapping[str, float]
    min_pass_rate: float | None = None
    min_context_tokens: int | None = None
    max_memory_bytes: int | None = None
    max_warm_ttft_s: float | None = None
    rank_by: tuple[RankBy, ...] = ("pass_rate",)
    override: Override | None = None


# --- result -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TurnResult:
    """One turn of a trial in the result: what was said and how long it took."""

    content: str
    content_sha256: str
    reasoning_sha256: str
    reasoning_chars: int
    tool_calls: tuple[ToolCall, ...]
    finish_reason: str | None
    done: bool
    error: StreamError | None
    usage: Usage | None
    counts: Counts
    timings: Timings


@dataclass(frozen=True, slots=True)
class TrialResult:
    """One trial in the result."""

    model: str
    task: str
    trial: int
    warmup: bool
    variant: int
    started_at: str
    started_ns: int | None
    ended_ns: int | None
    outcome: Outcome
    fraction: float
    rule: str | None
    checks: tuple[Check, ...]
    turns: tuple[TurnResult, ...]


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
class Cell:
    """One model on one task."""

    model: str
    task: str
    scored: bool
    rate: Rate
    fraction: float | None
    outcomes: Mapping[str, int]
    distinct_answers: int
    cache_hits: int
    turns: tuple[TurnSpeeds, ...]


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
class Demand:
    """One demand of a lane on one model; `text` has the numbers. `unknown`: nothing was measured or told."""

    name: str
    state: Literal["met", "not_met", "not_shown", "unknown"]
    text: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a model stands in a lane: ruled out by a demand that it does not meet, eligible when it meets all.

    `rate`, `low` and `high` are its weighted pass rate on the lane's tasks with the 95 % interval.
    """

    model: str
    status: Literal["eligible", "ruled_out", "undecided"]
    demands: tuple[Demand, ...]
    rate: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Recommendation:
    """What the evidence says for a lane. `model` None: it does not decide, and `text` says between whom or why.

    Confidence `clear`: everybody else is ruled out or worse by an interval. `leaning`: somebody else is not shown
    either way. `low` and `high` bound what decided: the difference or ratio to the next one, see `text`.
    """

    lane: str
    model: str | None
    confidence: Literal["clear", "leaning", "none"]
    text: str
    low: float | None
    high: float | None
    tied: tuple[str, ...]
    standings: tuple[Standing, ...]
    untested: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Caveat:
    """Something a reader must know before believing a number; `code` is stable."""

    code: str
    text: str
    model: str | None = None
    task: str | None = None


@dataclass(frozen=True, slots=True)
class TaskInfo:
    """A task as the result names it.

    `separate`: every turn is a conversation of its own, and cold. `clients`: so many ask at once, group after group.
    `canary`: asked at the head of every block to show drift.
    """

    name: str
    title: str
    scorer: str
    language: str | None
    sha256: str
    variants: int
    private_includes: tuple[str, ...] = ()
    separate: bool = False
    clients: tuple[int, ...] = ()
    canary: bool = False


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model as the result names it: what was asked for, and what its server said of itself."""

    label: str
    server: str
    server_version: str | None
    model: str
    thinking: Literal["on", "off", "default"]
    sampling: Sampling
    context_tokens: int | None
    served_context_tokens: int | None
    facts: Mapping[str, Json]
    simulated: bool
    memory: MemoryUse
    load_s: float | None
    stopped: str | None = None
    own_context_tokens: int | None = None
    context_setting: str | None = None
    swap_growth_bytes: int | None = None
    skipped: tuple[Skipped, ...] = ()
    live: tuple[Finding, ...] = ()
    kit_use: KitUse | None = None


@dataclass(frozen=True, slots=True)
class RunInfo:
    """The run as planned and as it went."""

    id: str
    started_at: str
    ended_at: str
    suite: str
    seed: int
    trials: int
    warmups: int
    simulated: bool
    changes: tuple[Change, ...] = ()
    selftest: SelfTest | None = None


@dataclass(frozen=True, slots=True)
class KitInfo:
    """Which kit made the file; `commit` and `dirty` are None outside a checkout."""

    version: str
    commit: str | None
    dirty: bool | None


@dataclass(frozen=True, slots=True)
class RunPlan:
    """run.json: everything that was decided before the first request."""

    schema_version: str
    id: str
    started_at: str
    kit: KitInfo
    host: HostFacts
    suite: str
    seed: int
    trials: int
    warmups: int
    thinking_tokens: int
    idle_s: float
    connect_timeout_s: float
    read_timeout_s: float
    turn_timeout_s: float
    models: tuple[Model, ...]
    tasks: tuple[TaskInfo, ...]
    simulated: bool
    lanes: tuple[Lane, ...] = ()
    selftest: SelfTest | None = None


@dataclass(frozen=True, slots=True)
class Digests:
    """sha256 of the bytes that stand beside the result; None where that file was not made."""

    recordings_sha256: str | None
    scores_sha256: str | None


@dataclass(frozen=True, slots=True)
class Result:
    """The publishable file: evidence (kit to trials, and lanes), and what is computed from it (all the rest).

    `sources` says of each fact whether the kit measured it, the server reported it, the user declared it.
    """

    schema_version: str
    kit: KitInfo
    run: RunInfo
    host: HostFacts
    sandbox: SandboxFacts | None
    models: tuple[ModelInfo, ...]
    tasks: tuple[TaskInfo, ...]
    digests: Digests
    trials: tuple[TrialResult, ...]
    cells: tuple[Cell, ...]
    summaries: tuple[ModelSummary, ...]
    warnings: tuple[Caveat, ...]
    lanes: tuple[Lane, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    ranks: tuple[Rank, ...] = ()
    recommendations: tuple[Recommendation, ...] = ()
    sources: Mapping[str, Source] = field(default_factory=dict)


# --- bundle -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FileDigest:
    """One file of a bundle by its bytes."""

    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Supersedes:
    """A bundle that this one replaces: the digest of its manifest, and why. The old one stays as it is."""

    manifest_sha256: str
    reason: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """manifest.json of a bundle: every other file by its bytes. It is what a signature signs."""

    schema_version: str
    run: str
    files: Mapping[str, FileDigest]
    supersedes: Supersedes | None = None
