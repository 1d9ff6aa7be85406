"""A sound bundle on two of the kit's tasks, in which `verify` finds nothing.

The streams are synthetic; everything else is computed from them by the pipeline. Tests modify a copy (`good_bundle`)
and write it (`write_bundle`) with recomputed digests and manifest, as a careful forger would.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from harness import __version__
from harness.bundle.source import MANIFEST, PLAN, RESULT
from harness.files import build, sha256_of, to_json
from harness.read import read
from harness.run.conversation import opening_messages
from harness.run.pipeline import end_time
from harness.run.plan import plan_trials, task_info, trial_nonce
from harness.schema import as_document
from harness.score import score
from harness.servers import build_request_body, compute_max_tokens, get_server_kind
from harness.summarize import summarize, trial_result
from harness.tasks import find_fixtures, load_tasks, vary
from harness.types import (
    CUSTOM_SUITE,
    Chunk,
    Digests,
    FileDigest,
    Job,
    Json,
    KitInfo,
    Lane,
    Manifest,
    MemoryUse,
    Model,
    ModelInfo,
    Observation,
    Override,
    Recording,
    Result,
    RunInfo,
    RunPlan,
    RunSettings,
    Sampling,
    Sandbox,
    SandboxFacts,
    ScoredTrial,
    Task,
    TrialKey,
    Variant,
)
from harness.verify import recording_lines
from tests.chained import Lines, chained_texts, first_link, log_entries
from tests.example import HOST, SANDBOX

START = datetime(2026, 11, 23, 10, tzinfo=UTC)
MS = 1_000_000
SECOND = 1_000_000_000
TRIALS = 3
WARMUPS = 1
SHORT_ANSWER_CHARS = 400
WORDS_PER_DELTA = 6
"""Many, since the tests read these streams thousands of times; few enough that each rate is defined."""
SEED = 42
KIT = KitInfo(__version__, "a" * 40, False)
RUN = "20261123-100000-002a"
LANES = (
    Lane(
        name="my coding",
        tasks={"code-bugfix": 1.0},
        min_pass_rate=0.2,
        min_context_tokens=16_384,
        max_memory_bytes=32 * 2**30,
        rank_by=("pass_rate", "decode_tps"),
        override=Override("beta", "faster in my editor", "2026-11-20"),
    ),
)
TASK_NAMES = ("code-bugfix", "speed-small")
MODELS = (
    Model("alpha", "llama-server", "http://127.0.0.1:8080/v1", "alpha-14b", thinking="off", context_tokens=32768),
    Model(
        "beta",
        "vllm",
        "http://127.0.0.1:8000/v1",
        "beta-30b-a3b",
        thinking="on",
        sampling=Sampling(temperature=0.7, seed=7),
        facts={"parameters_b": 30.0, "active_parameters_b": 3.0, "bits_per_weight": 4.5},
    ),
)


@cache
def tasks() -> Mapping[str, Task]:
    """The tasks of the bundle by name, without hidden cases: their seed would follow every edit of the recordings."""
    found = load_tasks([find_fixtures()], names=TASK_NAMES)
    return {task.name: replace(task, generator="") for task in found}


@dataclass(frozen=True, slots=True)
class Bundle:
    """The documents of a bundle: the result, and the lines of recordings, scores and log without their links."""

    result: dict[str, Json]
    recordings: list[dict[str, Json]]
    scores: list[dict[str, Json]]
    log: list[dict[str, Json]]

    def copy(self) -> Bundle:
        """A deep copy."""
        return Bundle(*json.loads(to_json([self.result, self.recordings, self.scores, self.log])))

    @property
    def lines(self) -> Lines:
        """The lines of the run's chain."""
        return Lines(self.log, self.recordings, self.scores)


def _event(document: Json) -> bytes:
    return b"data: " + json.dumps(document).encode() + b"\n\n"


def _delta(created: int, delta: Json, finish_reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return _event({"model": "served", "created": created, "choices": [choice]})


def _timings(model: Model, first_ns: int, last_ns: int, tokens: int) -> dict[str, Json]:
    """The server's own timings, of a server that gives them: a little less than this machine measured."""
    if model.server != "llama-server":
        return {}
    times_ms = {"prompt_ms": first_ns / MS - 1.5, "predicted_ms": (last_ns - first_ns) / MS + 0.5}
    return {"timings": {"predicted_n": tokens, **times_ms}}


def _stream(model: Model, text: str, key: TrialKey, created: int) -> tuple[Chunk, ...]:
    trial, jitter = key.trial, random.Random(f"{key}")
    words = text.split(" ")
    pieces = (words[at : at + WORDS_PER_DELTA] for at in range(0, len(words), WORDS_PER_DELTA))
    deltas = [("content", " ".join(piece) + " ") for piece in pieces]
    if model.thinking == "on":
        deltas = [("reasoning_content", f"thought {at} ") for at in range(12)] + deltas
    at_ns = first_ns = (300 + 7 * trial) * MS
    chunks = [Chunk(4 * MS, _delta(created, {"role": "assistant"}))]
    for number, (channel, word) in enumerate(deltas):
        chunks.append(Chunk(at_ns, _delta(created, {channel: word})))
        at_ns += 9 * MS + trial * MS // 10 + (number * 7 + trial) % 5 * MS // 3 + jitter.randrange(MS // 20)
    usage = {
        "prompt_tokens": 400 + trial,
        "completion_tokens": len(deltas),
        "prompt_tokens_details": {"cached_tokens": 4},
    }
    timings = _timings(model, first_ns, at_ns, len(deltas))
    last = _event({"choices": [], "usage": usage, **timings})
    tail = _delta(created, {}, "stop") + last + b"data: [DONE]\n\n"
    return (*chunks, Chunk(at_ns, tail))


def _reply(model: Model, variant: Variant, key: TrialKey) -> str:
    """The model's answer: the solution, except that beta fails its second trial."""
    if model.label == "beta" and key.trial == 1 and variant.wrong_answers:
        return variant.wrong_answers[0].replies[0]
    # A task that is only timed accepts any reply; a short one keeps the tests fast.
    return variant.solution[0] if variant.cases else variant.solution[0][:SHORT_ANSWER_CHARS]


class TrustingSandbox:
    """Runs the answers, which are the kit's own, in this process. `slow`: each case times out."""

    def __init__(self, *, slow: bool = False) -> None:
        self.slow = slow

    @property
    def facts(self) -> SandboxFacts:
        return SANDBOX

    def run(self, job: Job) -> tuple[Observation, ...]:
        space: dict[str, Any] = {}
        exec(compile(job.files[job.entry], job.entry, "exec"), space)
        return tuple(self._case(space, name, give) for name, give in job.cases)

    def _case(self, space: Mapping[str, Any], name: str, give: Mapping[str, Json]) -> Observation:
        if self.slow:
            return Observation(name, "timed_out")
        try:
            return Observation(name, "returned", space[give["call"]](*give.get("args", ())))
        except (IndexError, ValueError) as error:
            bases = [base.__name__ for base in type(error).__mro__]
            return Observation(name, "raised", bases, type(error).__name__)


@contextmanager
def trusting(languages: tuple[str, ...]) -> Iterator[Sandbox]:
    """Opens a TrustingSandbox."""
    yield TrustingSandbox()


def _recording(model: Model, variant: Variant, key: TrialKey, sent_ns: int) -> Recording:
    kind, nonce = get_server_kind(model.server), trial_nonce(SEED, key)
    messages = [
        *opening_messages(variant, nonce),
        {"role": "user", "content": variant.turns[0].replace("{{nonce}}", nonce)},
    ]
    sampling = model.sampling
    if sampling.seed is not None:
        sampling = replace(sampling, seed=sampling.seed + key.trial)
    sent = replace(model, sampling=sampling)
    sent_at = START + timedelta(microseconds=sent_ns // 1000)
    chunks = _stream(model, _reply(model, variant, key), key, int(sent_at.timestamp()))
    max_tokens = compute_max_tokens(variant.task, 8192 if model.thinking == "on" else 0)
    return Recording(
        key=key,
        turn=0,
        variant=variant.index,
        sent_at=sent_at.isoformat(timespec="milliseconds"),
        sent_ns=sent_ns,
        url=f"{model.base_url}/chat/completions",
        request=build_request_body(sent, kind, messages, max_tokens, disable_cache=True),
        status=200,
        headers={"content-type": "text/event-stream"},
        headers_ns=3 * MS,
        chunks=chunks,
        end_reason="complete",
        ended_ns=chunks[-1].at_ns + MS,
    )


def _evidence(trials: int, models: Sequence[Model]) -> tuple[list[Recording], list[ScoredTrial]]:
    recordings, scores, clock_ns = [], [], SECOND
    listed = list(tasks().values())
    for model in models:
        for key in plan_trials(model.label, listed, RunSettings(trials=trials, warmups=WARMUPS, seed=SEED, passes=1)):
            variant = vary(tasks()[key.task], key.trial)
            recording = _recording(model, variant, key, clock_ns)
            recordings.append(recording)
            sandbox = SANDBOX if variant.task.language else None
            score_of_it = score(variant, [read(recording)], TrustingSandbox())
            scores.append(ScoredTrial(key, variant.index, score_of_it, sandbox))
            clock_ns += (recording.ended_ns or 0) + SECOND // 10
    return recordings, scores


def _model_info(model: Model) -> ModelInfo:
    return ModelInfo(
        label=model.label,
        server=model.server,
        server_version="1.2.3",
        model=model.model,
        api=model.api,
        thinking=model.thinking,
        sampling=model.sampling,
        context_tokens=model.context_tokens,
        served_context_tokens=32768,
        extra=model.extra,
        facts=model.facts,
        simulated=False,
        memory=MemoryUse("server process", 2**30, 9 * 2**30, None),
        load_s=None,
    )


def run_plan() -> RunPlan:
    """The plan of the bundle's run."""
    return RunPlan(
        id=RUN,
        started_at="2026-11-23T10:00:00.000+00:00",
        kit=KIT,
        host=HOST,
        settings=RunSettings(
            suite=CUSTOM_SUITE,
            tasks=tuple(tasks()),
            seed=SEED,
            trials=TRIALS,
            warmups=WARMUPS,
            passes=1,
            thinking_tokens=8192,
            idle_s=0.1,
            connect_timeout_s=5.0,
            read_timeout_s=60.0,
            turn_timeout_s=600.0,
        ),
        models=MODELS,
        tasks=tuple(map(task_info, tasks().values())),
        simulated=False,
        lanes=LANES,
    )


@cache
def _good(trials: int = TRIALS, models: tuple[Model, ...] = MODELS) -> Bundle:
    recordings, scores = _evidence(trials, models)
    recording_lines = [as_document("recording", recording) for recording in recordings]
    score_lines = [as_document("scores", scored) for scored in scores]
    result = summarize(
        Result(
            kit=KIT,
            run=RunInfo(
                id=RUN,
                started_at="2026-11-23T10:00:00.000+00:00",
                ended_at=end_time(recordings[-1]),
                suite=CUSTOM_SUITE,
                seed=SEED,
                trials=trials,
                warmups=WARMUPS,
                thinking_tokens=8192,
                simulated=False,
            ),
            host=HOST,
            sandbox=SANDBOX,
            models=tuple(map(_model_info, models)),
            tasks=tuple(map(task_info, tasks().values())),
            digests=Digests(None, None, None),
            trials=tuple(
                trial_result([turn], [read(turn)], scored) for turn, scored in zip(recordings, scores, strict=True)
            ),
            cells=(),
            summaries=(),
            warnings=(),
            lanes=LANES,
        )
    )
    last_ns = (recordings[-1].sent_ns or 0) + (recordings[-1].ended_ns or 0)
    log = log_entries("2026-11-23T10:00:00.000+00:00", end_time(recordings[-1]), last_ns)
    bundle = Bundle(as_document("result", result), recording_lines, score_lines, log)
    bundle.result["digests"] = json.loads(texts_of(bundle)[RESULT])["digests"]
    return bundle


def large_bundle(trials: int) -> Bundle:
    """A bundle of about this many trials: alpha under several labels."""
    names = [f"alpha-{number}" for number in range(max(1, trials // 1000))]
    each = trials // (len(names) * len(TASK_NAMES))
    return _good.__wrapped__(each, [replace(MODELS[0], label=name, model=name) for name in names])


def bundle_with(**changes: Any) -> tuple[Bundle, RunPlan]:
    """A sound bundle whose first model is configured otherwise, and the plan of its run."""
    models = (replace(MODELS[0], **changes), *MODELS[1:])
    return _good.__wrapped__(TRIALS, models), replace(run_plan(), models=models)


def bundle_of(*models: Model) -> Bundle:
    """A sound bundle of other models."""
    bundle: Bundle = _good.__wrapped__(TRIALS, models)
    return bundle


def good_bundle(trials: int = TRIALS) -> Bundle:
    """A sound bundle; a new copy for each call."""
    return _good(trials).copy()


def later(bundle: Bundle, days: int) -> Bundle:
    """The result of another run, so many days later, with the same trials; for checks up to `consistent`."""
    result = bundle.copy().result
    for part, name in [(result["run"], "started_at"), (result["run"], "ended_at")] + [
        (trial, "started_at") for trial in result["trials"]
    ]:
        moved = datetime.fromisoformat(part[name]) + timedelta(days=days)
        part[name] = moved.isoformat(timespec="milliseconds")
    started = datetime.fromisoformat(result["run"]["started_at"])
    result["run"]["id"] = f"{started:%Y%m%d-%H%M%S}-{result['run']['seed'] & 0xFFFF:04x}"
    return replace(bundle, result=result)


def failing(bundle: Bundle, label: str, count: int) -> Bundle:
    """The result with so many trials more of code-bugfix that a model failed, each by its first check."""
    result = bundle.copy().result
    own = [trial for trial in result["trials"] if (trial["model"], trial["task"]) == (label, "code-bugfix")]
    for trial in [trial for trial in own if not trial["warmup"]][:count]:
        trial["checks"][0]["passed"] = False
        passed = sum(check["passed"] for check in trial["checks"])
        trial |= {"outcome": "failed", "fraction": passed / len(trial["checks"])}
    return summarized(replace(bundle, result=result))


def write_result(path: Path, bundle: Bundle) -> Path:
    """Write the result alone."""
    path.write_text(to_json(bundle.result), encoding="utf-8")
    return path


def write_run(folder: Path, bundle: Bundle) -> Path:
    """Write the bundle as the folder of its run, with the plan and without a manifest."""
    write_bundle(folder, bundle)
    (folder / MANIFEST).unlink()
    (folder / PLAN).write_text(to_json(as_document("run", run_plan())), encoding="utf-8")
    return folder


def summarized(bundle: Bundle) -> Bundle:
    """The bundle with its derived numbers recomputed."""
    result = json.loads(to_json(as_document("result", summarize(build(Result, bundle.result)))))
    return replace(bundle, result=result)


def texts_of(bundle: Bundle, *, recompute_digests: bool = True, indent: int | None = 1) -> dict[str, str]:
    """The files of a bundle by name, its lines linked. Without `recompute_digests` the result keeps its digests."""
    texts, result = dict(chained_texts(first_link(bundle.result), bundle.lines)), dict(bundle.result)
    if recompute_digests:
        result["digests"] = {f"{name.partition('.')[0]}_sha256": sha256_of(text) for name, text in texts.items()}
    return {RESULT: to_json(result, indent=indent) + "\n", **texts}


def manifest_of(files: Mapping[str, str], run: str = RUN) -> str:
    """The manifest of these files."""
    digests = {
        name: FileDigest(sha256_of(text), len(text.encode("utf-8", "surrogatepass"))) for name, text in files.items()
    }
    return to_json(as_document("manifest", Manifest(run, digests)), indent=1) + "\n"


def write_bundle(folder: Path, bundle: Bundle) -> Path:
    """Write the bundle with recomputed digests and manifest; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    # Python writes JSON without indents many times faster.
    files = texts_of(bundle, indent=None)
    manifest = manifest_of(files, str(bundle.result["run"]["id"]))
    for name, text in (files | {MANIFEST: manifest}).items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@contextmanager
def reread_once() -> Iterator[None]:
    """Within this block `verify` reads a recording again once only, for all bundles that have it in the same place."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recording_lines, "_reread", cache(recording_lines._reread))
        yield
