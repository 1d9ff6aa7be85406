"""Steps as data: one command or HTTP call that changes or checks the machine, to be printed, stored and run later.

`Step` is one of them, `Service` the steps of a server's program, `SuspendedService` what a run has to undo. Running a
step is the business of `actions`.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.files import to_json
from harness.servers import ApiCall, ServerKind, endpoint_url, fill_body
from harness.types import Json, Lifecycle, Model


@dataclass(frozen=True, slots=True)
class Step:
    """A command, or an HTTP call if `command` is empty. `key_env` names the variable with the API key of the call.

    A step is stored in the state file, so it holds the variable's name and never the key.
    """

    description: str
    command: tuple[str, ...] = ()
    method: str | None = None
    url: str | None = None
    body: Mapping[str, Json] = field(default_factory=dict)
    key_env: str | None = None

    def __str__(self) -> str:
        """The step as a line for the user."""
        if self.command:
            return f"{self.description}: {shlex.join(self.command)}"
        if self.url is not None:
            body = f" {to_json(self.body)}" if self.body else ""
            return f"{self.description}: {self.method} {self.url}{body}"
        return self.description


@dataclass(frozen=True, slots=True)
class Service:
    """How the program of a server is started, stopped and checked.

    `is_foreground`: the start command is the server itself and runs until it is terminated. Otherwise the command
    returns and something else (launchd, a daemon) keeps the server running.
    """

    name: str
    start: Step | None = None
    stop: Step | None = None
    check: Step | None = None
    is_foreground: bool = False


@dataclass(frozen=True, slots=True)
class SuspendedService:
    """A service or a loaded model that the run stopped, or that it started itself, and how to undo that.

    Stopped by the run: `stop` has been run and `restore` undoes it. Started by the run (`started_by_run`): undoing
    means to stop it. `check` tells whether a service runs, `loaded_model` names a model that its server's listing
    tells of; `instance` counts from 1 where it was loaded more than once. `restore_error` says why undoing failed.
    """

    name: str
    stop: tuple[Step, ...]
    restore: tuple[Step, ...]
    check: Step | None = None
    stopped_at: str | None = None
    loaded_model: Model | None = None
    instance: int = 1
    started_by_run: bool = False
    restore_error: str | None = None


def service_of(model: Model) -> Service | None:
    """Return the service behind a model; None if the user starts it."""
    lifecycle = model.lifecycle
    if lifecycle is None:
        return None
    if lifecycle.method == "launchd":
        return _launchd_service(lifecycle)
    name = f"the {model.server} server of {model.label}"
    return Service(
        name,
        start=_command_step("start", name, lifecycle.start),
        stop=_command_step("stop", name, lifecycle.stop),
        check=_command_step("check", name, lifecycle.status),
        is_foreground=lifecycle.method == "process",
    )


def api_step(description: str, model: Model, call: ApiCall, fields: Mapping[str, Json] | None = None) -> Step:
    """Return a call of a server's own API as a step; `fields` are added to its body."""
    return Step(
        description,
        method=call.method,
        url=endpoint_url(model, call.path),
        body={**fill_body(call, model), **(fields or {})},
        key_env=model.key_env,
    )


def load_step(model: Model, kind: ServerKind) -> Step | None:
    """Return the call that loads a model with its configured context; None if the server has no such call."""
    facts = kind.lifecycle
    if facts.load is None:
        return None
    context = {facts.context_field: model.context_tokens} if facts.context_field and model.context_tokens else {}
    return api_step(f"load {model.model} for {model.label}", model, facts.load, context)


def _command_step(verb: str, name: str, command: tuple[str, ...]) -> Step | None:
    return Step(f"{verb} {name}", command) if command else None


def _launchd_service(lifecycle: Lifecycle) -> Service:
    """A launchd job, started and stopped with the verbs of launchctl(1): bootstrap, bootout, print."""
    is_system = lifecycle.domain == "system"
    domain = "system" if is_system else f"gui/{os.getuid()}"
    target, name = f"{domain}/{lifecycle.service}", f"launchd {lifecycle.service}"
    # A system daemon needs root. -n: sudo never asks for a password, so an unattended run fails instead of waiting.
    launchctl = ("sudo", "-n", "launchctl") if is_system else ("launchctl",)
    return Service(
        name,
        start=Step(f"start {name}", (*launchctl, "bootstrap", domain, lifecycle.plist or "")),
        stop=Step(f"stop {name}", (*launchctl, "bootout", target)),
        check=Step(f"check {name}", ("launchctl", "print", target)),
    )
