"""A model as configured: its id, server, sampling and lifecycle; and the key that identifies one of its trials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from harness.types.common import Json


@dataclass(frozen=True, slots=True)
class Sampling:
    """Sampling parameters of every request; a parameter that is None is not sent."""

    temperature: float | None = 0.0
    top_p: float | None = 1.0
    top_k: int | None = None
    min_p: float | None = None
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """How a model's server is started and stopped; it runs only while its trials run.

    `start`, `stop` and `status` are argument lists, executed without a shell; `status` exits with 0 while the server
    runs. `memory_bytes` is the memory that the loaded model needs. schemas/config.v1.schema.json says which fields each
    value of `method` requires.
    """

    method: Literal["api", "process", "launchd", "commands"]
    start: tuple[str, ...] = ()
    stop: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    service: str | None = None
    plist: str | None = None
    domain: Literal["gui", "system"] = "gui"
    ready_timeout_s: float = 600.0
    stop_timeout_s: float = 30.0
    memory_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Model:
    """One model to measure: its id, its server and its settings; `label` is its unique name in the run.

    `api` is one of harness/apis: over which API it is asked. With an `agent` it is a contender of its own: that agent,
    driven by this model, at this version.
    `key_env` is the name of the environment variable that holds the API key. `tunnel` is an SSH destination: the server
    listens there on the port of `base_url`, which is forwarded. `lifecycle` None: the user runs the server. `extra` is
    merged into every request body, `facts` are what the user declares about the model (size, quantization).
    """

    label: str
    server: str
    base_url: str
    model: str
    api: str = "chat"
    thinking: Literal["on", "off", "default"] = "default"
    sampling: Sampling = field(default_factory=Sampling)
    context_tokens: int | None = None
    key_env: str | None = None
    extra: Mapping[str, Json] = field(default_factory=dict)
    facts: Mapping[str, Json] = field(default_factory=dict)
    simulated: bool = False
    tunnel: str | None = None
    lifecycle: Lifecycle | None = None
    agent: str | None = None
    agent_version: str | None = None


@dataclass(frozen=True, slots=True)
class TrialKey:
    """Identifies a trial within a run; `trial` counts from 0, warm-ups separately."""

    model: str
    task: str
    trial: int
    warmup: bool = False
