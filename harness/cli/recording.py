"""What the commands that record share: `open_requested_run` begins or continues the run that the options describe.

Without bench.toml small embedded models are recorded (first_run.py). `dry_run` lists what a run would do.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from harness.agents import contenders, require_installed
from harness.cli.console import command_line, log
from harness.cli.first_run import choose_models, planned_models
from harness.cli.fixes import suggest
from harness.cli.inputs import load_named_tasks, read_config, require_lane_tasks
from harness.cli.options import FIRST_SETTINGS, flags_given, settings_given
from harness.config import Config
from harness.demo import serve
from harness.embedded import model_config, with_free_port
from harness.errors import ConfigError, DiskError
from harness.lifecycle import describe_steps
from harness.run import (
    RunFolder,
    check_same_origin,
    check_tasks_unchanged,
    in_turn,
    match_contenders,
    open_run,
    open_servers,
    passes_left,
    planned_passes,
    read_run,
    start_run,
)
from harness.sandbox import ensure_engine
from harness.servers import find_unapplied_settings, get_server_kind
from harness.summarize import find_timing_problems
from harness.tasks import find_fixtures, find_folders, require_scorable
from harness.types import Model, RunSettings, SelfTest, Task


@dataclass(frozen=True, slots=True)
class OpenRun:
    """An open run folder, its tasks, and its models at their present addresses."""

    folder: RunFolder
    tasks: tuple[Task, ...]
    models: tuple[Model, ...]


def open_requested_run(args: argparse.Namespace) -> AbstractContextManager[OpenRun]:
    """The run that the options describe, new or resumed. A demo server answers until the block ends."""
    _require_one_source(args)
    if args.resume is not None:
        return _resume(args)
    if args.config is not None:
        return _begin(args, read_config(args.config))
    # What is misspelled shows before the download.
    _tasks(args, _settings(args, FIRST_SETTINGS))
    models = choose_models(args)
    return _begin(args, Config(FIRST_SETTINGS, models)) if models else _begin_demo(args)


def dry_run(args: argparse.Namespace) -> str:
    """What the run would start, load, stop and restore. It asks the servers which models they hold, no more.

    Raises what the run raises for options, tasks and models that it would refuse; nothing is written. Neither the
    digest of a model's file, which takes a second per gigabyte, nor the number of trials is looked at.
    """
    _require_one_source(args)
    passes = _passes_left(args) if args.resume is not None else _planned_passes(args)
    if passes is None:
        return "The demo server runs inside this program: nothing is started or stopped."
    if not passes:
        return "Every trial so far is recorded: nothing is started or stopped."
    return "\n".join(describe_steps(*(open_servers(models, connect_s=3.0) for models in passes)))


def _passes_left(args: argparse.Namespace) -> Sequence[Sequence[Model]] | None:
    """The models of each pass that is left of a run; None for a simulated one."""
    folder = read_run(args.resume)
    check_same_origin(folder)
    tasks = tasks_of_run(folder, args.task_folders)
    return None if folder.plan.simulated else passes_left(folder, tasks, _models_now(folder))


def _planned_passes(args: argparse.Namespace) -> Sequence[Sequence[Model]] | None:
    """The models of each pass of a new run; None for a simulated one."""
    if args.simulated:
        _demo_tasks(args)
        return None
    if args.config is not None:
        config = read_config(args.config)
    else:
        config = Config(FIRST_SETTINGS, tuple(map(model_config, planned_models(args))))
    config, _, _ = _matched(args, config)
    # The looks or the time of a sequential run decide how many of its passes there are.
    passes = 1 if config.settings.is_sequential else planned_passes(config.settings, config.models)
    return [in_turn(config.models, number) for number in range(passes)]


def _require_one_source(args: argparse.Namespace) -> None:
    """Raises ConfigError for options that contradict each other: a run is resumed, or its models have one source."""
    sources = {"--config": args.config, "--embedded": args.embedded, "--simulated": args.simulated}
    given = [flag for flag, value in sources.items() if value]
    if args.resume is not None:
        given += flags_given(args)
        if given:
            raise ConfigError("--resume cannot be combined with other run options", fix=f"leave out {', '.join(given)}")
    elif len(given) > 1:
        raise ConfigError(
            "the models of a run come from one source", fix=f"leave out all but one of {', '.join(given)}"
        )


def tasks_of_run(folder: RunFolder, task_folders: Sequence[Path] = ()) -> tuple[Task, ...]:
    """The tasks of a run. Raises TaskError for one that is missing, RunError for one that has changed."""
    tasks = load_named_tasks(task_folders, names=[info.name for info in folder.plan.tasks])
    check_tasks_unchanged(folder, tasks)
    return tuple(tasks)


@contextmanager
def _resume(args: argparse.Namespace) -> Iterator[OpenRun]:
    folder = open_run(args.resume)
    check_same_origin(folder)
    tasks = tasks_of_run(folder, args.task_folders)
    if not folder.plan.simulated:
        yield OpenRun(folder, tasks, _models_now(folder))
        return
    with serve(tasks) as demo:
        # The demo server listens on another port each time.
        urls = {model.label: model.base_url for model in demo.models}
        models = tuple(replace(model, base_url=urls.get(model.label, model.base_url)) for model in folder.plan.models)
        yield OpenRun(folder, tasks, models)


def _models_now(folder: RunFolder) -> tuple[Model, ...]:
    """The models of a resumed run: a port that was free when it was begun may be taken by now."""
    return tuple(map(with_free_port, folder.plan.models))


def _matched(args: argparse.Namespace, config: Config) -> tuple[Config, tuple[Task, ...], tuple[str, ...]]:
    """A new run's settings and contenders, its tasks, and what is left out of them.

    Raises ConfigError or TaskError for what no run can have.
    """
    config = replace(config, settings=_settings(args, config.settings))
    tasks = _tasks(args, config.settings)
    require_lane_tasks(config.lanes, find_folders([find_fixtures(), *args.task_folders]))
    models, tasks, notes = match_contenders(contenders(config), tasks)
    return replace(config, models=models), tasks, notes


@contextmanager
def _begin(args: argparse.Namespace, config: Config) -> Iterator[OpenRun]:
    config, tasks, notes = _matched(args, config)
    for note in notes:
        log(note)
    _require_agents(config.models)
    for model in (each for each in config.models if each.agent is None):
        for finding in find_unapplied_settings(get_server_kind(model.server), model):
            log(f"model {model.label}: {finding.name.replace('_', ' ')}: {', '.join(finding.observed)}")
    # A simulated run and a resumed one measure no timing error.
    from harness.calibration import run_self_test

    log("measuring this machine's timing error for a few seconds")
    timing = run_self_test()
    for problem in find_timing_problems(timing):
        log(f"warning: {problem}")
    folder = _start(args.results, config, tasks, timing)
    yield OpenRun(folder, tasks, folder.plan.models)


def _require_agents(models: Sequence[Model]) -> None:
    """Raises ConfigError for an agent that is not installed, before a run is begun."""
    agents = [model for model in models if model.agent is not None]
    if not agents:
        return
    engine = ensure_engine(log)
    try:
        with suggest(f"install it: {command_line('agents install NAME')}", ConfigError):
            require_installed(engine, agents, log)
    finally:
        engine.close()


@contextmanager
def _begin_demo(args: argparse.Namespace) -> Iterator[OpenRun]:
    settings, tasks = _demo_tasks(args)
    with serve(tasks) as demo:
        folder = _start(args.results, Config(settings, demo.models), tasks)
        yield OpenRun(folder, tasks, demo.models)


def _demo_tasks(args: argparse.Namespace) -> tuple[RunSettings, tuple[Task, ...]]:
    settings = _settings(args, RunSettings(suite="demo", trials=3, idle_s=0.0))
    # The simulated models drive no agent.
    return settings, tuple(task for task in _tasks(args, settings) if not task.for_agents)


def _start(results: Path, config: Config, tasks: Sequence[Task], timing: SelfTest | None = None) -> RunFolder:
    with suggest("choose another folder with --results", DiskError):
        return start_run(results, config, tasks, simulated=timing is None, selftest=timing)


def _settings(args: argparse.Namespace, settings: RunSettings) -> RunSettings:
    """The settings with the command line's values; a suite given there replaces the tasks of bench.toml.

    Raises ConfigError for a suite and tasks: one of them would be dropped.
    """
    given = settings_given(args)
    if "suite" in given and "tasks" in given:
        raise ConfigError("--task names tasks in place of a suite", fix="leave out either --suite or --task")
    if "suite" in given:
        given.setdefault("tasks", ())
    return replace(settings, **given)


def _tasks(args: argparse.Namespace, settings: RunSettings) -> tuple[Task, ...]:
    """The tasks of a new run. Raises TaskError for one that is wrong or that no scorer can score."""
    tasks = load_named_tasks(args.task_folders, suite=settings.suite, names=settings.tasks)
    require_scorable(tasks)
    return tasks
