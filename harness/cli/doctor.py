"""`lanebench doctor`: what this machine can do. Looks, and changes nothing."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

from harness.cli.console import show
from harness.config import load_config, secret_of
from harness.errors import EngineError, LanebenchError, ServerError
from harness.files import kit_info
from harness.host import host_facts
from harness.lifecycle import check_readiness, find_leftover_state
from harness.record import Client, Timeouts
from harness.sandbox import Engine, check_limits, find_engine, has_image, image_name
from harness.types import Model

NAME = "doctor"
HELP = "Say what this machine can do: engine, image, host facts, which configured servers answer."

_TIMEOUTS = Timeouts(connect_s=3.0, read_s=10.0, turn_s=15.0)


@dataclass(frozen=True, slots=True)
class _Line:
    """One thing that was looked at; `works` is None where it is only told. `fault` is what it is called otherwise."""

    name: str
    works: bool | None
    told: str
    fault: type[LanebenchError] = EngineError


def options(parser: argparse.ArgumentParser) -> None:
    """Which servers to look at."""
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="look whether the servers of this bench.toml answer"
    )


def _kit() -> Iterator[_Line]:
    kit = kit_info()
    commit = f", commit {kit.commit[:12]}{' with changes' if kit.dirty else ''}" if kit.commit else ""
    yield _Line("kit", None, f"lanebench {kit.version}{commit}")


def _host() -> Iterator[_Line]:
    facts = host_facts()
    for field in fields(facts):
        value = getattr(facts, field.name)
        if value is not None:
            told = f"{value / 2**30:.1f} GiB" if field.name.endswith("_bytes") else str(value)
            yield _Line(field.name.removesuffix("_bytes").replace("_", " "), None, told)


def _image(engine: Engine) -> Iterator[_Line]:
    tag = image_name("python")
    built = has_image(engine, tag)
    yield _Line(
        "scorer image", built or None, tag if built else f"{tag} is not built yet; `bench` and `score` build it"
    )


def _limits(engine: Engine) -> Iterator[_Line]:
    told = f"the engine limits {', '.join(engine.enforces) or 'nothing'}"
    try:
        check_limits(engine)
    except EngineError as error:
        yield _Line("limits", False, error.message)
        return
    yield _Line("limits", {"memory", "processes"} <= set(engine.enforces) or None, told)


def _engine() -> Iterator[_Line]:
    try:
        engine = find_engine(os.environ, Path.home())
        if engine is None:
            told = "no container engine answers; `bench` says how to get one. `record` works without"
            yield _Line("engine", False, told)
            return
        rootless = ", rootless" if engine.rootless else ""
        yield _Line("engine", True, f"{engine.name} {engine.version}, runtime {engine.runtime}{rootless}")
        yield from _limits(engine)
        yield from _image(engine)
    except EngineError as error:
        yield _Line("engine", False, error.message)


def _left() -> Iterator[_Line]:
    """What a run that was killed left stopped; a run that goes on is told, and no fault."""
    try:
        state = find_leftover_state()
    except ServerError as error:
        yield _Line("servers stopped", None, error.message)
        return
    if state is not None:
        names = ", ".join([*(one.what for one in state.held), *(one.what for one in state.spawned)])
        told = f"a killed run left {names}; the next `bench` or `record` puts it back"
        yield _Line("servers stopped", False, told, ServerError)


def _server(model: Model) -> _Line:
    try:
        with Client(_TIMEOUTS) as client:
            ready = check_readiness(client, model, secret_of(model))
    except ServerError as error:
        return _Line(model.label, False, error.message, ServerError)
    context = f", context {ready.context_tokens} tokens" if ready.context_tokens else ""
    return _Line(model.label, True, f"{model.server} {ready.version or ''} answers at {model.base_url}{context}")


def run(args: argparse.Namespace) -> int:
    """Print a line for each; 0 when all that was looked at works, else the code of the first that does not."""
    lines = [*_kit(), *_host(), *_engine(), *_left()]
    servers = [_server(model) for model in load_config(args.config).models] if args.config is not None else []
    marks = {True: "ok  ", False: "NO  ", None: "    "}
    width = max(len(line.name) for line in [*lines, *servers])
    show("\n".join(f"{marks[line.works]}{line.name:<{width}}  {line.told}" for line in [*lines, *servers]))
    missing: list[type[LanebenchError]] = [line.fault for line in (*lines, *servers) if line.works is False]
    return missing[0].exit_code if missing else 0
