"""The stages in order with their barriers: record all of a model, let it go, then score, then summarise.

Every stage can be taken up again where it stopped: what is on the disk is never asked or run twice.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from harness import lifecycle
from harness.config import Config, Settings, secret_of
from harness.converse import CLIENTS, SEPARATE, converse
from harness.errors import RunError, ServerError
from harness.files import sha256_of_file, to_json, write_atomic
from harness.host import Work, host_facts, largest_memory_bytes, share_of_others, work
from harness.kit import kit_info
from harness.plan import CANARY, nonce_of, plan
from harness.read import read
from harness.record import Client, Waits
from harness.runs import PLAN_VERSION, RunFolder, create_run
from harness.score import score
from harness.servers import kind_of
from harness.summarise import summarise, trial_result
from harness.tasks import vary
from harness.types import (
    Digests,
    Json,
    KitUse,
    MemoryUse,
    Model,
    ModelInfo,
    ModelRun,
    Recording,
    Result,
    RunInfo,
    RunPlan,
    Sandbox,
    SandboxFacts,
    ScoredTrial,
    SelfTest,
    Task,
    TaskInfo,
    TrialKey,
)

Watch = Callable[[str, int, int, str], None]
"""Told of each step: stage, steps done, steps in all, and the trial's name."""


def task_info(task: Task) -> TaskInfo:
    """A task as run.json and the result name it."""
    return TaskInfo(
        name=task.name,
        title=task.title,
        scorer=task.scorer,
        language=task.language,
        sha256=task.sha256,
        variants=len(task.variants),
        private_includes=task.private_includes,
        separate=bool(task.settings.get(SEPARATE)),
        clients=tuple(task.settings.get(CLIENTS, ())),
        canary=CANARY in task.tags,
    )


def start_run(
    results: Path,
    config: Config,
    tasks: Sequence[Task],
    *,
    simulated: bool = False,
    selftest: SelfTest | None = None,
) -> RunFolder:
    """Decide everything that a run needs to know beforehand and write it down. Raises DiskError."""
    settings = config.settings.seeded()
    now = datetime.now(UTC)
    stamp = now.strftime("%Y%m%d-%H%M%S")
    run_plan = RunPlan(
        schema_version=PLAN_VERSION,
        id=f"{stamp}-{(settings.seed or 0) & 0xFFFF:04x}",
        started_at=now.isoformat(timespec="milliseconds"),
        kit=kit_info(),
        host=host_facts(),
        suite="own choice" if settings.tasks else settings.suite,
        seed=settings.seed or 0,
        trials=settings.trials,
        warmups=settings.warmups,
        thinking_tokens=settings.thinking_tokens,
        idle_s=settings.idle_s,
        connect_timeout_s=settings.connect_timeout_s,
        read_timeout_s=settings.read_timeout_s,
        turn_timeout_s=settings.turn_timeout_s,
        models=config.models,
        tasks=tuple(task_info(task) for task in tasks),
        simulated=simulated,
        selftest=selftest,
    )
    return create_run(results, run_plan)


def planned(folder: RunFolder, tasks: Sequence[Task], model: Model) -> tuple[TrialKey, ...]:
    """The trials of one model in this run."""
    run_plan = folder.plan
    return plan(model.label, tasks, trials=run_plan.trials, warmups=run_plan.warmups, seed=run_plan.seed)


def check_tasks_unchanged(folder: RunFolder, tasks: Sequence[Task]) -> None:
    """Raises RunError where a task is no longer the one that the run began with."""
    now = {task.name: task.sha256 for task in tasks}
    changed = [info.name for info in folder.plan.tasks if now.get(info.name) != info.sha256]
    if changed:
        raise RunError(
            f"{folder.path}: these tasks changed since the run began: {', '.join(changed)}; put them back or start anew"
        )


@dataclass(slots=True)
class _Recorder:
    """What recording one model needs, and how many turns it took."""

    folder: RunFolder
    client: Client
    model: Model
    secret: str | None
    turns: int = 0

    def trial(self, task: Task, key: TrialKey) -> None:
        """Record one trial.

        Raises ServerError when no connection could be made, and nothing is kept of it then: the model was not asked.
        Raises it too, once the turn is kept, when the server refuses the key or knows no such model or address: what
        follows would be refused the same.
        """
        variant = vary(task, key.trial)
        asked = (self.model, kind_of(self.model.server), self.secret)
        nonce = nonce_of(self.folder.plan.seed, key)
        room = self.folder.plan.thinking_tokens
        for recording in converse(self.client, asked, variant, key, nonce=nonce, room=room):
            if recording.ended == "connect_failed" and recording.turn == 0:
                raise ServerError(f"model {self.model.label!r}: {recording.url}: {recording.fault}")
            self.folder.keep(recording)
            self.turns += 1
            if recording.status in REFUSALS:
                told = f"HTTP {recording.status}: {REFUSALS[recording.status]}"
                raise ServerError(f"model {self.model.label!r}: {recording.url}: {told}")


REFUSALS = {
    401: "the server refuses the key: name its variable in key_env",
    403: "the server refuses the key: name its variable in key_env",
    404: "the server knows no such model or address: correct model or base_url",
}
"""Refusals that stop a model: nothing that comes after would be answered."""


def _kit_use(begun: Work, begun_s: float, turns: int) -> KitUse:
    now = work()
    return KitUse(
        cpu_s=now.own_s - begun.own_s,
        wall_s=time.monotonic() - begun_s,
        turns=turns,
        memory_bytes=largest_memory_bytes(),
        others_busy=share_of_others(begun, now),
    )


def _record_model(recorder: _Recorder, tasks: Mapping[str, Task], left: Sequence[TrialKey], watch: Watch) -> ModelRun:
    model = recorder.model
    seen = ModelRun(model.label)
    try:
        before = lifecycle.measure(model)
        ready = lifecycle.make_ready(recorder.client, model, recorder.secret)
        seen = replace(seen, server_version=ready.version, served_context_tokens=ready.context_tokens)
        for done, key in enumerate(left):
            watch("record", done, len(left), f"{key.model} {key.task} {'warm-up' if key.warmup else key.trial + 1}")
            recorder.trial(tasks[key.task], key)
            time.sleep(recorder.folder.plan.idle_s)
        watch("record", len(left), len(left), model.label)
        return replace(seen, memory=lifecycle.memory_use(before, lifecycle.measure(model)))
    except ServerError as error:
        return replace(seen, memory=MemoryUse(), stopped=error.faults[0])


def record_run(folder: RunFolder, tasks: Sequence[Task], models: Sequence[Model], watch: Watch) -> list[str]:
    """Record what is left of every model's trials; returns why models stopped early, one line each.

    A server that is gone stops its model, not the run.
    """
    by_name = {task.name: task for task in tasks}
    run_plan = folder.plan
    waits = Waits(run_plan.connect_timeout_s, run_plan.read_timeout_s, run_plan.turn_timeout_s)
    stopped = []
    with folder.alone():
        for model in models:
            left = [key for key in planned(folder, tasks, model) if key not in folder.recorded]
            if not left:
                continue
            begun, begun_s = work(), time.monotonic()
            with Client(waits) as client:
                recorder = _Recorder(folder, client, model, secret_of(model))
                seen = _record_model(recorder, by_name, left, watch)
            folder.keep_model(replace(seen, kit_use=_kit_use(begun, begun_s, recorder.turns)))
            if seen.stopped is not None:
                stopped.append(seen.stopped)
    return stopped


def score_trial(task: Task, recordings: Sequence[Recording], sandbox: Sandbox) -> ScoredTrial:
    """The verdict on one recorded trial. Raises EngineError: a fault of the engine is never the model's."""
    key = recordings[0].key
    variant = vary(task, key.trial)
    verdict = score(variant, [read(recording) for recording in recordings], sandbox)
    return ScoredTrial(key, variant.index, verdict, None if task.scorer == "speed" else sandbox.facts)


def _unscored(folder: RunFolder) -> Iterator[tuple[Recording, ...]]:
    return (turns for turns in folder.trials() if turns[0].key not in folder.scored)


def score_run(folder: RunFolder, tasks: Sequence[Task], sandbox: Sandbox, watch: Watch) -> None:
    """Score every recorded trial that has no verdict yet, as many at once as there are processors."""
    by_name = {task.name: task for task in tasks}
    total = len(folder.recorded - folder.scored)
    threads = max(2, os.cpu_count() or 1)
    with ThreadPoolExecutor(max_workers=threads) as pool:
        waiting: set[Future[ScoredTrial]] = set()
        done = 0
        try:
            for turns in _unscored(folder):
                waiting.add(pool.submit(score_trial, by_name[turns[0].key.task], turns, sandbox))
                if len(waiting) >= 2 * threads:
                    done += _collect(folder, waiting, one=True)
                    watch("score", done, total, turns[0].key.model)
            done += _collect(folder, waiting, one=False)
            watch("score", done, total, "")
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _collect(folder: RunFolder, waiting: set[Future[ScoredTrial]], *, one: bool) -> int:
    kept = 0
    for future in as_completed(set(waiting)):
        waiting.discard(future)
        folder.keep_score(future.result())
        kept += 1
        if one:
            break
    return kept


def _model_info(model: Model, seen: ModelRun) -> ModelInfo:
    return ModelInfo(
        label=model.label,
        server=model.server,
        server_version=seen.server_version,
        model=model.model,
        thinking=model.thinking,
        sampling=model.sampling,
        context_tokens=model.context_tokens,
        served_context_tokens=seen.served_context_tokens,
        facts=model.facts,
        simulated=model.simulated,
        memory=seen.memory,
        load_s=seen.load_s,
        stopped=seen.stopped,
        kit_use=seen.kit_use,
    )


def _digest(path: Path) -> str | None:
    return sha256_of_file(path) if path.exists() else None


def _sandbox_of(scores: Iterable[ScoredTrial]) -> SandboxFacts | None:
    """The sandbox that gave the last verdict which needed one."""
    facts = [scored.sandbox for scored in scores if scored.sandbox is not None]
    return facts[-1] if facts else None


def result_of(folder: RunFolder) -> Result:
    """The result of what is recorded and scored. Raises RunError when a recorded trial has no verdict yet."""
    run_plan, scores, seen = folder.plan, folder.scores(), folder.model_runs()
    trials = []
    for turns in folder.trials():
        key = turns[0].key
        if key not in scores:
            raise RunError(f"{folder.path}: {key} has no score yet: run `lanebench score {folder.path}` first")
        trials.append(trial_result(turns, [read(turn) for turn in turns], scores[key]))
    return summarise(
        Result(
            schema_version="1.0",
            kit=run_plan.kit,
            run=RunInfo(
                id=run_plan.id,
                started_at=run_plan.started_at,
                ended_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
                suite=run_plan.suite,
                seed=run_plan.seed,
                trials=run_plan.trials,
                warmups=run_plan.warmups,
                simulated=run_plan.simulated,
                selftest=run_plan.selftest,
            ),
            host=run_plan.host,
            sandbox=_sandbox_of(scores.values()),
            models=tuple(_model_info(model, seen.get(model.label, ModelRun(model.label))) for model in run_plan.models),
            tasks=run_plan.tasks,
            digests=Digests(_digest(folder.recordings_path), _digest(folder.scores_path)),
            trials=tuple(trials),
            cells=(),
            summaries=(),
            warnings=(),
        )
    )


def write_result(folder: RunFolder, result: Result) -> Path:
    """Write result.json whole or not at all. Raises DiskError."""
    write_atomic(folder.result_path, to_json(result, indent=1) + "\n")
    return folder.result_path


def settings_with(settings: Settings, changes: Mapping[str, Json]) -> Settings:
    """The settings with what the command line says on top; None changes nothing."""
    return replace(settings, **{name: value for name, value in changes.items() if value is not None})
