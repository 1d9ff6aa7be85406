"""What the commands that work on a run share: their options, the run they mean, and how to go on after a stop."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from harness.calibration import selftest
from harness.cli.console import command, say
from harness.cli.run_options import flags_given, settings_given
from harness.config import Config, load_config
from harness.demo import serve
from harness.errors import ConfigError, InterruptedRunError, LanebenchError
from harness.lifecycle import describe_steps
from harness.record import Client, Timeouts
from harness.run import RunFolder, check_tasks_unchanged, contenders, open_run, start_run
from harness.servers import find_unapplied_settings, get_server_kind
from harness.tasks import find_fixtures, load_tasks, require_scorable
from harness.types import Model, RunSettings, Task

DEMO_SETTINGS = RunSettings(suite="demo", trials=3, idle_s=0.0)


@dataclass(frozen=True, slots=True)
class Run:
    """An open run with the tasks that it asks and the models as they can be reached now."""

    folder: RunFolder
    tasks: tuple[Task, ...]
    models: tuple[Model, ...]


def _tasks(args: argparse.Namespace, settings: RunSettings) -> tuple[Task, ...]:
    """The tasks to ask. Raises TaskError for one that is wrong or that no scorer could score."""
    tasks = load_tasks([find_fixtures(), *args.task_folders], suite=settings.suite, names=settings.tasks)
    require_scorable(tasks)
    return tasks


def _settings(args: argparse.Namespace, settings: RunSettings) -> RunSettings:
    """The settings with what the command line gives on top; a suite given there replaces the tasks of bench.toml."""
    given = settings_given(args)
    if "suite" in given:
        given.setdefault("tasks", ())
    return replace(settings, **given)


def tasks_of_run(folder: RunFolder, own: Sequence[Path] = ()) -> tuple[Task, ...]:
    """The tasks that a run asked. Raises TaskError for one that is gone, RunError for one that changed."""
    tasks = load_tasks([find_fixtures(), *own], names=[info.name for info in folder.plan.tasks])
    check_tasks_unchanged(folder, tasks)
    return tuple(tasks)


def _reachable(models: Sequence[Model], demo: Sequence[Model]) -> tuple[Model, ...]:
    """The demo stands at another port each time; everything else of a model is as planned."""
    now = {model.label: model.base_url for model in demo}
    return tuple(replace(model, base_url=now.get(model.label, model.base_url)) for model in models)


@contextmanager
def _resumed(args: argparse.Namespace) -> Iterator[Run]:
    folder = open_run(args.resume)
    tasks = tasks_of_run(folder, args.task_folders)
    if not folder.plan.simulated:
        yield Run(folder, tasks, folder.plan.models)
        return
    with serve(tasks) as demo:
        yield Run(folder, tasks, _reachable(folder.plan.models, demo.models))


@contextmanager
def _begun(args: argparse.Namespace) -> Iterator[Run]:
    config = load_config(args.config)
    settings = _settings(args, config.settings)
    tasks = _tasks(args, settings)
    for model in config.models:
        for told in find_unapplied_settings(get_server_kind(model.server), model):
            say(f"model {model.label}: {told.name.replace('_', ' ')}: {', '.join(told.live)}")
    say("timing this machine's own delays, for a few seconds")
    planned = replace(config, settings=settings)
    folder = start_run(args.results, planned, tasks, selftest=selftest())
    yield Run(folder, tasks, folder.plan.models)


@contextmanager
def _demonstrated(args: argparse.Namespace) -> Iterator[Run]:
    say("no --config: asking the demo's simulated models, so that you see the whole path; nothing is measured")
    settings = _settings(args, DEMO_SETTINGS)
    tasks = _tasks(args, settings)
    with serve(tasks) as demo:
        yield Run(start_run(args.results, Config(settings, demo.models), tasks, simulated=True), tasks, demo.models)


def opened(args: argparse.Namespace) -> AbstractContextManager[Run]:
    """The run that the options mean, new or to go on with; the demo server answers until the block ends."""
    if args.resume is None:
        return _demonstrated(args) if args.config is None else _begun(args)
    given = [*(["--config"] if args.config is not None else []), *flags_given(args)]
    if given:
        raise ConfigError("--resume continues the run as planned", fix=f"Leave out {', '.join(given)}.")
    return _resumed(args)


def rehearsal(args: argparse.Namespace) -> str:
    """What the run would start, load, stop and put back. Asks servers what they hold, changes nothing."""
    if args.resume is not None:
        models = open_run(args.resume).plan.models
    elif args.config is not None:
        models = load_config(args.config).models
    else:
        return "the demo server is asked inside this program: nothing is started or stopped"
    with Client(Timeouts(connect_s=3.0)) as client:
        return "\n".join(describe_steps(contenders(models, client)))


@contextmanager
def resumable(folder: RunFolder, word: str) -> Iterator[None]:
    """Whatever stops the block, the user reads how to go on without losing a trial."""
    way = f"score {folder.path}" if word == "score" else f"{word} --resume {folder.path}"
    try:
        yield
    except KeyboardInterrupt as stop:
        raise InterruptedRunError(f"stopped; {_kept(folder)}: {command(way)}") from stop
    except LanebenchError as error:
        raise type(error)(*error.problems, f"{_kept(folder)}: {command(way)}") from error


def _kept(folder: RunFolder) -> str:
    return f"{len(folder.recorded)} recorded and {len(folder.scored)} scored trials are kept; go on with"
