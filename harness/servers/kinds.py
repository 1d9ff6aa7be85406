"""The nouns of a server kind: what is known of its stream, its cache, its context and its life. Facts only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from harness.types import Json

PreTokenEvent = Literal["comment", "role_chunk", "keepalive_chunk", "fake_reasoning", "echo"]
"""What a stream may hold before its prefill is done, none of which is a token."""


@dataclass(frozen=True, slots=True)
class FactLocation:
    """Where a fact stands: `path` from the server's root, `at` as `pick` reads it. `{model}` is the model's id.

    It is asked by GET, or with a `body` by POST.
    """

    path: str
    at: str
    body: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ApiCall:
    """A request of the server's own API. `{model}` in path and body is the model's id."""

    method: Literal["GET", "POST", "DELETE"]
    path: str
    body: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ThinkingFacts:
    """How thinking is switched: fields to merge into the request, None where no switch is known.

    The switch is proven by the channel `proof` of the reply: filled when on, blank when off. `needs` names a setting
    of the server without which thoughts stay in the text.
    """

    default: Literal["on", "off", "model"]
    proof: Literal["reasoning"]
    on: Mapping[str, Json] | None = None
    off: Mapping[str, Json] | None = None
    needs: str | None = None


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """How the reply is streamed; "any" where a kind varies or nobody has looked."""

    before_prefill: tuple[PreTokenEvent, ...]
    role_chunk: Literal["before_prefill", "after_prefill", "with_first_token", "every_chunk", "any"]
    reasoning_keys: tuple[str, ...]
    tool_calls: Literal["pieces", "whole", "any"]
    usage: Literal["own_chunk", "finish_chunk", "both", "any"]
    done: bool
    tokens_per_event: Literal["one", "many", "any"]


@dataclass(frozen=True, slots=True)
class CacheFacts:
    """The prefix cache: where `usage` tells it (None: not told), and request fields that switch it off."""

    survives_restart: bool
    cached_tokens: str | None = None
    off: Mapping[str, Json] | None = None


@dataclass(frozen=True, slots=True)
class TimingFacts:
    """The server's own speeds, below `at` in the stream; `prompt_counts` says what its prefill rate divides."""

    at: str
    prefill_tps: str
    decode_tps: str
    prompt_counts: Literal["all", "uncached"]


@dataclass(frozen=True, slots=True)
class ContextFacts:
    """The context cap: where the served one and the model's own are read, which setting makes it, and its error."""

    setting: str
    overflow: Literal["http_400", "error_in_200", "silent_cut", "unchecked"]
    overflow_marks: tuple[str, ...]
    reads: tuple[FactLocation, ...] = ()
    model_reads: tuple[FactLocation, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadinessFacts:
    """Ready is HTTP 200 at `path`, with `value` at `at` where these are given (`at` alone: something stands there).

    `lies` says what to ask instead, where this answer comes before the model is loaded. Something that holds at
    `failed` in the same answer means that the load has failed and no waiting helps.
    """

    path: str
    at: str | None = None
    value: Json = None
    lies: str | None = None
    failed: str | None = None


@dataclass(frozen=True, slots=True)
class ModelListing:
    """Which models a server holds: the rows below `rows` at `path` where `where` holds something, or one of `values`.

    `id` is what loads a model again, `instance` (by default the same) what lets go of it; `keep` are fields of the
    load's body, with the place in the row where their values stand.
    """

    path: str
    rows: str
    id: str
    where: str | None = None
    values: tuple[Json, ...] = ()
    instance: str | None = None
    keep: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LifecycleFacts:
    """Who loads and lets go of a model: the server's API, its process's start and end, or the user.

    `restore` loads what was loaded before the run (None: as `load` does); `context` is the field of the load's body
    that sets the context; `size` is where the server tells a model's bytes.
    """

    by: Literal["api", "process", "user"]
    load: ApiCall | None = None
    unload: ApiCall | None = None
    restore: ApiCall | None = None
    loaded: ModelListing | None = None
    size: FactLocation | None = None
    context: str | None = None


@dataclass(frozen=True, slots=True)
class ServerKind:
    """One kind of model server. `must_send` fields have surprising defaults; `ignored` ones are read by nobody,
    `refused` ones make it refuse the request.

    A server where something stands at one of the `signs` is of this kind.
    """

    name: str
    title: str
    default_port: int
    max_tokens_key: str
    must_send: tuple[str, ...]
    ignored: tuple[str, ...]
    thinking: ThinkingFacts
    stream: StreamFacts
    cache: CacheFacts
    context: ContextFacts
    readiness: ReadinessFacts
    lifecycle: LifecycleFacts
    timings: TimingFacts | None = None
    version: FactLocation | None = None
    signs: tuple[FactLocation, ...] = ()
    refused: tuple[str, ...] = ()
