"""The reasons not to publish a run: it would mislead its readers, or reveal who its owner is.

`find_refusals` gives all reasons together, `detect_private_strings` collects what must not be published from this
machine, and `host_of` reads the host of a URL from elsewhere.
"""

from __future__ import annotations

import os
import re
import socket
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from harness.bundle.source import LOG, RECORDINGS
from harness.errors import Problem
from harness.files import to_json
from harness.host import is_loopback, is_this_machine
from harness.types import Json, Recording, Result, RunPlan

_DUMMY_KEY = re.compile(r".{0,7}|[A-Za-z._-]{0,12}", re.DOTALL)
"""A word such as `none` or `llama-server` is given to servers that want no key, and occurs in any result by chance."""
MIN_HOST_CHARS = 4
"""Shorter host names occur in ordinary words by chance."""
API_KEYS = re.compile(
    r"sk-[A-Za-z0-9_-]{20,}|hf_[A-Za-z0-9]{20,}|gh[pousr]_[A-Za-z0-9]{30,}|github_pat_\w{30,}|AKIA[0-9A-Z]{16}"
    r"|xox[abp]-[A-Za-z0-9-]{10,}|-----BEGIN [A-Z ]*PRIVATE KEY-----|[Bb]earer\s+[A-Za-z0-9._~+/-]{16,}"
)
"""Keys of OpenAI, Hugging Face, GitHub, AWS and Slack, private keys, and bearer tokens."""
HOME_FOLDERS = re.compile(
    r"(?:/Users|/home)/(?!(?:user|username|you|me|shared|runner)\b)[A-Za-z0-9._-]+|[A-Za-z]:\\+Users\\+\w+"
)
"""Home folders on macOS, Linux and Windows, except the names that examples and CI runners use."""


@dataclass(frozen=True, slots=True)
class PrivateStrings:
    """What must not be in a bundle: the user's home folder, this machine's names, the API keys that were used.

    `api_keys`: value -> the environment variable that has it.
    """

    home: str
    hosts: tuple[str, ...]
    api_keys: Mapping[str, str]


def detect_private_strings(plan: RunPlan | None, environment: Mapping[str, str] = os.environ) -> PrivateStrings:
    """The home folder and host names of this machine, and the values of the keys that the plan's models use."""
    models = plan.models if plan is not None else ()
    found = {environment.get(model.key_env, ""): model.key_env for model in models if model.key_env}
    dummies = {model.server for model in models}
    keys = {key: name for key, name in found.items() if not _DUMMY_KEY.fullmatch(key) and key not in dummies}
    host = socket.gethostname()
    hosts = {name for name in (host, host.split(".")[0]) if len(name) >= MIN_HOST_CHARS and not is_loopback(name)}
    return PrivateStrings(str(Path.home()), tuple(sorted(hosts)), keys)


def host_of(url: str) -> str | None:
    """The host that a URL names; None for one that names none, or a port that no socket has, or is no URL at all."""
    try:
        parts = urlsplit(url)
        # A port is parsed only when it is read.
        return parts.hostname if parts.port is None or parts.port >= 0 else None
    except ValueError:
        return None


def find_refusals(
    result: Result,
    document: Json,
    recordings: Iterator[tuple[int, Recording]] | None,
    private_strings: PrivateStrings,
    log: str = "",
) -> list[Problem]:
    """Every reason not to publish a result (also given as its document) with its recordings and the text of its log.

    Without recordings the answers to private tasks are withheld in the result, too.
    """
    found = [*_misleading(result), *_revealed_in_result(document, private_strings)]
    if recordings is not None:
        found += _private_prompts(result)
    found += [*_secrets(log, LOG, private_strings), *_private_names(log, LOG, private_strings)]
    found += _once_per_model(recordings or (), private_strings)
    return list(dict.fromkeys(found))


def _once_per_model(recordings: Iterable[tuple[int, Recording]], private_strings: PrivateStrings) -> Iterator[Problem]:
    """What recordings reveal: of lines of one model that reveal the same, the first with the number of the others."""
    first: dict[tuple[str, str], Problem] = {}
    counts = Counter[tuple[str, str]]()
    for number, recording in recordings:
        place = f"{RECORDINGS}, line {number}"
        for problem in _revealed_in_recording(place, recording, private_strings):
            kind = recording.key.model, problem.message.removeprefix(place)
            first.setdefault(kind, problem)
            counts[kind] += 1
    for kind, problem in first.items():
        more = f"; and {counts[kind] - 1} more of {kind[0]}" if counts[kind] > 1 else ""
        yield replace(problem, message=problem.message + more)


def _misleading(result: Result) -> Iterator[Problem]:
    if result.run.simulated or any(model.simulated for model in result.models):
        yield Problem("the run is simulated: it measured no model")
    if result.kit.dirty:
        yield Problem(
            "lanebench had uncommitted changes: nobody else can get that version", "commit them and run again"
        )
    if not any(not trial.warmup for trial in result.trials):
        yield Problem("the run has no trials")


def _private_prompts(result: Result) -> Iterator[Problem]:
    for task in result.private_tasks.values():
        names = ", ".join(task.private_includes)
        message = f"the prompt of {task.name} includes private files ({names}), and the recordings contain them"
        yield Problem(message, "publish digests in place of what is private")


def _revealed_in_result(document: Json, private_strings: PrivateStrings) -> Iterator[Problem]:
    yield from _secrets(to_json(document), "result.json", private_strings)
    yield from _private_names(to_json(_without_answers(document)), "result.json", private_strings)


def _without_answers(document: Json) -> Json:
    """The result without what models wrote: paths and names in an answer are not the owner's."""
    answers: Json = {"turns": [], "checks": [], "metrics": {}}
    trials = [{**trial, **answers, "work": _without_patch(trial.get("work"))} for trial in document["trials"]]
    return {**document, "trials": trials}


def _without_patch(work: Json) -> Json:
    """An agent's work without the files that it wrote."""
    return None if work is None else {**work, "patch": ""}


def _revealed_in_recording(place: str, recording: Recording, private_strings: PrivateStrings) -> Iterator[Problem]:
    host = host_of(recording.url)
    if host is None:
        yield Problem(f"{place}: the server's address is no valid URL")
    elif not is_this_machine(host):
        message = f"{place}: the server's address names a host ({host})"
        yield Problem(message, "reach it as 127.0.0.1, through an SSH tunnel")
    headers = to_json(recording.headers)
    yield from _secrets(
        to_json({"request": recording.request, "error": recording.error}), f"{place}, request", private_strings
    )
    yield from _secrets(headers, f"{place}, headers", private_strings)
    yield from _private_names(headers, f"{place}, headers", private_strings)
    response = b"".join(chunk.data for chunk in recording.chunks).decode("utf-8", "replace")
    yield from _secrets(response, f"{place}, response", private_strings)


def _secrets(text: str, place: str, private_strings: PrivateStrings) -> Iterator[Problem]:
    """What no part of a bundle may contain, not even a model's answer."""
    for name in (name for key, name in private_strings.api_keys.items() if key in text):
        fix = f"record again with another key in the environment variable {name}"
        yield Problem(f"{place} contains the value of an API key", fix)
    if found := API_KEYS.search(text):
        yield Problem(f"{place} contains what looks like a key ({found[0][:8]}...)")
    # A container's user often lives in /root, a path that models write by chance.
    if len(private_strings.home) > len("/root") and private_strings.home in text:
        yield Problem(f"{place} contains the path of your home folder")


def _private_names(text: str, place: str, private_strings: PrivateStrings) -> Iterator[Problem]:
    """What may occur in a model's answer by chance, and must not occur anywhere else."""
    if found := HOME_FOLDERS.search(text):
        yield Problem(f"{place} contains a path in a home folder ({found[0]})")
    for host in private_strings.hosts:
        if re.search(rf"(?<![\w.-]){re.escape(host)}(?![\w-])", text):
            yield Problem(f"{place} contains the name of this machine")
