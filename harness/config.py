"""bench.toml -> Config: the models and how often each is asked. Every fault in one pass, with its line."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from harness.errors import ConfigError
from harness.files import build, sha256_of, sha256_of_file
from harness.schema import validate
from harness.servers import kind_of, request_faults
from harness.types import Json, Lane, Model, RunSettings


@dataclass(frozen=True, slots=True)
class Config:
    """A checked bench.toml."""

    settings: RunSettings
    models: tuple[Model, ...]
    lanes: tuple[Lane, ...] = ()


def _line_of(text: str, place: str) -> int | None:
    """The line where a JSON path such as `$.models[1].base_url` stands, as near as TOML's tables show it."""
    parts = re.findall(r"\.([A-Za-z0-9_-]+)|\[(\d+)\]", place)
    lines = text.splitlines()
    line = 0
    for at, (name, number) in enumerate(parts):
        if number:
            heads = [n for n, one in enumerate(lines) if one.strip().startswith(f"[[{parts[at - 1][0]}]]")]
            line = heads[int(number)] if int(number) < len(heads) else line
        elif name:
            found = re.compile(rf"^\s*(?:\[+[^\]]*\b)?{re.escape(name)}\b")
            line = next((n for n in range(line, len(lines)) if found.match(lines[n])), line)
    return line + 1 if lines else None


def _fault(path: Path, text: str, fault: str) -> str:
    place = fault.split(":", 1)[0].strip()
    line = _line_of(text, place) if place.startswith("$") else None
    return f"{path}, line {line}: {fault}" if line else f"{path}: {fault}"


def _further_faults(models: Sequence[Mapping[str, Json]]) -> list[str]:
    faults = []
    labels: dict[str, int] = {}
    for at, model in enumerate(models):
        first = labels.setdefault(model["label"], at)
        if first != at:
            faults.append(
                f"$.models[{at}].label: {model['label']!r} is already models[{first}]: give each its own label"
            )
        try:
            kind = kind_of(model["server"])
        except ConfigError as error:
            faults.append(f"$.models[{at}].server: {error}")
        else:
            faults += [f"$.models[{at}].{place}: {why}" for place, why in request_faults(kind, build(Model, model))]
        faults += [f"$.models[{at}].base_url: {why}" for why in _address_faults(model["base_url"])]
        faults += _lifecycle_faults(at, model)
        named = model.get("facts", {}).get("file")
        if named is not None and not Path(named).expanduser().exists():
            faults.append(f"$.models[{at}].facts.file: there is no {named}: correct it, or leave it out")
        if "key_env" in model and not os.environ.get(model["key_env"]):
            faults.append(
                f"$.models[{at}].key_env: the environment has no {model['key_env']}: export it before the run"
            )
    return faults


def _address_faults(base_url: str) -> list[str]:
    """An address goes into every file of a run: one that holds a key must not get there, nor be repeated here."""
    parts = urlsplit(base_url)
    if parts.username is None and parts.password is None and not parts.query and not parts.fragment:
        return []
    return ["holds more than an address: leave out user, password and query; a key goes into the environment, key_env"]


_NEEDS = {
    "api": (),
    "process": ("start",),
    "launchd": ("service", "plist"),
    "commands": ("start", "stop", "running"),
}


def _lifecycle_faults(at: int, model: Mapping[str, Json]) -> list[str]:
    """What the chosen way to start and stop a server lacks."""
    cycle, place = model.get("lifecycle"), f"$.models[{at}].lifecycle"
    if cycle is None:
        return []
    faults = [f"{place}.by: {cycle['by']} needs {name}: add it" for name in _NEEDS[cycle["by"]] if name not in cycle]
    if cycle["by"] == "api" and "start" in cycle and "stop" not in cycle:
        faults.append(f"{place}.start: what the run starts it must be able to stop: add stop")
    try:
        by_api = kind_of(model["server"]).lifecycle.by == "api"
    except ConfigError:
        return faults
    if cycle["by"] == "api" and not by_api:
        faults.append(f"{place}.by: {model['server']} loads no model by its API: say process, launchd or commands")
    if model.get("tunnel") is not None and cycle["by"] != "api":
        faults.append(f"{place}.by: a server behind a tunnel can be loaded by its api only: start it there yourself")
    return faults


def load_config(path: Path) -> Config:
    """Read and check a bench.toml. Raises ConfigError, one fault a line, each with its line and its fix."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: no such file; `lanebench init` writes one") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not TOML: {error}") from error
    faults = validate("config", document) or [*_further_faults(document["models"]), *_lane_faults(document)]
    if faults:
        raise ConfigError(*(_fault(path, text, fault) for fault in faults))
    return Config(
        settings=build(RunSettings, document.get("run", {})),
        models=tuple(build(Model, model) for model in document["models"]),
        lanes=tuple(_lane(lane) for lane in document.get("lanes", [])),
    )


def _lane_faults(document: Mapping[str, Json]) -> list[str]:
    """Lanes of one name, and overrides that name nobody."""
    faults, names = [], dict[str, int]()
    labels = [model["label"] for model in document["models"]]
    for at, lane in enumerate(document.get("lanes", [])):
        first = names.setdefault(lane["name"], at)
        if first != at:
            faults.append(f"$.lanes[{at}].name: {lane['name']!r} is already lanes[{first}]: give each its own name")
        chosen = lane.get("override", {}).get("model")
        if chosen is not None and chosen not in labels:
            faults.append(f"$.lanes[{at}].override.model: no model has the label {chosen!r}: {', '.join(labels)}")
    return faults


def _lane(document: Mapping[str, Json]) -> Lane:
    """A lane; tasks that are listed without weights weigh the same."""
    tasks = document["tasks"]
    return build(Lane, {**document, "tasks": dict.fromkeys(tasks, 1.0) if isinstance(tasks, list) else tasks})


def _weighed(path: Path) -> tuple[str, int]:
    """The digest and the bytes of a file; of a folder, the digest of a listing with every file's name and digest."""
    if path.is_file():
        return sha256_of_file(path), path.stat().st_size
    files = sorted(one for one in path.rglob("*") if one.is_file())
    listing = "".join(f"{one.relative_to(path).as_posix()}\0{sha256_of_file(one)}\n" for one in files)
    return sha256_of(listing), sum(one.stat().st_size for one in files)


def with_digest(model: Model) -> Model:
    """The model with the digest and size of its file in place of its path, which would tell where a user keeps things.

    Takes about a second a gigabyte. Raises ConfigError where the file cannot be read.
    """
    facts = dict(model.facts)
    named = facts.pop("file", None)
    if named is None:
        return model
    try:
        digest, size = _weighed(Path(named).expanduser())
    except OSError as error:
        raise ConfigError(f"model {model.label!r}: facts.file cannot be read: {error.strerror}: correct it") from error
    return replace(model, facts={"file_sha256": digest, "file_bytes": size, **facts})


def secret_of(model: Model) -> str | None:
    """The API key of a model, from the environment only. Raises ConfigError when its variable is empty."""
    if model.key_env is None:
        return None
    secret = os.environ.get(model.key_env)
    if not secret:
        raise ConfigError(f"model {model.label!r}: the environment has no {model.key_env}: export it before the run")
    return secret
