"""Why a run is not published: what would mislead its readers, and what would tell who its owner is."""

from __future__ import annotations

import getpass
import os
import re
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from harness.files import to_json
from harness.types import Json, Recording, Result, RunPlan

LOOPBACK = ("127.0.0.1", "localhost", "::1")
SHORTEST_NAME = 4
_KEYS = re.compile(
    r"sk-[A-Za-z0-9_-]{20,}|hf_[A-Za-z0-9]{20,}|gh[pousr]_[A-Za-z0-9]{30,}|github_pat_\w{30,}|AKIA[0-9A-Z]{16}"
    r"|xox[abp]-[A-Za-z0-9-]{10,}|-----BEGIN [A-Z ]*PRIVATE KEY-----|[Bb]earer\s+[A-Za-z0-9._~+/-]{16,}"
)
_HOMES = re.compile(
    r"(?:/Users|/home)/(?!(?:user|username|you|me|shared|runner)\b)[A-Za-z0-9._-]+|[A-Za-z]:\\+Users\\+\w+"
)


@dataclass(frozen=True, slots=True)
class Owner:
    """What must not be in a bundle: this user's home, name and machine, and the values of the keys that were used."""

    home: str
    user: str
    hosts: tuple[str, ...]
    secrets: tuple[str, ...]


def _long_enough(names: set[str]) -> tuple[str, ...]:
    """Short names stand in ordinary words by chance."""
    return tuple(sorted(name for name in names if len(name) >= SHORTEST_NAME and name not in LOOPBACK))


def owner_here(plan: RunPlan | None, environment: Mapping[str, str] = os.environ) -> Owner:
    """The owner of this machine, as far as the machine knows."""
    variables = {model.key_env for model in plan.models if model.key_env} if plan is not None else set()
    secrets = {environment[name] for name in variables if environment.get(name)}
    host = socket.gethostname()
    return Owner(str(Path.home()), getpass.getuser(), _long_enough({host, host.split(".")[0]}), tuple(sorted(secrets)))


def _misleading(result: Result) -> Iterator[str]:
    if result.run.simulated or any(model.simulated for model in result.models):
        yield "the run is simulated: nothing in it was measured"
    if result.kit.dirty:
        yield "the kit had changes that are in no commit: nobody else has that kit; commit them and run again"
    if not any(not trial.warmup for trial in result.trials):
        yield "the run has no trials"
    for task in result.tasks:
        if task.private_includes:
            names = ", ".join(task.private_includes)
            yield f"{task.name} has private files in its prompt ({names}), and the recordings hold them whole"


def _texts_of(recording: Recording) -> Iterator[tuple[str, str]]:
    yield "request", to_json({"request": recording.request, "error": recording.error})
    yield "headers", to_json(recording.headers)
    yield "reply", b"".join(chunk.data for chunk in recording.chunks).decode("utf-8", "replace")


def _without_answers(document: Json) -> Json:
    """The result without what models wrote, in which paths and names of anybody may stand."""
    trials = [{**trial, "turns": [], "checks": []} for trial in document["trials"]]
    return {**document, "trials": trials}


def _telling(text: str, place: str, owner: Owner) -> Iterator[str]:
    """What no part of a bundle may hold."""
    for secret in owner.secrets:
        if secret in text:
            yield f"{place} holds the value of an API key"
    if found := _KEYS.search(text):
        yield f"{place} holds what looks like a key ({found.group()[:8]}...)"
    if len(owner.home) > len("/root") and owner.home in text:
        yield f"{place} holds the path of your home folder"


def _told_outside_answers(text: str, place: str, owner: Owner) -> Iterator[str]:
    """What may stand in a model's own words by chance, and nowhere else."""
    if found := _HOMES.search(text):
        yield f"{place} holds a path in somebody's home ({found.group()})"
    for host in owner.hosts:
        if re.search(rf"(?<![\w.-]){re.escape(host)}(?![\w-])", text):
            yield f"{place} holds this machine's name"


def _of_recording(number: int, recording: Recording, owner: Owner) -> Iterator[str]:
    place = f"recordings.jsonl, line {number}"
    host = urlsplit(recording.url).hostname or ""
    if host not in LOOPBACK:
        yield f"{place}: the server's address names a host ({host}): reach it as 127.0.0.1 (by `ssh -L`)"
    for name, text in _texts_of(recording):
        yield from _telling(text, f"{place}, {name}", owner)
        if name == "headers":
            yield from _told_outside_answers(text, f"{place}, {name}", owner)


def refusals(result: Result, document: Json, recordings: Iterator[tuple[int, Recording]], owner: Owner) -> list[str]:
    """Every reason not to publish, once each; [] when there is none."""
    found = list(_misleading(result))
    whole, own = to_json(document), to_json(_without_answers(document))
    found += _telling(whole, "result.json", owner)
    found += _told_outside_answers(own, "result.json", owner)
    for number, recording in recordings:
        found += _of_recording(number, recording, owner)
    return list(dict.fromkeys(found))
