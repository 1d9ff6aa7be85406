"""Which model answered, by what the responses report, and which host it was on.

`check_served_models` compares the turns of a run with each other only: servers name a model by its id, an alias, a path
or a dated snapshot, so that no name is wrong by itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from urllib.parse import urlsplit

from harness.errors import first_of
from harness.host import is_this_machine
from harness.types import Finding, Json, Reading, Recording, TrialKey
from harness.verify.evidence import Evidence
from harness.verify.json_diff import MAX_DIFFERENCES

MAX_NAME_CHARS = 120
MAX_NAMES = 4


@dataclass(frozen=True, slots=True)
class AnsweringServer:
    """Where a request went, the model id that it asked for, and the one that the response reports; None for none."""

    host: str
    port: int | None
    requested: str | None
    reported: str | None


def answering_server(recording: Recording, reading: Reading) -> AnsweringServer:
    """Who answered a turn, whose URL is valid."""
    url = urlsplit(recording.url)
    requested: Json = recording.request.get("model")
    reported = reading.reported_model
    return AnsweringServer(
        url.hostname or "",
        url.port,
        requested[:MAX_NAME_CHARS] if isinstance(requested, str) else None,
        None if reported is None else reported[:MAX_NAME_CHARS],
    )


def check_served_models(
    evidence: Evidence, turns: Iterable[tuple[TrialKey, AnsweringServer]], location: str
) -> Iterator[Finding]:
    """Each model's turns report one model on one host, and models of different ids are not reported as the same."""
    by_label: dict[str, list[AnsweringServer]] = defaultdict(list)
    for key, server in turns:
        by_label[key.model].append(server)
    for text in islice(_several_names(by_label), MAX_DIFFERENCES):
        yield Finding("served-models", location, text, "warning")
    for text in islice(_same_name(evidence, by_label), MAX_DIFFERENCES):
        yield Finding("served-models", location, text, "warning")
    yield from _hosts(by_label, location)


def _several_names(by_label: Mapping[str, Iterable[AnsweringServer]]) -> Iterator[str]:
    """An agent may ask for several ids: only what was reported for the same id is compared."""
    for label, servers in by_label.items():
        names: dict[str | None, dict[str, None]] = defaultdict(dict)
        for server in servers:
            if server.reported is not None:
                names[server.requested][server.reported] = None
        for reported in names.values():
            if len(reported) > 1:
                yield f"{label}: its responses report several models: {first_of(reported, MAX_NAMES)}"


def _same_name(evidence: Evidence, by_label: Mapping[str, Iterable[AnsweringServer]]) -> Iterator[str]:
    """A server that ignores the field `model` answers for all models with the one that it has loaded."""
    ids = {model.label: model.model for model in evidence.result.models}
    labels: dict[tuple[str, int | None, str], dict[str, None]] = defaultdict(dict)
    for label, servers in by_label.items():
        for server in servers:
            # What an agent asks for beside its model says nothing of that model.
            if label in ids and server.reported is not None and server.requested == ids[label]:
                labels[server.host, server.port, server.reported][label] = None
    for (_, _, reported), found in labels.items():
        if len({ids[label] for label in found}) > 1:
            yield (
                f"{first_of(found, MAX_NAMES)} are models of different ids on one server, which reports {reported} "
                "for each: it has one name for all, or the same weights answered"
            )


def _hosts(by_label: Mapping[str, Iterable[AnsweringServer]], location: str) -> Iterator[Finding]:
    """Another port is no other machine: a server that is started again may get another one."""
    elsewhere: dict[str, None] = {}
    for label, servers in by_label.items():
        hosts = dict.fromkeys("this machine" if is_this_machine(each.host) else each.host for each in servers)
        if len(hosts) > 1:
            text = f"{label}: its requests went to several hosts: {first_of(hosts, MAX_NAMES)}"
            yield Finding("served-models", location, text, "warning")
        elif "this machine" not in hosts:
            elsewhere |= hosts
    if elsewhere:
        text = "not this machine but another host answered, whose hardware may be another"
        yield Finding("served-models", location, f"{text}: {first_of(elsewhere, MAX_NAMES)}", "info")
