"""The embedded models as models.toml declares them: what each is, its digest, and where its bytes come from.

`load_catalog` reads the file, validated against schemas/embedded.v1.schema.json; `get_embedded_model` gives one model.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from harness.errors import ConfigError
from harness.files import build
from harness.schema import parse_toml, suggestion

CATALOG = Path(__file__).with_name("models.toml")


@dataclass(frozen=True, slots=True)
class HubFile:
    """Where the hub has the file of a model."""

    repository: str
    file: str


@dataclass(frozen=True, slots=True)
class PackagePart:
    """One piece of a model's file: the data file `member` of a package's wheel."""

    package: str
    version: str
    member: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class EmbeddedModel:
    """One model: `sha256` is the digest of its GGUF file, whichever source it comes from.

    `template` is "plain" for a base model without a chat template. `is_default`: asked unless others are named.
    """

    name: str
    title: str
    license: str
    parameters_b: float
    quantization: str
    template: Literal["chat", "plain"]
    context_tokens: int
    is_default: bool
    size_bytes: int
    sha256: str
    parts: tuple[PackagePart, ...]
    hub: HubFile | None = None


def read_catalog(path: Path) -> tuple[EmbeddedModel, ...]:
    """The models of a file like models.toml. Raises ConfigError with every problem and its line."""
    document = parse_toml("embedded", path.read_text(encoding="utf-8"), str(path))
    if document.problems:
        raise ConfigError(*document.problems)
    return tuple(build(EmbeddedModel, model) for model in document.values["models"])


@cache
def load_catalog() -> tuple[EmbeddedModel, ...]:
    """The models that ship with the kit, small ones first."""
    return read_catalog(CATALOG)


def get_embedded_model(name: str) -> EmbeddedModel:
    """The model of that name. Raises ConfigError that lists the known ones and suggests the nearest."""
    models = {model.name: model for model in load_catalog()}
    if name not in models:
        known = ", ".join(models)
        raise ConfigError(
            f"unknown embedded model {name!r}; known: {known}",
            fix=suggestion(name, models) or "name one of them, or all",
        )
    return models[name]
