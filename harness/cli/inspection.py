"""Inspects this machine and the configured servers for `lanebench doctor`.

`inspect_machine` covers the kit, the host, the container engine and servers that a killed run left stopped;
`inspect_servers` covers the servers of a bench.toml.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

from harness.cli.console import command_line
from harness.cli.inputs import read_config
from harness.config import find_missing_inputs, read_api_key
from harness.errors import ConfigError, EngineError, LanebenchError, ServerError
from harness.files import kit_info
from harness.host import host_facts
from harness.lifecycle import check_readiness, find_leftover_state
from harness.sandbox import Engine, check_limits, find_engine, has_image, image_name
from harness.types import Model

CONNECT_TIMEOUT_S = 3.0


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that was inspected; `works` is None if the text is only information.

    `error` is the error class that a run would raise if it does not work.
    """

    name: str
    works: bool | None
    text: str
    error: type[LanebenchError] = EngineError


def inspect_machine() -> Iterator[Item]:
    """What this machine can do, without any model server."""
    yield _kit()
    yield from _host()
    yield from _engine()
    yield from _stopped_servers()


def inspect_servers(config: Path) -> Iterator[Item]:
    """Whether the servers of a bench.toml answer, and what their models lack here. Raises ConfigError."""
    for model in read_config(config, for_requests=False).models:
        missing = [problem for _, problem in find_missing_inputs(model)]
        if missing:
            yield Item(model.label, False, _in_one_line(ConfigError(*missing)), ConfigError)
        else:
            yield _server(model)


def _kit() -> Item:
    kit = kit_info()
    commit = f", commit {kit.commit[:12]}{' with changes' if kit.dirty else ''}" if kit.commit else ""
    return Item("kit", None, f"lanebench {kit.version}{commit}")


def _host() -> Iterator[Item]:
    facts = host_facts()
    for field in fields(facts):
        value = getattr(facts, field.name)
        if value is not None:
            text = f"{value / 2**30:.1f} GiB" if field.name.endswith("_bytes") else str(value)
            yield Item(field.name.removesuffix("_bytes").replace("_", " "), None, text)


def _engine() -> Iterator[Item]:
    try:
        engine = find_engine(os.environ, Path.home())
        if engine is None:
            way = f"`{command_line('bench')}` says how to get one, `{command_line('record')}` needs none"
            yield Item("engine", False, f"no container engine answers; {way}")
            return
        rootless = ", rootless" if engine.rootless else ""
        yield Item("engine", True, f"{engine.name} {engine.version}, runtime {engine.runtime}{rootless}")
        yield _limits(engine)
        yield _image(engine)
    except EngineError as error:
        yield Item("engine", False, _in_one_line(error))


def _limits(engine: Engine) -> Item:
    try:
        check_limits(engine)
    except EngineError as error:
        return Item("limits", False, _in_one_line(error))
    works = {"memory", "processes"} <= set(engine.enforced_limits) or None
    return Item("limits", works, f"the engine limits {', '.join(engine.enforced_limits) or 'nothing'}")


def _image(engine: Engine) -> Item:
    tag = image_name("python")
    if has_image(engine, tag):
        return Item("scorer image", True, tag)
    return Item("scorer image", None, f"{tag} is not built yet; `bench` and `score` build it")


def _stopped_servers() -> Iterator[Item]:
    """The servers that a killed run left stopped; a run that is still in progress is only mentioned."""
    try:
        state = find_leftover_state()
    except ServerError as error:
        yield Item("servers stopped", None, _in_one_line(error))
        return
    if state is not None:
        names = ", ".join([*(service.name for service in state.suspended), *(p.description for p in state.processes)])
        text = f"a killed run left {names} stopped; the next `bench` or `record` restores it"
        yield Item("servers stopped", False, text, ServerError)


def _server(model: Model) -> Item:
    try:
        ready = check_readiness(model, read_api_key(model), CONNECT_TIMEOUT_S)
    except (ConfigError, ServerError) as error:
        return Item(model.label, False, _in_one_line(error), type(error))
    if ready is None:
        return Item(model.label, None, f"{model.server} at {model.base_url} is started by the run")
    context = f", context {ready.context_tokens} tokens" if ready.context_tokens else ""
    listing = "" if ready.is_listed else f"; it does not list {model.model!r}, and answered a request for one token"
    return Item(
        model.label, True, f"{model.server} {ready.version or ''} answers at {model.base_url}{context}{listing}"
    )


def _in_one_line(error: LanebenchError) -> str:
    """The error's first message with its fix."""
    return f"{error.message}. Fix: {error.fix}" if error.fix else error.message
