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
from harness.cli.inputs import read_config
from harness.cli.options import flags_given, settings_given
from harness.config import Config
from harness.demo import serve
from harness.embedded import model_config, with_free_port
from harness.errors import ConfigError, DiskError
from harness.lifecycle import describe_steps
from harness.run import (
    RunFolder,
    check_tasks_unchanged,
    in_turn,
    match_contenders,
    open_run,
    open_servers,
    planned_passes,
    start_run,
)
from harness.sandbox import ensure_engine
from harness.servers import find_unapplied_settings, get_server_kind
from harness.tasks import find_fixtures, load_tasks, require_scorable
from harness.types import Model, RunSettings, SelfTest, Task


@dataclass(frozen=True, slots=True)
class OpenRun:
    """An open run folder, its tasks, and its models at their present addresses."""

    folder: RunFolder
    tasks: tuple[Task, ...]
    models: tuple[Model, ...]


def open_requested_run(args: argparse.Namespace) -> AbstractContextManager[OpenRun]:
    """The run that the options describe, new or resumed. A demo server answers until the block ends."""
    sources = {"--config": args.config, "--embedded": args.embedded, "--simulated": args.simulated}
    given = [flag for flag, value in sources.items() if value]
    if args.resume is not None:
        given += flags_given(args)
        if given:
            raise ConfigError("--resume cannot be combined with other run options", fix=f"leave out {', '.join(given)}")
        return _resume(args)
    if len(given) > 1:
        raise ConfigError(
            "the models of a run come from one source", fix=f"leave out all but one of {', '.join(given)}"
        )
    if args.config is not None:
        return _begin(args, read_config(args.config))
    # Some five minutes on two cores for the two smallest models. What is misspelled shows before the download.
    settings = RunSettings(suite="first", trials=3)
    _tasks(args, _settings(args, settings))
    models = choose_models(args)
    return _begin(args, Config(settings, models)) if models else _begin_demo(args)


def dry_run(args: argparse.Namespace) -> str:
    """What the run would start, load, stop and restore. It asks the servers which models they hold, no more."""
    settings = RunSettings()
    if args.resume is not None:
        plan = open_run(args.resume).plan
        models, settings = plan.models, plan.settings
    elif args.config is not None:
        config = read_config(args.config)
        models, settings = config.models, _settings(args, config.settings)
    elif args.simulated:
        return "The demo server runs inside this program: nothing is started or stopped."
    else:
        models, settings = tuple(map(model_config, planned_models(args))), _settings(args, settings)
    servers = open_servers(models, connect_s=3.0)
    return "\n".join(describe_steps(*(in_turn(servers, number) for number in range(planned_passes(settings, models)))))


def tasks_of_run(folder: RunFolder, task_folders: Sequence[Path] = ()) -> tuple[Task, ...]:
    """The tasks of a run. Raises TaskError for one that is missing, RunError for one that has changed."""
    tasks = load_tasks([find_fixtures(), *task_folders], names=[info.name for info in folder.plan.tasks])
    check_tasks_unchanged(folder, tasks)
    return tuple(tasks)


@contextmanager
def _resume(args: argparse.Namespace) -> Iterator[OpenRun]:
    folder = open_run(args.resume)
    tasks = tasks_of_run(folder, args.task_folders)
    if not folder.plan.simulated:
        # A port that was free when the run was begun may be taken by now.
        yield OpenRun(folder, tasks, tuple(map(with_free_port, folder.plan.models)))
        return
    with serve(tasks) as demo:
        # The demo server listens on another port each time.
        urls = {model.label: model.base_url for model in demo.models}
        models = tuple(replace(model, base_url=urls.get(model.label, model.base_url)) for model in folder.plan.models)
        yield OpenRun(folder, tasks, models)


@contextmanager
def _begin(args: argparse.Namespace, config: Config) -> Iterator[OpenRun]:
    config = replace(config, settings=_settings(args, config.settings))
    models, tasks, notes = match_contenders(contenders(config), _tasks(args, config.settings))
    for note in notes:
        log(note)
    _require_agents(models)
    config = replace(config, models=models)
    for model in (each for each in config.models if each.agent is None):
        for finding in find_unapplied_settings(get_server_kind(model.server), model):
            log(f"model {model.label}: {finding.name.replace('_', ' ')}: {', '.join(finding.observed)}")
    # A simulated run and a resumed one measure no timing error.
    from harness.calibration import run_self_test

    log("measuring this machine's timing error for a few seconds")
    folder = _start(args.results, config, tasks, run_self_test())
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
    settings = _settings(args, RunSettings(suite="demo", trials=3, idle_s=0.0))
    # The simulated models drive no agent.
    tasks = tuple(task for task in _tasks(args, settings) if not task.for_agents)
    with serve(tasks) as demo:
        folder = _start(args.results, Config(settings, demo.models), tasks)
        yield OpenRun(folder, tasks, demo.models)


def _start(results: Path, config: Config, tasks: Sequence[Task], timing: SelfTest | None = None) -> RunFolder:
    with suggest("choose another folder with --results", DiskError):
        return start_run(results, config, tasks, simulated=timing is None, selftest=timing)


def _settings(args: argparse.Namespace, settings: RunSettings) -> RunSettings:
    """The settings with the command line's values; a suite given there replaces the tasks of bench.toml."""
    given = settings_given(args)
    if "suite" in given:
        given.setdefault("tasks", ())
    return replace(settings, **given)


def _tasks(args: argparse.Namespace, settings: RunSettings) -> tuple[Task, ...]:
    """The tasks of a new run. Raises TaskError for one that is wrong or that no scorer can score."""
    tasks = load_tasks([find_fixtures(), *args.task_folders], suite=settings.suite, names=settings.tasks)
    require_scorable(tasks)
    return tasks
