"""The stages in order with their barriers: record all of a model, let it go, then score, then summarize.

Every stage can be taken up again where it stopped: what is on the disk is never asked or run twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from harness.config import Config, with_digest
from harness.errors import RunError
from harness.files import kit_info, sha256_of_file, to_json, write_atomic
from harness.host import host_facts
from harness.read import read
from harness.run.folder import RunFolder, create_run, write_plan
from harness.run.plan import task_info
from harness.run.recorder import Progress
from harness.schema import as_document
from harness.score import score, scoring_threads
from harness.summarize import summarize, trial_result
from harness.tasks import vary
from harness.types import (
    CUSTOM_SUITE,
    Digests,
    Lane,
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
    settings = replace(
        config.settings,
        suite=CUSTOM_SUITE if config.settings.tasks else config.settings.suite,
        tasks=tuple(task.name for task in tasks),
    )
    now = datetime.now(UTC)
    run_plan = RunPlan(
        id=f"{now:%Y%m%d-%H%M%S}-{settings.seed & 0xFFFF:04x}",
        started_at=now.isoformat(timespec="milliseconds"),
        kit=kit_info(),
        host=host_facts(),
        settings=settings,
        models=tuple(map(with_digest, config.models)),
        tasks=tuple(task_info(task) for task in tasks),
        simulated=simulated,
        selftest=selftest,
    )
    return create_run(results, run_plan)


def check_tasks_unchanged(folder: RunFolder, tasks: Sequence[Task]) -> None:
    """Raises RunError where a task is no longer the one that the run began with."""
    now = {task.name: task.sha256 for task in tasks}
    changed = [info.name for info in folder.plan.tasks if now.get(info.name) != info.sha256]
    if changed:
        raise RunError(
            f"{folder.path}: these tasks changed since the run began: {', '.join(changed)}; put them back or start anew"
        )


def score_trial(task: Task, recordings: Sequence[Recording], sandbox: Sandbox) -> ScoredTrial:
    """The verdict on one recorded trial. Raises EngineError: a fault of the engine is never the model's."""
    key = recordings[0].key
    variant = vary(task, key.trial)
    verdict = score(variant, [read(recording) for recording in recordings], sandbox)
    return ScoredTrial(key, variant.index, verdict, sandbox.facts if task.scored else None)


def _unscored(folder: RunFolder) -> Iterator[tuple[Recording, ...]]:
    return (turns for turns in folder.trials() if turns[0].key not in folder.scored)


def score_run(folder: RunFolder, tasks: Sequence[Task], sandbox: Sandbox, progress: Progress) -> None:
    """Score every recorded trial that has no verdict yet, as many at once as there are processors."""
    by_name = {task.name: task for task in tasks}
    total = len(folder.recorded - folder.scored)
    threads = scoring_threads()
    with ThreadPoolExecutor(max_workers=threads) as pool:
        waiting: set[Future[ScoredTrial]] = set()
        done = 0
        try:
            for turns in _unscored(folder):
                waiting.add(pool.submit(score_trial, by_name[turns[0].key.task], turns, sandbox))
                if len(waiting) >= 2 * threads:
                    done += _collect(folder, waiting, one=True)
                    progress("score", done, total, turns[0].key.model)
            done += _collect(folder, waiting, one=False)
            progress("score", done, total, "")
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
        stop_reason=seen.stop_reason,
        own_context_tokens=seen.own_context_tokens,
        context_setting=seen.context_setting,
        swap_growth_bytes=seen.swap_growth_bytes,
        skipped=seen.skipped,
        live=seen.live,
        kit_use=seen.kit_use,
    )


def _digest(path: Path) -> str | None:
    return sha256_of_file(path) if path.exists() else None


def _sandbox_of(scores: Iterable[ScoredTrial]) -> SandboxFacts | None:
    """The sandbox that gave the last verdict which needed one."""
    facts = [scored.sandbox for scored in scores if scored.sandbox is not None]
    return facts[-1] if facts else None


def _end_of(turn: Recording) -> str:
    """When a turn ended, by the wall clock, ISO 8601: the result is the same however often it is computed."""
    ended = datetime.fromisoformat(turn.sent_at) + timedelta(microseconds=(turn.ended_ns or 0) / 1000)
    return ended.isoformat(timespec="milliseconds")


def result_of(folder: RunFolder) -> Result:
    """The result of what is recorded and scored. Raises RunError when a recorded trial has no verdict yet."""
    run_plan, scores, seen = folder.plan, folder.scores(), folder.model_runs()
    trials, ended_at = [], run_plan.started_at
    for turns in folder.trials():
        key, ended_at = turns[0].key, max(ended_at, *(_end_of(turn) for turn in turns))
        if key not in scores:
            raise RunError(f"{folder.path}: {key} has no score yet: run `lanebench score {folder.path}` first")
        trials.append(trial_result(turns, [read(turn) for turn in turns], scores[key]))
    return summarize(
        Result(
            kit=run_plan.kit,
            run=RunInfo(
                id=run_plan.id,
                started_at=run_plan.started_at,
                ended_at=ended_at,
                suite=run_plan.settings.suite,
                seed=run_plan.settings.seed,
                trials=run_plan.settings.trials,
                warmups=run_plan.settings.warmups,
                simulated=run_plan.simulated,
                selftest=run_plan.selftest,
                changes=folder.changes(),
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
            lanes=run_plan.lanes,
        )
    )


def write_result(folder: RunFolder, result: Result) -> Path:
    """Write result.json whole or not at all. Raises DiskError."""
    write_atomic(folder.result_path, to_json(as_document("result", result), indent=1) + "\n")
    return folder.result_path


def restate_lanes(folder: RunFolder, result: Result, lanes: Sequence[Lane]) -> Result:
    """Other lanes, or other choices of the user's own, for a run that is over; recorded and scored stay as they are.

    Writes run.json and result.json. Raises DiskError.
    """
    folder.plan = replace(folder.plan, lanes=tuple(lanes))
    write_plan(folder.path, folder.plan)
    again = summarize(replace(result, lanes=tuple(lanes)))
    write_result(folder, again)
    return again
