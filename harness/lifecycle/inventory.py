"""Finds what runs before the run: the services and loaded models that the config lets the run stop."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from harness.lifecycle.actions import succeeds
from harness.lifecycle.steps import Step, SuspendedService, api_step, service_of
from harness.servers import (
    NotListeningError,
    RequestTimeouts,
    ServerHandle,
    ServerKind,
    endpoint_url,
    get_server_kind,
    look_up,
)
from harness.types import Json, Model

Row = Mapping[str, Json]
"""A row of a server's listing that represents a loaded model."""


def find_running(servers: Sequence[ServerHandle]) -> tuple[SuspendedService, ...]:
    """Return everything that must be stopped for the run, each once.

    Raises ServerError if a check command is missing, or a server does not tell what it has loaded. A model without a
    `lifecycle` in the config is the user's own: it is never stopped.
    """
    found: dict[tuple[object, ...], SuspendedService] = {}
    for server in servers:
        if server.model.lifecycle is None:
            continue
        for service in _running_of(server):
            # Two models of one server describe the same stop command each in their own words.
            key = tuple((step.command, step.url, str(step.body)) for step in service.stop)
            found.setdefault(key, service)
    return tuple(found.values())


def _running_of(server: ServerHandle) -> Iterator[SuspendedService]:
    """What runs of one server. A service is stopped with the models it has loaded, and restored with them."""
    service = service_of(server.model)
    if service is None or service.check is None or service.stop is None or service.start is None:
        # Restored in the order of the listing, since a server names the instances of one model in the order of loading.
        yield from reversed(find_loaded_models(server))
        return
    if succeeds(service.check):
        loaded = find_loaded_models(server)
        restore = (service.start, *(step for model in loaded for step in model.restore))
        yield SuspendedService(service.name, (service.stop,), restore, service.check)


def find_loaded_models(server: ServerHandle) -> tuple[SuspendedService, ...]:
    """Return the models that a server has loaded now, each with the calls to unload it and to load it again.

    Raises ServerError if it does not tell.
    """
    found, instances = [], Counter[str]()
    for row in _loaded_rows(server):
        service = _suspended_model(server.model, server.kind, row)
        if service is not None:
            instances[service.name] += 1
            number = instances[service.name]
            name = service.name if number == 1 else f"{service.name}, instance {number}"
            found.append(replace(service, name=name, instance=number))
    return tuple(found)


def find_instances(server: ServerHandle) -> tuple[Row, ...]:
    """Return the loaded instances of this very model. Raises ServerError.

    Ollama lists `name:latest` where `name` was requested.
    """
    facts, model_id = server.kind.lifecycle.loaded_models, server.model.model
    names = (model_id, f"{model_id}:latest")
    rows = _loaded_rows(server)
    return tuple(row for row in rows if facts is not None and (row.get("id") in names or row.get(facts.id) in names))


def unload_step(model: Model, kind: ServerKind, row: Row) -> Step | None:
    """Return the call that unloads a loaded instance; None if the server has none."""
    facts = kind.lifecycle.loaded_models
    if facts is None or kind.lifecycle.unload is None:
        return None
    instance = look_up(row, facts.instance_id or facts.id, "")
    return api_step(f"unload {instance}", replace(model, model=str(instance)), kind.lifecycle.unload)


def restored_handle(model: Model, request_s: float) -> ServerHandle:
    """Return a handle for a model that a state file names; its API key is taken from the environment."""
    api_key = os.environ.get(model.key_env) if model.key_env else None
    return ServerHandle(model, get_server_kind(model.server), api_key, RequestTimeouts(request_s=request_s))


def _loaded_rows(server: ServerHandle) -> tuple[Row, ...]:
    """The rows of the server's listing that represent models in memory; none if nothing listens there.

    Raises ServerError for any other answer that is no listing, and for none: a model of the user's that is not seen
    would be unloaded for good, and one of the run's would stay in memory.
    """
    facts = server.kind.lifecycle.loaded_models
    if facts is None:
        return ()
    try:
        reply = server.get(facts.path)
    except NotListeningError:
        return ()
    rows = look_up(reply.document, facts.rows, server.model.model) if reply.status == 200 else None
    if not isinstance(rows, list):
        url = endpoint_url(server.model, facts.path)
        message = f"{url} does not list what is loaded (HTTP {reply.status})"
        raise server.error(message, "try again; if it stays so, correct server, base_url or key_env in the config")
    named = [row for row in rows if isinstance(row, dict) and isinstance(look_up(row, facts.id, ""), str)]
    if facts.instances is not None:
        named = [alone for row in named for alone in _instance_rows(row, facts.instances)]
    return tuple(
        row for row in named if facts.state is None or _is_loaded(look_up(row, facts.state, ""), facts.loaded_states)
    )


def _instance_rows(row: Row, instances: str) -> list[dict[str, Json]]:
    """The row once for each loaded instance of its model, with that instance alone."""
    found = row.get(instances)
    return [{**row, instances: [instance]} for instance in found] if isinstance(found, list) else []


def _is_loaded(state: Json, loaded_states: tuple[Json, ...]) -> bool:
    return state in loaded_states if loaded_states else bool(state)


def _suspended_model(model: Model, kind: ServerKind, row: Row) -> SuspendedService | None:
    """A loaded model: unloaded by its instance id, loaded again with the settings that it has now."""
    facts, call = kind.lifecycle.loaded_models, kind.lifecycle.restore or kind.lifecycle.load
    unload = unload_step(model, kind, row)
    if facts is None or call is None or unload is None:
        return None
    model_id = str(look_up(row, facts.id, ""))
    settings = {field: look_up(row, json_path, "") for field, json_path in facts.restored_fields.items()}
    known = {field: value for field, value in settings.items() if value is not None}
    named = replace(model, model=model_id)
    load = api_step(f"load {model_id} again", named, call, known)
    return SuspendedService(f"{model_id} loaded in {kind.title}", (unload,), (load,), loaded_model=named)
