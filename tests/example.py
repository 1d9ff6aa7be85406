"""A realistic result built from recorded bytes: everything else is read, scored and summarized from them.

`verify` therefore accepts it. `example_result` builds the result, `write_run` a run folder.

Two models: `steady` passes every trial; `hasty` fails the refactoring in some trials, reasons, and has one truncated
reply. Three tasks: one measures speed only. Sizes and rates are those of small models on a laptop.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from harness.files import sha256_of, to_json
from harness.read import read
from harness.run.plan import plan_blocks
from harness.schema import as_document
from harness.summarize import summarize, trial_result
from harness.types import (
    Check,
    Chunk,
    Digests,
    HostFacts,
    Json,
    KitInfo,
    Lane,
    Limits,
    MemoryUse,
    Model,
    ModelInfo,
    ModelRun,
    Outcome,
    Override,
    Recommendation,
    Recording,
    Requirement,
    Result,
    RunInfo,
    RunPlan,
    RunSettings,
    Sampling,
    SandboxFacts,
    Score,
    ScoredTrial,
    TaskInfo,
    TrialKey,
    TrialResult,
)
from tests.chained import Lines, chained_texts, first_link, log_entries

MS = 1_000_000
SECOND = 1_000_000_000
TRIALS = 6
SEED = 42
WARMUPS = 1

SANDBOX = SandboxFacts(
    engine="docker",
    engine_version="27.3.1",
    runtime="runc",
    image="lanebench-scorer:1",
    image_digest="sha256:" + "5c" * 32,
    rootless=False,
    cgroup_version="2",
    enforced_limits=("cpu", "memory", "processes", "swap"),
    seccomp="lanebench",
)
HOST = HostFacts(
    system="Darwin",
    system_version="15.6",
    architecture="arm64",
    chip="Apple M4 Max",
    cpu_cores=16,
    gpu_cores=40,
    memory_bytes=64 * 2**30,
    power_source="AC Power",
    low_power_mode=False,
    thermal_state="no warning recorded",
    swap_used_bytes=0,
    load_1m=1.5,
    python_version="3.12.8",
)
KIT = KitInfo("0.1.0", "a" * 40, False)
TASKS = (
    TaskInfo("speed-small", "A short question", "speed", None, sha256_of("speed-small"), 2, scored=False),
    TaskInfo("code-bugfix", "Find the off-by-one", "calls", "python", sha256_of("code-bugfix"), 2, limits=Limits()),
    TaskInfo("code-refactor", "Pure functions and a thin main", "program", "python", sha256_of("code-refactor"), 2),
)
LANE_TASKS = {"code-bugfix": 1.0, "code-refactor": 1.0}
LANE = Lane(
    name="daily coding",
    tasks={"code-bugfix": 2.0, "code-refactor": 1.0},
    min_pass_rate=0.3,
    min_context_tokens=16_384,
    max_memory_bytes=32 * 2**30,
    rank_by=("pass_rate", "decode_tps"),
    override=Override("hasty", "faster in my editor", "2026-11-20"),
)
PROMPT_TOKENS = {"speed-small": 70, "code-bugfix": 310, "code-refactor": 1240}
ANSWER = "Here it is.\n\n```python\ndef answer(values, k):\n    return sorted(values)[k - 1]  # trial {trial}\n```\n"


@dataclass(frozen=True)
class ExampleModel:
    """Speeds and behavior of a model of the example."""

    label: str
    server: str
    prefill_tps: float
    gap_ns: int
    thinks: bool
    memory_bytes: int


EXAMPLE_MODELS = (
    ExampleModel("steady", "llama-server", 900.0, 16 * MS, thinks=False, memory_bytes=18 * 2**30),
    ExampleModel("hasty", "mlx-lm", 1400.0, 9 * MS, thinks=True, memory_bytes=9 * 2**30),
)


def model(example: ExampleModel) -> Model:
    """A model as configured."""
    return Model(
        label=example.label,
        server=example.server,
        base_url="http://127.0.0.1:8080/v1",
        model=f"{example.label}-7b",
        thinking="on" if example.thinks else "off",
        sampling=Sampling(temperature=0.0, top_p=1.0),
        context_tokens=32768,
        facts={"parameters_b": 7.0, "quantization": "Q4_K_M", "bits_per_weight": 4.8},
    )


def model_run(example: ExampleModel) -> ModelRun:
    """The record of a model's part of the run."""
    version = "b6900" if example.server == "llama-server" else None
    memory = MemoryUse("server process", 2**30, example.memory_bytes, None)
    return ModelRun(example.label, server_version=version, served_context_tokens=32768, memory=memory)


def model_info(example: ExampleModel) -> ModelInfo:
    """A model as the result describes it."""
    config, record = model(example), model_run(example)
    return ModelInfo(
        label=config.label,
        server=config.server,
        server_version=record.server_version,
        model=config.model,
        api=config.api,
        thinking=config.thinking,
        sampling=config.sampling,
        context_tokens=config.context_tokens,
        served_context_tokens=record.served_context_tokens,
        extra={},
        facts=config.facts,
        simulated=config.simulated,
        memory=record.memory,
        load_s=record.load_s,
    )


def _event(document: Json) -> bytes:
    return b"data: " + json.dumps(document, separators=(",", ":")).encode() + b"\n\n"


def _delta(delta: dict[str, Json], finish_reason: str | None = None) -> bytes:
    return _event({"choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]})


def stream(example: ExampleModel, task: str, trial: int, *, cut: bool = False) -> tuple[Chunk, ...]:
    """The bytes of one reply with their times: role, thinking, text, finish, usage, [DONE]."""
    text = ANSWER.format(trial=trial) if task != "speed-small" else "word " * 24 + f"end {trial}."
    pieces = [("content", word + " ") for word in text.split(" ")]
    if example.thinks:
        reasoning = [("reasoning_content", f"step {number} ") for number in range(10)]
        pieces = reasoning + pieces
    pieces = pieces[:12] if cut else pieces
    at = int(PROMPT_TOKENS[task] / example.prefill_tps * SECOND) + 40 * MS + trial * MS
    chunks = [Chunk(3 * MS, _delta({"role": "assistant"}))]
    for number, (channel, word) in enumerate(pieces):
        chunks.append(Chunk(at, _delta({channel: word})))
        at += example.gap_ns + (number % 3 + trial * 7 % 5) * MS // 10
    usage = {
        "prompt_tokens": PROMPT_TOKENS[task],
        "completion_tokens": len(pieces),
        "prompt_tokens_details": {"cached_tokens": 0},
    }
    tail = _delta({}, "length" if cut else "stop") + _event({"choices": [], "usage": usage}) + b"data: [DONE]\n\n"
    return (*chunks, Chunk(at, tail))


def recording(example: ExampleModel, key: TrialKey, sent_ns: int, *, cut: bool = False) -> Recording:
    """One turn as recorded."""
    chunks = stream(example, key.task, key.trial, cut=cut)
    seconds = sent_ns // SECOND
    return Recording(
        key=key,
        turn=0,
        variant=key.trial % 2,
        sent_at=f"2026-11-23T10:{seconds // 60:02d}:{seconds % 60:02d}.000+00:00",
        sent_ns=sent_ns,
        url="http://127.0.0.1:8080/v1/chat/completions",
        request={
            "model": f"{example.label}-7b",
            "messages": [{"role": "user", "content": f"[{key.task} {key.trial}] Put it right."}],
            "stream": True,
            "stream_options": {"include_usage": True},
            "temperature": 0.0,
            "top_p": 1.0,
            "max_tokens": 1024,
        },
        status=200,
        headers={"content-type": "text/event-stream"},
        headers_ns=2 * MS,
        chunks=chunks,
        end_reason="complete",
        ended_ns=chunks[-1].at_ns + MS,
    )


def keys(label: str) -> tuple[TrialKey, ...]:
    """The trials of one model in the order in which they ran, which is that of the plan."""
    warmups = tuple(TrialKey(label, TASKS[0].name, index, warmup=True) for index in range(WARMUPS))
    return warmups + tuple(plan_blocks(label, TASKS, trials=TRIALS, seed=SEED))


def is_cut(key: TrialKey) -> bool:
    """Whether it is the one truncated reply of the example."""
    return (key.model, key.task, key.trial) == ("hasty", "code-bugfix", 5)


@cache
def recordings() -> tuple[Recording, ...]:
    """Every turn of the example, one after another on one clock."""
    out: list[Recording] = []
    clock_ns = 5 * SECOND
    for example in EXAMPLE_MODELS:
        for key in keys(example.label):
            out.append(recording(example, key, clock_ns, cut=is_cut(key)))
            clock_ns += (out[-1].ended_ns or 0) + SECOND // 2
    return tuple(out)


def _score(key: TrialKey) -> Score:
    names = ("answered",) if key.task == "speed-small" else ("case-1", "case-2", "case-3", "case-4")
    failed = 0
    outcome = Outcome.PASSED
    if is_cut(key):
        failed, outcome = len(names), Outcome.TRUNCATED_OUT
    elif key.model == "hasty" and key.task == "code-refactor" and key.trial % 3:
        failed, outcome = 1, Outcome.FAILED
    checks = tuple(
        Check(name, at >= failed, expected=at, observed=at if at >= failed else None) for at, name in enumerate(names)
    )
    rule = None if key.task == "speed-small" or is_cut(key) else "last fenced block"
    return Score(outcome, (len(names) - failed) / len(names), checks, rule)


def scored(key: TrialKey) -> ScoredTrial:
    """The score of one trial."""
    return ScoredTrial(key, key.trial % 2, _score(key), None if key.task == "speed-small" else SANDBOX)


@cache
def trials() -> tuple[TrialResult, ...]:
    """Every trial of the result."""
    return tuple(trial_result([turn], [read(turn)], scored(turn.key)) for turn in recordings())


@cache
def texts() -> Mapping[str, str]:
    """The content of the run folder's chained files by name."""
    turns = recordings()
    lines = Lines(
        log_entries("2026-11-23T10:00:00.000+00:00", "2026-11-23T10:04:00.000+00:00", 240 * SECOND),
        [as_document("recording", turn) for turn in turns],
        [as_document("scores", scored(turn.key)) for turn in turns],
    )
    return chained_texts(first_link(run_plan()), lines)


@cache
def _evidence() -> Result:
    digests = {f"{name.partition('.')[0]}_sha256": sha256_of(text) for name, text in texts().items()}
    return Result(
        kit=KIT,
        run=RunInfo(
            id="20261123-100000-002a",
            started_at="2026-11-23T10:00:00.000+00:00",
            ended_at="2026-11-23T10:04:00.000+00:00",
            suite="v1",
            seed=SEED,
            trials=TRIALS,
            warmups=WARMUPS,
            thinking_tokens=8192,
            simulated=False,
        ),
        host=HOST,
        sandbox=SANDBOX,
        models=tuple(model_info(example) for example in EXAMPLE_MODELS),
        tasks=TASKS,
        digests=Digests(**digests),
        trials=trials(),
        cells=(),
        summaries=(),
        warnings=(),
        lanes=(LANE,),
    )


@cache
def _result() -> Result:
    return summarize(_evidence())


def example_result(**changes: Any) -> Result:
    """The example, computed after replacing fields of its evidence by `changes`."""
    return summarize(replace(_evidence(), **changes)) if changes else _result()


def grown_result(trials: int, fails: Mapping[str, int]) -> Result:
    """The example with this number of trials per task, of which `hasty` fails as many of a task as `fails` says."""
    result = example_result()
    first = {(trial.model, trial.task): trial for trial in reversed(result.trials) if not trial.warmup}
    made = []
    for (label, task), trial in first.items():
        for at in range(trials):
            failed = label == "hasty" and at < fails.get(task, 0)
            outcome = Outcome.FAILED if failed else Outcome.PASSED
            turns = tuple(replace(turn, content_sha256=f"{at:064d}") for turn in trial.turns)
            made.append(replace(trial, trial=at, outcome=outcome, fraction=float(not failed), turns=turns))
    return summarize(replace(result, run=replace(result.run, trials=trials), trials=tuple(made)))


def contenders(trials: int, fails: Mapping[str, int]) -> Result:
    """The example with these models, which fail as many of the first trials of each scored task as `fails` says."""
    base = grown_result(trials, {})
    first = base.models[0]

    def made(label: str, trial: TrialResult) -> TrialResult:
        is_failed = trial.task in LANE_TASKS and trial.trial < fails[label]
        return replace(trial, model=label, outcome=Outcome.FAILED if is_failed else Outcome.PASSED)

    models = tuple(replace(first, label=label) for label in fails)
    kept = tuple(made(label, each) for label in fails for each in base.trials if each.model == first.label)
    return summarize(replace(base, models=models, trials=kept))


def run_plan() -> RunPlan:
    """The run.json of the example."""
    return RunPlan(
        id="20261123-100000-002a",
        started_at="2026-11-23T10:00:00.000+00:00",
        kit=KIT,
        host=HOST,
        settings=RunSettings(
            suite="v1",
            tasks=tuple(task.name for task in TASKS),
            seed=SEED,
            trials=TRIALS,
            warmups=WARMUPS,
            passes=1,
            thinking_tokens=8192,
            idle_s=0.5,
            connect_timeout_s=5.0,
            read_timeout_s=2400.0,
            turn_timeout_s=7200.0,
        ),
        models=tuple(model(example) for example in EXAMPLE_MODELS),
        tasks=TASKS,
        simulated=False,
        lanes=(LANE,),
    )


def write_run(path: Path) -> Path:
    """Write the example as a run folder. It cannot be scored again, because the digests of its tasks are invented."""
    path.mkdir(parents=True)
    models = [to_json(as_document("models", model_run(example))) + "\n" for example in EXAMPLE_MODELS]
    files = {
        "run.json": to_json(as_document("run", run_plan()), indent=1) + "\n",
        "models.jsonl": "".join(models),
        "result.json": to_json(as_document("result", example_result()), indent=1) + "\n",
        **texts(),
    }
    for name, text in files.items():
        (path / name).write_text(text, encoding="utf-8")
    return path


def lane_answer(result: Result, **changes: Any) -> Recommendation:
    """What is recommended for a lane of LANE_TASKS with these settings."""
    lane = replace(Lane("daily coding", LANE_TASKS), **changes)
    (found,) = summarize(replace(result, lanes=(lane,))).recommendations
    return found


def lane_demand(found: Recommendation, model: str, name: str) -> Requirement:
    """How a model stands to one demand of the lane."""
    standing = next(one for one in found.eligibilities if one.model == model)
    return next(one for one in standing.requirements if one.name == name)
