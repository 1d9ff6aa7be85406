"""A contender and its settings, and the name of one of its trials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from harness.types.common import Json


@dataclass(frozen=True, slots=True)
class Sampling:
    """What is sent with every request; None is not sent."""

    temperature: float | None = 0.0
    top_p: float | None = 1.0
    top_k: int | None = None
    min_p: float | None = None
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """How a model's server is started and stopped, for the time of its trials only.

    Every command is a list of words that no shell reads. `running` ends with 0 while the server runs. `memory_bytes`
    is what the loaded model takes. Which fields `by` needs stands in schemas/config.v1.schema.json.
    """

    by: Literal["api", "process", "launchd", "commands"]
    start: tuple[str, ...] = ()
    stop: tuple[str, ...] = ()
    running: tuple[str, ...] = ()
    service: str | None = None
    plist: str | None = None
    domain: Literal["gui", "system"] = "gui"
    ready_s: float = 600.0
    stop_s: float = 30.0
    memory_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Model:
    """One contender: a model id, its server, its settings. `key_env` names the variable that holds the key.

    `tunnel` is an SSH destination on which the server listens at the port of `base_url`; `lifecycle` None means that
    the user starts and stops the server.
    """

    label: str
    server: str
    base_url: str
    model: str
    thinking: Literal["on", "off", "default"] = "default"
    sampling: Sampling = field(default_factory=Sampling)
    context_tokens: int | None = None
    key_env: str | None = None
    extra: Mapping[str, Json] = field(default_factory=dict)
    facts: Mapping[str, Json] = field(default_factory=dict)
    simulated: bool = False
    tunnel: str | None = None
    lifecycle: Lifecycle | None = None


@dataclass(frozen=True, slots=True)
class TrialKey:
    """Which trial: unique in a run."""

    model: str
    task: str
    trial: int
    warmup: bool = False
