"""Reads bench.toml: the run's settings, the models to measure, and the lanes they are wanted for.

`load_config` reports every problem in one pass, each with its line: those of the schema, and those that a schema
cannot express. `with_digest` and `read_api_key` resolve what a configuration only refers to.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from harness.errors import ConfigError, Problem
from harness.files import build, sha256_of, sha256_of_file
from harness.record import authorization, parse_url
from harness.schema import Location, TomlDocument, parse_toml, suggestion
from harness.servers import ServerKind, find_request_problems, get_server_kind
from harness.types import Json, Lane, Model, RunSettings

MAX_LABEL_CHARS = 64
"""As the schemas have it for every label."""
_CORRECT_FILE = "correct the path or remove it"


@dataclass(frozen=True, slots=True)
class Config:
    """A checked bench.toml. `agents` are the names of the agents that a model drives, by its label."""

    settings: RunSettings
    models: tuple[Model, ...]
    lanes: tuple[Lane, ...] = ()
    agents: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def load_config(path: Path, *, for_requests: bool = True) -> Config:
    """Read and check a bench.toml. Raises ConfigError with every problem, each with its line.

    `for_requests`: its models will be asked, so that their API keys and files have to be there, too.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: no such file") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    bench = parse_toml("config", text, str(path))
    document = bench.values
    problems = bench.problems or tuple(_cross_checks(bench, for_requests=for_requests))
    if problems:
        raise ConfigError(*problems)
    return Config(
        settings=build(RunSettings, document.get("run", {})),
        models=tuple(map(_model, document["models"])),
        lanes=tuple(_lane(lane) for lane in document.get("lanes", [])),
        agents={model["label"]: tuple(_agents(model)) for model in document["models"] if "agent" in model},
    )


def contender_label(label: str, agent: str) -> str:
    """The name of a model with an agent, in tables and files."""
    return f"{label}+{agent}"


def _model(document: Mapping[str, Json]) -> Model:
    return build(Model, {key: value for key, value in document.items() if key != "agent"})


def _agents(model: Mapping[str, Json]) -> list[str]:
    agents = model.get("agent", [])
    return [agents] if isinstance(agents, str) else list(agents)


def _lane(document: Mapping[str, Json]) -> Lane:
    """A lane; tasks that are listed without weights weigh the same."""
    tasks = document["tasks"]
    return build(Lane, {**document, "tasks": dict.fromkeys(tasks, 1.0) if isinstance(tasks, list) else tasks})


def _cross_checks(bench: TomlDocument, *, for_requests: bool) -> Iterator[Problem]:
    """What the schema cannot express: references between tables, to files, to the environment, to server kinds."""
    models, location = bench.values["models"], bench.location
    yield from _duplicates(models, "label", location.at("models"))
    for index, model in enumerate(models):
        yield from _model_problems(model, location.at("models", index))
        for key, problem in find_missing_inputs(_model(model)) if for_requests else ():
            yield location.at("models", index, *key.split(".")).problem(problem.message, problem.fix)
    yield from _agent_problems(models, location.at("models"))
    yield from _lane_problems(bench.values, location)


def _duplicates(rows: Sequence[Mapping[str, Json]], key: str, location: Location) -> Iterator[Problem]:
    first_with: dict[str, int] = {}
    for index, row in enumerate(rows):
        first = first_with.setdefault(row[key], index)
        if first != index:
            here = location.at(index, key)
            yield here.problem(f"{row[key]!r} is already the {key} of {location.path[-1]}[{first}]", "choose another")


def _model_problems(model: Mapping[str, Json], location: Location) -> Iterator[Problem]:
    try:
        kind = get_server_kind(model["server"])
    except ConfigError as error:
        yield from (location.at("server").problem(problem.message, problem.fix) for problem in error.problems)
    else:
        for key, problem in find_request_problems(kind, _model(model)):
            yield location.at(*key.split(".")).problem(problem.message, problem.fix)
        yield from _lifecycle_problems(model, kind, location.at("lifecycle"))
    yield from _address_problems(model["base_url"], location.at("base_url"))


def find_missing_inputs(model: Model) -> Iterator[tuple[str, Problem]]:
    """What a model's requests need of this machine and do not find: the key in the model's table, the problem."""
    file = model.facts.get("file")
    if file is not None and not Path(file).expanduser().exists():
        yield "facts.file", Problem(f"no such file: {file}", _CORRECT_FILE)
    if model.key_env is None:
        return
    api_key = os.environ.get(model.key_env)
    if not api_key:
        yield "key_env", Problem(f"the environment variable {model.key_env} is not set", "export it before the run")
        return
    try:
        authorization(api_key)
    except ConfigError as error:
        yield from (("key_env", problem) for problem in error.problems)


def _address_problems(base_url: str, location: Location) -> Iterator[Problem]:
    """A base_url goes into every file of a run: one that holds a key must not get there, nor be repeated here."""
    try:
        parse_url(base_url)
    except ConfigError:
        yield location.problem("invalid URL", "write it as http://HOST:PORT/v1, with a port from 1 to 65535")
        return
    parts = urlsplit(base_url)
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        yield location.problem(
            "an address must not contain credentials, a query or a fragment",
            "put an API key into an environment variable and name it in key_env",
        )


_COMMANDS = ("start", "stop", "status")
_METHOD_FIELDS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "api": ((), _COMMANDS),
    "process": (("start",), ("status",)),
    "launchd": (("service", "plist"), ("domain",)),
    "commands": (_COMMANDS, ()),
}
"""The fields of [models.lifecycle] that each `method` needs, and those that it also uses, besides those of all."""
_FIELDS_OF_SOME_METHODS = sorted({name for fields in _METHOD_FIELDS.values() for some in fields for name in some})


def _lifecycle_problems(model: Mapping[str, Json], kind: ServerKind, location: Location) -> Iterator[Problem]:
    """What the chosen way to start and stop a server lacks, and what it would never use."""
    lifecycle = model.get("lifecycle")
    if lifecycle is None:
        return
    method = lifecycle["method"]
    yield from _method_field_problems(lifecycle, location)
    if method == "api" and "start" in lifecycle and "stop" not in lifecycle:
        yield location.at("start").problem("a run that starts the server must be able to stop it", "add stop")
    if method == "api" and kind.lifecycle.loaded_by != "api":
        yield location.at("method").problem(
            f"{model['server']} has no API for loading a model", "use process, launchd or commands"
        )
    if model.get("tunnel") is not None and method != "api":
        yield location.at("method").problem(
            "a server behind a tunnel can be loaded by its API only", 'use method = "api", or start it there yourself'
        )


def _method_field_problems(lifecycle: Mapping[str, Json], location: Location) -> Iterator[Problem]:
    """The fields that the method requires and that are missing, and those that are there and that it never uses."""
    method = lifecycle["method"]
    required, optional = _METHOD_FIELDS[method]
    for name in required:
        if name not in lifecycle:
            yield location.at("method").problem(f"method = {method!r} requires the field {name!r}", f"add {name}")
    for name in _FIELDS_OF_SOME_METHODS:
        if name in lifecycle and name not in (*required, *optional):
            effect = "this command would never run" if name in _COMMANDS else "this value would never be read"
            yield location.at(name).problem(
                f"method = {method!r} has no use for {name!r}: {effect}", "remove it, or use another method"
            )


def _labels(model: Mapping[str, Json]) -> list[str]:
    """The names of a model alone and with each of its agents."""
    return [model["label"], *(contender_label(model["label"], agent) for agent in _agents(model))]


def _agent_problems(models: Sequence[Mapping[str, Json]], location: Location) -> Iterator[Problem]:
    """Names of a model with an agent that are too long or taken."""
    taken = [model["label"] for model in models]
    for at, model in enumerate(models):
        here = location.at(at, "agent")
        for label in _labels(model)[1:]:
            if len(label) > MAX_LABEL_CHARS:
                yield here.problem(f"{label!r} has more than {MAX_LABEL_CHARS} characters", "shorten the model's label")
            if label in taken:
                yield here.problem(f"{label!r} is the label of a model", "give that model another label")


def _lane_problems(document: Mapping[str, Json], location: Location) -> Iterator[Problem]:
    """Duplicate lane names, and overrides with an unknown model."""
    lanes = document.get("lanes", [])
    labels = [label for model in document["models"] for label in _labels(model)]
    yield from _duplicates(lanes, "name", location.at("lanes"))
    for index, lane in enumerate(lanes):
        model = lane.get("override", {}).get("model")
        if model is not None and model not in labels:
            fix = suggestion(model, labels) or f"known labels: {', '.join(labels)}"
            yield location.at("lanes", index, "override", "model").problem(f"no model has the label {model!r}", fix)


def with_digest(model: Model) -> Model:
    """The model with its file's digest and size in place of the path, which would reveal the user's folders.

    Takes about a second per gigabyte. Raises ConfigError if the file cannot be read, a folder has no files, or the
    digest or the size that the configuration declares is another one.
    """
    facts = dict(model.facts)
    file = facts.pop("file", None)
    if file is None:
        return model
    try:
        digest, size_bytes = _digest_and_size(Path(file).expanduser())
    except OSError as error:
        message = f"model {model.label!r}: facts.file cannot be read: {error.strerror}"
        raise ConfigError(message, fix=_CORRECT_FILE) from error
    if not size_bytes:
        raise ConfigError(f"model {model.label!r}: facts.file has no bytes: {file}", fix=_CORRECT_FILE)
    found: dict[str, Json] = {"file_sha256": digest, "file_bytes": size_bytes}
    problems = [
        Problem(
            f"model {model.label!r}: facts.{name} is {facts[name]}, that of facts.file is {value}",
            fix=f"remove {name}, which is taken from the file, or correct the path",
        )
        for name, value in found.items()
        if facts.get(name, value) != value
    ]
    if problems:
        raise ConfigError(*problems)
    return replace(model, facts={**found, **facts})


def _digest_and_size(path: Path) -> tuple[str, int]:
    """A file's digest and bytes; for a folder, the digest of a listing of its files' names and digests."""
    if path.is_file():
        return sha256_of_file(path), path.stat().st_size
    files = sorted(file for file in path.rglob("*") if file.is_file())
    listing = "".join(f"{file.relative_to(path).as_posix()}\0{sha256_of_file(file)}\n" for file in files)
    return sha256_of(listing), sum(file.stat().st_size for file in files)


def read_api_key(model: Model) -> str | None:
    """A model's API key, which only the environment holds. Raises ConfigError if its variable is not set."""
    if model.key_env is None:
        return None
    api_key = os.environ.get(model.key_env)
    if not api_key:
        raise ConfigError(
            f"model {model.label!r}: the environment variable {model.key_env} is not set",
            fix="export it before the run",
        )
    return api_key
