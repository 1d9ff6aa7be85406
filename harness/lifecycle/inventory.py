"""What runs before the run: services and loaded models of the servers that the config lets the kit stop. Only looks."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace

from harness.errors import ServerError
from harness.lifecycle.actions import works
from harness.lifecycle.steps import SuspendedService, held_model, rows_loaded, service_of
from harness.record import Client
from harness.servers import ServerHandle, endpoint_url, fetch, get_server_kind
from harness.types import Json, Model


def asked_again(client: Client, model: Model) -> ServerHandle:
    """A model that a state names; its key is in the environment or nowhere."""
    return ServerHandle(
        client, model, get_server_kind(model.server), os.environ.get(model.key_env) if model.key_env else None
    )


def _listing(asked: ServerHandle) -> Json:
    """The server's listing of what it holds; None while it does not answer."""
    facts = asked.kind.lifecycle.loaded_models
    if facts is None:
        return None
    try:
        reply = fetch(asked.client, "GET", endpoint_url(asked.model, facts.path), asked.secret)
    except ServerError:
        return None
    return reply.document if reply.status == 200 else None


def loaded_models(asked: ServerHandle) -> tuple[SuspendedService, ...]:
    """The models that a server holds now."""
    rows = rows_loaded(asked.model, asked.kind, _listing(asked))
    found = (held_model(asked.model, asked.kind, row) for row in rows)
    return tuple(one for one in found if one is not None)


def loaded_rows(asked: ServerHandle) -> tuple[Json, ...]:
    """The rows of the server's listing that stand for this very model."""
    facts = asked.kind.lifecycle.loaded_models
    rows = rows_loaded(asked.model, asked.kind, _listing(asked))
    wanted = asked.model.model
    names = (wanted, f"{wanted}:latest")
    return tuple(row for row in rows if facts is not None and (row.get("id") in names or row.get(facts.id) in names))


def _of_service(asked: ServerHandle) -> Iterator[SuspendedService]:
    """A running service goes with everything that it holds, and comes back with it."""
    service = service_of(asked.model)
    models = loaded_models(asked)
    if service is None or service.running is None or service.stop is None or service.start is None:
        yield from models
        return
    if works(service.running):
        back = (service.start, *(step for one in models for step in one.restore))
        yield SuspendedService(service.name, (service.stop,), back, service.running)


def survey(contenders: Sequence[ServerHandle]) -> tuple[SuspendedService, ...]:
    """Everything that has to be put away, each once. Raises ServerError where a command to look is missing."""
    found: dict[tuple[object, ...], SuspendedService] = {}
    for asked in contenders:
        if asked.model.lifecycle is None:
            continue
        for held in _of_service(asked):
            # Two models of one server name the same stop in their own words.
            key = tuple((step.words, step.url, str(step.body)) for step in held.stop)
            found.setdefault(key, replace(held))
    return tuple(found.values())
