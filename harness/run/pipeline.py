"""The stages of a run in order, each of which can be continued after a stop.

`start_run` writes the plan. `recorder.record_run` records. `score_run` scores what is recorded, `build_result`
summarizes, `write_result` writes result.json. `rewrite_with_lanes` changes the lanes of a finished run,
`rewrite_with_judging` adds a blind judging. What is on the disk is never recorded or scored a second time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from harness.config import Config, with_digest
from harness.errors import RunError
from harness.files import kit_info, sha256_of_file, to_json, write_atomic
from harness.host import host_facts
from harness.read import read
from harness.run.folder import RunFolder, create_run, write_plan
from harness.run.lines import describe
from harness.run.plan import planned_passes, require_verifiable, task_info
from harness.run.progress import Progress, describe_last
from harness.run.time_budget import due_look
from harness.schema import as_document
from harness.session import summarize_trial
from harness.summarize import plan_looks, summarize, take_look, trial_result
from harness.tasks import lanes_of_run
from harness.types import (
    CUSTOM_SUITE,
    Digests,
    Judging,
    Lane,
    Model,
    ModelInfo,
    ModelRun,
    RecordedTrial,
    Recording,
    Result,
    RunInfo,
    RunPlan,
    SandboxFacts,
    ScoredTrial,
    SelfTest,
    Task,
    TrialResult,
    TrialScorer,
)


def start_run(
    results: Path,
    config: Config,
    tasks: Sequence[Task],
    *,
    simulated: bool = False,
    selftest: SelfTest | None = None,
) -> RunFolder:
    """Make the folder of a new run and write down everything that is decided before the first request.

    Raises DiskError, and ConfigError if a model's file cannot be read or the plan is too large to be verified.
    """
    settings = replace(
        config.settings,
        suite=CUSTOM_SUITE if config.settings.tasks else config.settings.suite,
        tasks=tuple(task.name for task in tasks),
        passes=planned_passes(config.settings, config.models),
    )
    require_verifiable(config.models, tasks, settings)
    lanes, now = lanes_of_run(config.lanes, tasks), datetime.now(UTC)
    plan = RunPlan(
        id=f"{now:%Y%m%d-%H%M%S}-{settings.seed & 0xFFFF:04x}",
        started_at=now.isoformat(timespec="milliseconds"),
        kit=kit_info(),
        host=host_facts(),
        settings=settings,
        models=tuple(map(with_digest, config.models)),
        tasks=tuple(task_info(task) for task in tasks),
        simulated=simulated,
        selftest=selftest,
        lanes=lanes,
        design=plan_looks(settings, lanes, tasks, len(config.models)),
    )
    return create_run(results, plan)


def check_tasks_unchanged(folder: RunFolder, tasks: Sequence[Task]) -> None:
    """Raises RunError if a task is no longer the one that the run began with."""
    digests = {task.name: task.sha256 for task in tasks}
    changed = [info.name for info in folder.plan.tasks if digests.get(info.name) != info.sha256]
    if changed:
        raise RunError(
            f"{folder.path}: these tasks changed since the run began: {', '.join(changed)}",
            fix="restore them, or begin a new run",
        )


def check_same_origin(folder: RunFolder) -> None:
    """Raises RunError if another kit or another machine would go on with a run: its result states one of each."""
    plan, kit, host = folder.plan, kit_info(), host_facts()
    pairs = {
        "version": (plan.kit.version, kit.version),
        "commit": (plan.kit.commit, kit.commit),
        **{
            name: (getattr(plan.host, name), getattr(host, name))
            for name in ("system", "architecture", "chip", "cpu_cores", "memory_gb")
        },
    }
    # What git or a command of the system did not tell at one time says nothing.
    known = {name: pair for name, pair in pairs.items() if None not in pair}
    changed = [f"{name} {there} (here {here})" for name, (there, here) in known.items() if there != here]
    if changed:
        raise RunError(
            f"{folder.path}: was begun by another kit or on another machine: {', '.join(changed)}",
            fix="resume it with that kit on that machine, or score what is recorded and begin a new run",
        )


def score_run(folder: RunFolder, tasks: Sequence[Task], scorer: TrialScorer, progress: Progress) -> None:
    """Score every recorded trial that has no score yet. Raises EngineError, TaskError, DiskError.

    The seed of the hidden cases is the digest of all recordings. Trials that were scored with another seed, because the
    run was resumed since, are scored again; the later score counts.
    """
    seed = sha256_of_file(folder.recordings_path) if folder.recorded else ""
    folder.scored -= {key for key, scored in folder.read_scores().items() if scored.case_seed not in (None, seed)}
    total, stored = len(folder.recorded - folder.scored), list[str]()
    with folder.session("score"), closing(scorer.score_all(_unscored_trials(folder, tasks), seed)) as scores:
        for scored in scores:
            folder.append_score(scored)
            stored.append(f"{scored.key.task} {scored.score.outcome}")
            progress("score", len(stored), total, f"{scored.key.model}\n{describe_last(stored)}")
        _look(folder)


def _unscored_trials(folder: RunFolder, tasks: Sequence[Task]) -> Iterator[RecordedTrial]:
    by_name = {task.name: task for task in tasks}
    return ((by_name[turns[0].key.task], turns) for turns in folder.read_trials() if turns[0].key not in folder.scored)


def _look(folder: RunFolder) -> None:
    """Look at the scored trials of a sequential run if it has come to a look, and note what was found."""
    due = due_look(folder)
    if due is not None:
        look = take_look(_evidence(folder), due.trials, folder.chain.record_s, time_used=due.time_used)
        folder.append_look(look)


def build_result(folder: RunFolder) -> Result:
    """The result of what is recorded and scored. Raises RunError if a recorded trial has no score yet."""
    return summarize(_evidence(folder))


def _evidence(folder: RunFolder) -> Result:
    """The result without what is computed from the trials."""
    plan, scores = folder.plan, folder.read_scores()
    trials: list[TrialResult] = []
    ended_at = plan.started_at
    for turns in folder.read_trials():
        key = turns[0].key
        if key not in scores:
            raise RunError(f"{folder.path}: {describe(key)} has no score yet", fix="score the run first")
        trial = trial_result(turns, [read(turn) for turn in turns], scores[key])
        trials.append(trial if trial.work is None else replace(trial, session=summarize_trial(turns)))
        ended_at = max(ended_at, *map(end_time, turns))
    return Result(
        kit=plan.kit,
        run=_run_info(folder, ended_at),
        host=plan.host,
        sandbox=_last_sandbox(scores.values()),
        models=_model_infos(folder),
        tasks=plan.tasks,
        digests=Digests(*map(_digest, (folder.recordings_path, folder.scores_path, folder.log_path))),
        trials=tuple(trials),
        cells=(),
        summaries=(),
        warnings=(),
        lanes=plan.lanes,
        judgings=folder.read_judgings(),
    )


def write_result(folder: RunFolder, result: Result) -> Path:
    """Write result.json whole or not at all. Raises DiskError."""
    write_atomic(folder.result_path, to_json(as_document("result", result), indent=1) + "\n")
    return folder.result_path


def rewrite_with_lanes(folder: RunFolder, result: Result, lanes: Sequence[Lane]) -> Result:
    """Give a finished run other lanes, or other choices of the user in them; recordings and scores stay as they are.

    Writes run.json and result.json. Raises DiskError.
    """
    folder.plan = replace(folder.plan, lanes=tuple(lanes))
    write_plan(folder.path, folder.plan)
    updated = summarize(replace(result, lanes=tuple(lanes)))
    write_result(folder, updated)
    return updated


def rewrite_with_judging(folder: RunFolder, result: Result, judging: Judging) -> Result:
    """Give a finished run a revealed judging; writes judgings.jsonl and result.json. Raises DiskError."""
    folder.append_judging(judging)
    updated = summarize(replace(result, judgings=folder.read_judgings()))
    write_result(folder, updated)
    return updated


def _run_info(folder: RunFolder, ended_at: str) -> RunInfo:
    plan = folder.plan
    return RunInfo(
        id=plan.id,
        started_at=plan.started_at,
        ended_at=ended_at,
        suite=plan.settings.suite,
        seed=plan.settings.seed,
        trials=plan.settings.trials,
        warmups=plan.settings.warmups,
        passes=plan.settings.passes,
        thinking_tokens=plan.settings.thinking_tokens,
        simulated=plan.simulated,
        selftest=plan.selftest,
        beacon=plan.settings.beacon,
        design=plan.design,
        looks=tuple(folder.chain.looks),
        stopped_services=folder.read_stopped_services(),
    )


def _model_infos(folder: RunFolder) -> tuple[ModelInfo, ...]:
    """The models of the plan with what was observed of them."""
    runs = folder.read_model_runs()
    return tuple(_model_info(model, runs.get(model.label, ModelRun(model.label))) for model in folder.plan.models)


def _model_info(model: Model, run: ModelRun) -> ModelInfo:
    return ModelInfo(
        label=model.label,
        server=model.server,
        server_version=run.server_version,
        model=model.model,
        api=model.api,
        thinking=model.thinking,
        sampling=model.sampling,
        context_tokens=model.context_tokens,
        served_context_tokens=run.served_context_tokens,
        extra=model.extra,
        facts=model.facts,
        simulated=model.simulated,
        memory=run.memory,
        load_s=run.load_s,
        stop_reason=run.stop_reason,
        model_context_tokens=run.model_context_tokens,
        context_setting=run.context_setting,
        swap_growth_bytes=run.swap_growth_bytes,
        skipped=run.skipped,
        cut_budgets=run.cut_budgets,
        thinks=run.thinks,
        tokens_per_char=run.tokens_per_char,
        probe_findings=run.probe_findings,
        recorder_overhead=run.recorder_overhead,
        agent=model.agent,
        agent_version=model.agent_version,
    )


def _digest(path: Path) -> str | None:
    return sha256_of_file(path) if path.exists() else None


def _last_sandbox(scores: Iterable[ScoredTrial]) -> SandboxFacts | None:
    """The sandbox of the last score that needed one."""
    facts = [scored.sandbox for scored in scores if scored.sandbox is not None]
    return facts[-1] if facts else None


def end_time(turn: Recording) -> str:
    """When a turn ended, as ISO 8601: a run ends with its last turn, so a result does not depend on when it is built.

    Raises OverflowError for an end that no calendar has.
    """
    ended = datetime.fromisoformat(turn.sent_at) + timedelta(microseconds=(turn.ended_ns or 0) / 1000)
    return ended.isoformat(timespec="milliseconds")
