"""What the commands that score share: preparing the engine, scoring a run, writing and printing its result."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

from harness.cli.console import log, show
from harness.cli.options import render_result
from harness.cli.page import closing_of, write_page
from harness.cluster import ThreadScorer, open_cluster
from harness.run import Progress, RunFolder, build_result, score_run, write_result
from harness.sandbox import check_limits, check_runtime, ensure_engine, ensure_image, find_engine, open_sandbox
from harness.score import score
from harness.tasks import SELF_CHECK_SEED, Coverage, HiddenCases, check_tasks
from harness.types import LaneLook, Result, StopRule, Task, TrialScorer


def languages_of(tasks: Sequence[Task]) -> tuple[str, ...]:
    """The programming languages that are executed: of the answers, and Python where a task draws hidden cases."""
    generators = {"python"} if any(task.generator for task in tasks) else set()
    return tuple(sorted({task.language for task in tasks if task.language is not None} | generators))


def prepare_engine(tasks: Sequence[Task], runtime: str | None, task_folders: Sequence[Path] = ()) -> None:
    """Start the engine and build the images before the first request, so that what is missing shows in a minute.

    The user's own tasks, those in `task_folders`, are checked with their own answers here. No container is left when
    this returns. Raises EngineError, and CheckError for a task whose answers do not end as it states.
    """
    languages = languages_of(tasks)
    if not languages:
        return
    engine = ensure_engine(log)
    check_runtime(engine, runtime)
    check_limits(engine)
    for language in languages:
        ensure_image(engine, language, log)
    users_tasks = [task for task in tasks if any(_is_in(task, folder) for folder in task_folders)]
    if users_tasks:
        with open_sandbox("tasks-check", log, languages_of(users_tasks), runtime=runtime) as sandbox:
            extend = HiddenCases(SELF_CHECK_SEED, sandbox).extend
            check_tasks(users_tasks, partial(score, sandbox=sandbox), log, extend=extend, coverage=Coverage.FIRST)


def check_runtime_name(runtime: str | None) -> None:
    """Raises EngineError for a runtime that the engine lacks; an engine that does not answer is not started for it."""
    engine = None if runtime is None else find_engine(os.environ, Path.home())
    if engine is not None:
        try:
            check_runtime(engine, runtime)
        finally:
            engine.close()


def _is_in(task: Task, folder: Path) -> bool:
    """Whether a folder is the task or contains it."""
    return task.name == folder.name or any(path.name == task.name for path in folder.iterdir())


def open_trial_scorer(
    run_id: str, languages: Sequence[str], *, runtime: str | None = None, cluster: str | None = None
) -> AbstractContextManager[TrialScorer]:
    """What scores trials: threads and the engine of this machine, or the workers of a cluster."""
    if cluster is not None:
        return open_cluster(cluster, run_id, log, languages, runtime=runtime)
    return _open_thread_scorer(run_id, languages, runtime)


@contextmanager
def _open_thread_scorer(run_id: str, languages: Sequence[str], runtime: str | None) -> Iterator[TrialScorer]:
    with open_sandbox(run_id, log, languages, runtime=runtime) as sandbox:
        yield ThreadScorer(sandbox)


def score_and_write(
    folder: RunFolder, tasks: Sequence[Task], progress: Progress, *, runtime: str | None, cluster: str | None = None
) -> Result:
    """Score the trials that have no score yet; write result.json and report.html. Raises EngineError, DiskError."""
    with open_trial_scorer(folder.plan.id, languages_of(tasks), runtime=runtime, cluster=cluster) as scorer:
        score_run(folder, tasks, scorer, progress)
    result = build_result(folder)
    write_result(folder, result)
    write_page(folder.path, result, tasks)
    return result


def awaits_block(folder: RunFolder) -> bool:
    """Whether the run goes on after its last look; says what the look found."""
    looks, design = folder.chain.looks, folder.plan.design
    if not looks or design is None:
        return False
    look = looks[-1]
    count = f"look {len(looks)} of at most {len(design.looks)}, " if design.is_looked_at_on_the_way else ""
    trials = "1 trial" if look.trials == 1 else f"{look.trials} trials"
    log(f"{count}after {trials} of each task: {'; '.join(map(_lane_words, look.lanes))}")
    if look.stop is not None:
        log(f"the run ends: {_END_WORDS[look.stop]}")
    return folder.chain.awaits_block


_END_WORDS: Mapping[StopRule, str] = {
    "decided": "every lane is decided",
    "futile": "every lane is decided or given up",
    "cap": "all trials were run",
    "budget": "the time is used",
}


def _lane_words(lane: LaneLook) -> str:
    """What a look found of a lane, in the words of its log line."""
    names = ", ".join(lane.candidates) or "no model"
    if lane.decided:
        return f"{lane.lane} is decided ({names})"
    if lane.futile:
        return f"{lane.lane} is given up, more trials would hardly tell {names} apart"
    return f"{lane.lane} is open ({names})"


def show_result(
    folder: RunFolder, result: Result, output_format: str, task_folders: Sequence[Path], *, full: bool
) -> None:
    """Print the result: on one screen, with where the page is, how to check it and what to do next, or all of it."""
    closing = closing_of(result, folder.path, task_folders)
    show(render_result(result, output_format, full=full, closing=closing))
    if full or output_format != "text":
        for line in closing:
            log(line)
