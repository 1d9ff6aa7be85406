"""The dataclasses of a server kind: what its TOML file states about requests, stream, cache, context and lifecycle.

`ServerKind` is one TOML file of this folder; `load.py` reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from harness.apis import DEFAULT_API
from harness.types import Json

PreTokenEvent = Literal["comment", "role_chunk", "keepalive_chunk", "synthetic_progress", "synthetic_echo"]
"""What a stream may contain before the prefill is done. None of these is a generated token."""


@dataclass(frozen=True, slots=True)
class PropertyLocation:
    """Where a server reports a property: the URL path to request, and a JSON path (see `look_up`) in its response.

    The request is a GET, or a POST if `body` is given. `{model}` becomes the model id in path and body.
    """

    path: str
    json_path: str
    body: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ApiCall:
    """A request of the server's own API. `{model}` becomes the model id in path and body."""

    method: Literal["GET", "POST", "DELETE"]
    path: str
    body: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ThinkingSpec:
    """The request fields that turn thinking on and off; None if no switch is known.

    `default` is what happens without them ("model": it depends on the model). `requires` names a server setting
    without which the reasoning stays inside the content. `template` is where the server reports the chat template.
    """

    default: Literal["on", "off", "model"]
    on: Mapping[str, Json] | None = None
    off: Mapping[str, Json] | None = None
    requires: str | None = None
    template: PropertyLocation | None = None


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """How a response is streamed; "any" if it varies within the kind or has not been checked.

    `early_events` may arrive before the prefill is done. `usage` says which chunk carries the token counts.
    """

    early_events: tuple[PreTokenEvent, ...]
    role_chunk: Literal["before_prefill", "after_prefill", "with_first_token", "every_chunk", "any"]
    reasoning_keys: tuple[str, ...]
    tool_calls: Literal["incremental", "complete", "any"]
    usage: Literal["separate_chunk", "finish_chunk", "both", "any"]
    sends_done: bool
    tokens_per_event: Literal["one", "many", "any"]


@dataclass(frozen=True, slots=True)
class CacheFacts:
    """The prefix cache: the JSON path of its token count in `usage` (None: not reported), and how to disable it.

    `disable` are request fields; None if no request can disable the cache.
    """

    survives_restart: bool
    cached_tokens: str | None = None
    disable: Mapping[str, Json] | None = None


@dataclass(frozen=True, slots=True)
class TimingFacts:
    """The server's own speeds: the object at `json_path` of the stream and the keys of its two rates.

    `prefill_rate_includes` says whether cached prompt tokens are part of the prefill rate.
    """

    json_path: str
    prefill_tps: str
    decode_tps: str
    prefill_rate_includes: Literal["all", "uncached"]


@dataclass(frozen=True, slots=True)
class ContextFacts:
    """The context window: the setting that sizes it, where its size is reported, what happens beyond it.

    `served_locations` report what the server allots now, `model_locations` what the model supports; the first that
    has a positive integer counts. `overflow_markers` are parts of the error message by which it can be recognized.
    """

    setting: str
    overflow: Literal["http_400", "error_in_200", "silent_truncation", "unchecked"]
    overflow_markers: tuple[str, ...]
    served_locations: tuple[PropertyLocation, ...] = ()
    model_locations: tuple[PropertyLocation, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadinessFacts:
    """The server is ready when `path` returns HTTP 200 and, if given, `json_path` has `value` (None: any value).

    A true value at `failed_json_path` means that loading the model failed, so that waiting is pointless.
    """

    path: str
    json_path: str | None = None
    value: Json = None
    failed_json_path: str | None = None


@dataclass(frozen=True, slots=True)
class ModelListing:
    """How to list the loaded models: the rows at `rows` whose `state` is true, or one of `loaded_states`.

    `id` loads a model again, `instance_id` (by default the same) unloads it. `restored_fields` maps fields of the
    load request to the JSON path of their current value in the row. `instances` names the row's list of loaded
    instances where a model can be loaded more than once; each then counts as a row with that instance alone.
    """

    path: str
    rows: str
    id: str
    state: str | None = None
    loaded_states: tuple[Json, ...] = ()
    instances: str | None = None
    instance_id: str | None = None
    restored_fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LifecycleFacts:
    """How a model is loaded and unloaded: by the server's API, with its process, or only by the user.

    `restore` loads what was loaded before the run (None: as `load`). `context_field` is the field of the load request
    that sets the context; `model_size` reports the size of a model in bytes.
    """

    loaded_by: Literal["api", "process", "user"]
    load: ApiCall | None = None
    unload: ApiCall | None = None
    restore: ApiCall | None = None
    loaded_models: ModelListing | None = None
    model_size: PropertyLocation | None = None
    context_field: str | None = None


@dataclass(frozen=True, slots=True)
class ApiFacts:
    """What a kind does with an API other than chat.

    `thinking_on`, `thinking_off` and `disable_cache` are request fields; None if none is known to work. `extra_fields`
    are sampling fields that it reads although the API has none of that name, `ignored_fields` and `rejected_fields` as
    for the kind. `cached_tokens` says whether its usage counts them; one that always has 0 does not. `gaps` are what it
    lacks or does in its own way.
    """

    thinking_on: Mapping[str, Json] | None = None
    thinking_off: Mapping[str, Json] | None = None
    disable_cache: Mapping[str, Json] | None = None
    extra_fields: tuple[str, ...] = ()
    ignored_fields: tuple[str, ...] = ()
    rejected_fields: tuple[str, ...] = ()
    cached_tokens: bool | None = None
    count_tokens: bool | None = None
    gaps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ServerKind:
    """One kind of model server. Every kind speaks chat; `apis` are the further ones.

    `unusual_defaults` names request fields whose server defaults are surprising, `ignored_fields` those that the server
    ignores, `rejected_fields` those for which it rejects the request. A server that has a value at one of the
    `fingerprints` is of this kind.
    """

    name: str
    title: str
    default_port: int
    max_tokens_field: str
    unusual_defaults: tuple[str, ...]
    ignored_fields: tuple[str, ...]
    thinking: ThinkingSpec
    stream: StreamFacts
    cache: CacheFacts
    context: ContextFacts
    readiness: ReadinessFacts
    lifecycle: LifecycleFacts
    timings: TimingFacts | None = None
    version: PropertyLocation | None = None
    fingerprints: tuple[PropertyLocation, ...] = ()
    rejected_fields: tuple[str, ...] = ()
    apis: Mapping[str, ApiFacts] = field(default_factory=dict)

    @property
    def hosts_many_models(self) -> bool:
        """Whether a server has several models, of which its API loads one: what it lists may be about any of them."""
        return self.lifecycle.loaded_by == "api"

    def speaks(self, api: str) -> bool:
        """Whether it is known to have an API."""
        return api == DEFAULT_API or api in self.apis

    def api_facts(self, api: str) -> ApiFacts:
        """What it does with an API; for chat that is the kind's own facts."""
        if api != DEFAULT_API:
            return self.apis.get(api, ApiFacts())
        return ApiFacts(
            thinking_on=self.thinking.on,
            thinking_off=self.thinking.off,
            disable_cache=self.cache.disable,
            ignored_fields=self.ignored_fields,
            rejected_fields=self.rejected_fields,
            cached_tokens=self.cache.cached_tokens is not None,
        )
