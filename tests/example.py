"""A realistic result, built through the real types: recordings are bytes of a stream, and everything else is read,
scored and summarized from them, so that `verify` finds it sound.

Two models: `steady` solves what it is asked, `hasty` fails the refactoring in some trials, thinks and has one reply
cut off. Three tasks: one measures speed only. Sizes and rates are those of small models on a laptop.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.files import sha256_of, to_json
from harness.read import read
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
    Recording,
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

MS = 1_000_000
SECOND = 1_000_000_000
TRIALS = 6
WARMUPS = 1

SANDBOX = SandboxFacts(
    engine="docker",
    engine_version="27.3.1",
    runtime="runc",
    image="lanebench-scorer:1",
    image_digest="sha256:" + "5c" * 32,
    rootless=False,
    cgroup_version="2",
    enforces=("cpu", "memory", "processes", "swap"),
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
class Voice:
    """How a model of the example behaves."""

    label: str
    server: str
    prefill_tps: float
    gap_ns: int
    thinks: bool
    memory_bytes: int


VOICES = (
    Voice("steady", "llama-server", 900.0, 16 * MS, thinks=False, memory_bytes=18 * 2**30),
    Voice("hasty", "mlx-lm", 1400.0, 9 * MS, thinks=True, memory_bytes=9 * 2**30),
)


def model(voice: Voice) -> Model:
    """A model as bench.toml states it."""
    return Model(
        label=voice.label,
        server=voice.server,
        base_url="http://127.0.0.1:8080/v1",
        model=f"{voice.label}-7b",
        thinking="on" if voice.thinks else "off",
        sampling=Sampling(temperature=0.0, top_p=1.0),
        context_tokens=32768,
        facts={"parameters_b": 7.0, "quantization": "Q4_K_M", "bits": 4.8},
    )


def model_run(voice: Voice) -> ModelRun:
    """What was seen of a model around its trials."""
    version = "b6900" if voice.server == "llama-server" else None
    memory = MemoryUse("server process", 2**30, voice.memory_bytes, None)
    return ModelRun(voice.label, server_version=version, served_context_tokens=32768, memory=memory)


def model_info(voice: Voice) -> ModelInfo:
    """A model as the result names it."""
    asked, seen = model(voice), model_run(voice)
    return ModelInfo(
        label=asked.label,
        server=asked.server,
        server_version=seen.server_version,
        model=asked.model,
        thinking=asked.thinking,
        sampling=asked.sampling,
        context_tokens=asked.context_tokens,
        served_context_tokens=seen.served_context_tokens,
        facts=asked.facts,
        simulated=asked.simulated,
        memory=seen.memory,
        load_s=seen.load_s,
    )


def _event(document: Json) -> bytes:
    return b"data: " + json.dumps(document, separators=(",", ":")).encode() + b"\n\n"


def _delta(delta: dict[str, Json], finish_reason: str | None = None) -> bytes:
    return _event({"choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]})


def stream(voice: Voice, task: str, trial: int, *, cut: bool = False) -> tuple[Chunk, ...]:
    """The bytes of one reply with their times: role, thinking, text, finish, usage, [DONE]."""
    text = ANSWER.format(trial=trial) if task != "speed-small" else "word " * 24 + f"end {trial}."
    said = [("content", word + " ") for word in text.split(" ")]
    if voice.thinks:
        said = [("reasoning_content", f"step {number} ") for number in range(10)] + said
    said = said[:12] if cut else said
    at = int(PROMPT_TOKENS[task] / voice.prefill_tps * SECOND) + 40 * MS + trial * MS
    chunks = [Chunk(3 * MS, _delta({"role": "assistant"}))]
    for number, (channel, word) in enumerate(said):
        chunks.append(Chunk(at, _delta({channel: word})))
        at += voice.gap_ns + (number % 3 + trial * 7 % 5) * MS // 10
    usage = {
        "prompt_tokens": PROMPT_TOKENS[task],
        "completion_tokens": len(said),
        "prompt_tokens_details": {"cached_tokens": 0},
    }
    tail = _delta({}, "length" if cut else "stop") + _event({"choices": [], "usage": usage}) + b"data: [DONE]\n\n"
    return (*chunks, Chunk(at, tail))


def recording(voice: Voice, key: TrialKey, sent_ns: int, *, cut: bool = False) -> Recording:
    """One turn as the recorder keeps it."""
    chunks = stream(voice, key.task, key.trial, cut=cut)
    seconds = sent_ns // SECOND
    return Recording(
        key=key,
        turn=0,
        variant=key.trial % 2,
        sent_at=f"2026-11-23T10:{seconds // 60:02d}:{seconds % 60:02d}.000+00:00",
        sent_ns=sent_ns,
        url="http://127.0.0.1:8080/v1/chat/completions",
        request={
            "model": f"{voice.label}-7b",
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
    """The trials of one model in the order in which they ran."""
    warmups = tuple(TrialKey(label, TASKS[0].name, index, warmup=True) for index in range(WARMUPS))
    return warmups + tuple(TrialKey(label, task.name, index) for index in range(TRIALS) for task in TASKS)


def is_cut(key: TrialKey) -> bool:
    """The one reply of the example that met its budget."""
    return (key.model, key.task, key.trial) == ("hasty", "code-bugfix", 5)


def recordings() -> tuple[Recording, ...]:
    """Every turn of the example, one after the other on one clock."""
    out: list[Recording] = []
    clock_ns = 5 * SECOND
    for voice in VOICES:
        for key in keys(voice.label):
            out.append(recording(voice, key, clock_ns, cut=is_cut(key)))
            clock_ns += (out[-1].ended_ns or 0) + SECOND // 2
    return tuple(out)


def _verdict(key: TrialKey) -> Score:
    names = ("asked",) if key.task == "speed-small" else ("case-1", "case-2", "case-3", "case-4")
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
    """The verdict on one trial."""
    return ScoredTrial(key, key.trial % 2, _verdict(key), None if key.task == "speed-small" else SANDBOX)


def trials() -> tuple[TrialResult, ...]:
    """Every trial as the result tells it."""
    return tuple(trial_result([turn], [read(turn)], scored(turn.key)) for turn in recordings())


def lines(format_name: str, values: Sequence[Any]) -> str:
    """What a .jsonl file of the run folder holds."""
    return "".join(to_json(as_document(format_name, value)) + "\n" for value in values)


def example_result(**changes: Any) -> Result:
    """The example, its numbers computed after `changes` of the evidence (fields of Result) were put in."""
    turns = recordings()
    verdicts = [scored(turn.key) for turn in turns]
    evidence = Result(
        kit=KIT,
        run=RunInfo(
            id="20261123-100000-002a",
            started_at="2026-11-23T10:00:00.000+00:00",
            ended_at="2026-11-23T10:04:00.000+00:00",
            suite="v1",
            seed=42,
            trials=TRIALS,
            warmups=WARMUPS,
            simulated=False,
        ),
        host=HOST,
        sandbox=SANDBOX,
        models=tuple(model_info(voice) for voice in VOICES),
        tasks=TASKS,
        digests=Digests(sha256_of(lines("recording", turns)), sha256_of(lines("scores", verdicts))),
        trials=trials(),
        cells=(),
        summaries=(),
        warnings=(),
        lanes=(LANE,),
    )
    return summarize(replace(evidence, **changes))


def grown_result(trials: int, fails: Mapping[str, int]) -> Result:
    """The example with `trials` of each task: `fails` of a task failing for `hasty`, all else passing."""
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


def run_plan() -> RunPlan:
    """The run.json that the example's recordings would have begun with."""
    return RunPlan(
        id="20261123-100000-002a",
        started_at="2026-11-23T10:00:00.000+00:00",
        kit=KIT,
        host=HOST,
        settings=RunSettings(
            suite="v1",
            tasks=tuple(task.name for task in TASKS),
            seed=42,
            trials=TRIALS,
            warmups=WARMUPS,
            thinking_tokens=8192,
            idle_s=0.5,
            connect_timeout_s=5.0,
            read_timeout_s=2400.0,
            turn_timeout_s=7200.0,
        ),
        models=tuple(model(voice) for voice in VOICES),
        tasks=TASKS,
        simulated=False,
        lanes=(LANE,),
    )


def write_run(path: Path) -> Path:
    """The example as a run folder; its tasks' digests are invented, so it can be read again but not scored again."""
    turns = recordings()
    path.mkdir(parents=True)
    (path / "run.json").write_text(to_json(as_document("run", run_plan()), indent=1) + "\n", encoding="utf-8")
    (path / "models.jsonl").write_text(lines("models", [model_run(voice) for voice in VOICES]), encoding="utf-8")
    (path / "recordings.jsonl").write_text(lines("recording", turns), encoding="utf-8")
    (path / "scores.jsonl").write_text(lines("scores", [scored(turn.key) for turn in turns]), encoding="utf-8")
    (path / "result.json").write_text(
        to_json(as_document("result", example_result()), indent=1) + "\n", encoding="utf-8"
    )
    return path
