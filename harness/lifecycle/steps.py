"""What can be done to the machine, as words that can be printed, kept in a file and done later. Does nothing."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from harness.files import to_json
from harness.servers import ApiCall, ServerKind, endpoint_url, fill_body, look_up
from harness.types import Json, Lifecycle, Model


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do: a command, or a request to a server. `key_env` names the variable that holds its key."""

    what: str
    words: tuple[str, ...] = ()
    method: str | None = None
    url: str | None = None
    body: Mapping[str, Json] = field(default_factory=dict)
    key_env: str | None = None


@dataclass(frozen=True, slots=True)
class Service:
    """How a server's program is started and stopped. `stays`: the command to start is the server itself."""

    name: str
    start: Step | None = None
    stop: Step | None = None
    running: Step | None = None
    stays: bool = False


def told(step: Step) -> str:
    """The step as a line for the user."""
    if step.words:
        return f"{step.what}: {shlex.join(step.words)}"
    if step.url is not None:
        body = f" {to_json(step.body)}" if step.body else ""
        return f"{step.what}: {step.method} {step.url}{body}"
    return step.what


def _launchd(cycle: Lifecycle) -> Service:
    system = cycle.domain == "system"
    domain = "system" if system else f"gui/{os.getuid()}"
    target, name = f"{domain}/{cycle.service}", f"launchd {cycle.service}"
    # A system daemon needs root; -n never asks for a password, so that an unattended run fails instead of waiting.
    control = ("sudo", "-n", "launchctl") if system else ("launchctl",)
    return Service(
        name,
        start=Step(f"start {name}", (*control, "bootstrap", domain, cycle.plist or "")),
        stop=Step(f"stop {name}", (*control, "bootout", target)),
        running=Step(f"see whether {name} runs", ("launchctl", "print", target)),
    )


def _command(verb: str, name: str, words: tuple[str, ...]) -> Step | None:
    return Step(f"{verb} {name}", words) if words else None


def service_of(model: Model) -> Service | None:
    """The service behind a model; None where the user starts it."""
    cycle = model.lifecycle
    if cycle is None:
        return None
    if cycle.by == "launchd":
        return _launchd(cycle)
    name = f"the {model.server} server of {model.label}"
    return Service(
        name,
        start=_command("start", name, cycle.start),
        stop=_command("stop", name, cycle.stop),
        running=_command("see whether it runs:", name, cycle.running),
        stays=cycle.by == "process",
    )


def call_step(what: str, model: Model, call: ApiCall, more: Mapping[str, Json] | None = None) -> Step:
    """A call of a server's own interface."""
    return Step(
        what,
        method=call.method,
        url=endpoint_url(model, call.path),
        body={**fill_body(call, model), **(more or {})},
        key_env=model.key_env,
    )


def load_step(model: Model, kind: ServerKind) -> Step | None:
    """The call that loads a model with the context that was asked for; None where its server has none."""
    facts = kind.lifecycle
    if facts.load is None:
        return None
    context = {facts.context_field: model.context_tokens} if facts.context_field and model.context_tokens else {}
    return call_step(f"load {model.model} for {model.label}", model, facts.load, context)


@dataclass(frozen=True, slots=True)
class SuspendedService:
    """Something that runs or is loaded before the run: how it is put away and how it comes back.

    `running` tells whether it is there, or the listing of the server of `listed`; None where nothing can tell. What
    is not `wanted` was brought up by the run itself, and to restore it is to end it. `failed` says why it could not be.
    """

    what: str
    stop: tuple[Step, ...]
    restore: tuple[Step, ...]
    running: Step | None = None
    stopped_at: str | None = None
    listed: Model | None = None
    wanted: bool = True
    failed: str | None = None


def _holds(found: Json, values: tuple[Json, ...]) -> bool:
    return found in values if values else bool(found)


def rows_loaded(model: Model, kind: ServerKind, document: Json) -> tuple[Mapping[str, Json], ...]:
    """The rows of a server's listing that stand for models in memory."""
    facts = kind.lifecycle.loaded_models
    rows = look_up(document, facts.rows, model.model) if facts is not None else None
    if facts is None or not isinstance(rows, list):
        return ()
    there = [row for row in rows if isinstance(row, dict) and isinstance(look_up(row, facts.id, ""), str)]
    return tuple(
        row for row in there if facts.state is None or _holds(look_up(row, facts.state, ""), facts.loaded_states)
    )


def unload_step(model: Model, kind: ServerKind, row: Mapping[str, Json]) -> Step | None:
    """The call that lets go of a loaded model."""
    facts = kind.lifecycle.loaded_models
    if facts is None or kind.lifecycle.unload is None:
        return None
    instance = look_up(row, facts.instance_id or facts.id, "")
    named = replace(model, model=str(instance))
    return call_step(f"unload {instance}", named, kind.lifecycle.unload)


def held_model(model: Model, kind: ServerKind, row: Mapping[str, Json]) -> SuspendedService | None:
    """A model that a server holds: let go of by its instance, loaded again as it was."""
    facts, call = kind.lifecycle.loaded_models, kind.lifecycle.restore or kind.lifecycle.load
    unload = unload_step(model, kind, row)
    if facts is None or call is None or unload is None:
        return None
    name = str(look_up(row, facts.id, ""))
    keep = {
        key: value for key, place in facts.restored_fields.items() if (value := look_up(row, place, "")) is not None
    }
    named = replace(model, model=name)
    back = call_step(f"load {name} again", named, call, keep)
    return SuspendedService(f"{name} loaded in {kind.title}", (unload,), (back,), listed=named)
