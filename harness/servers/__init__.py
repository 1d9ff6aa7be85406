"""Model servers: their kinds (one TOML file each in this folder), untimed queries, discovery, context fit and probe.

A `ServerHandle` names one server to query. `get_server_kind` finds a kind, `build_request_body` builds requests in
its dialect, `fetch` sends untimed HTTP requests, `probe` compares a live server with its kind.
"""

from harness.servers.api import endpoint_url, fill_body, look_up
from harness.servers.context_fit import (
    ContextFit,
    ContextNeed,
    cut_thinking_budgets,
    fit_tasks,
    skip_oversized_tasks,
)
from harness.servers.discovery import default_urls, find_servers
from harness.servers.http import HttpReply, NotListeningError, RequestTimeouts, fetch
from harness.servers.kinds import (
    ApiCall,
    ApiFacts,
    CacheFacts,
    ContextFacts,
    LifecycleFacts,
    ModelListing,
    PreTokenEvent,
    PropertyLocation,
    ReadinessFacts,
    ServerKind,
    StreamFacts,
    ThinkingSpec,
    TimingFacts,
)
from harness.servers.load import get_server_kind, load_kinds, read_kind, read_kinds
from harness.servers.model_check import confirm_model
from harness.servers.probe import observe, probe, probe_api
from harness.servers.query import (
    ServerHandle,
    count_of,
    find_refusal,
    is_ready,
    list_models,
    query_model_context,
    query_served_context,
    query_version,
    read_property,
)
from harness.servers.requests import (
    build_request_body,
    build_request_fields,
    compute_max_tokens,
    find_request_problems,
    find_unapplied_settings,
    max_tokens_field,
    with_trial_seed,
)
from harness.servers.starter_config import count_left_out, write_config
from harness.servers.thinking import learn_thinking, thinking_allowance

__all__ = [
    "ApiCall",
    "ApiFacts",
    "CacheFacts",
    "ContextFacts",
    "ContextFit",
    "ContextNeed",
    "HttpReply",
    "LifecycleFacts",
    "ModelListing",
    "NotListeningError",
    "PreTokenEvent",
    "PropertyLocation",
    "ReadinessFacts",
    "RequestTimeouts",
    "ServerHandle",
    "ServerKind",
    "StreamFacts",
    "ThinkingSpec",
    "TimingFacts",
    "build_request_body",
    "build_request_fields",
    "compute_max_tokens",
    "confirm_model",
    "count_left_out",
    "count_of",
    "cut_thinking_budgets",
    "default_urls",
    "endpoint_url",
    "fetch",
    "fill_body",
    "find_refusal",
    "find_request_problems",
    "find_servers",
    "find_unapplied_settings",
    "fit_tasks",
    "get_server_kind",
    "is_ready",
    "learn_thinking",
    "list_models",
    "load_kinds",
    "look_up",
    "max_tokens_field",
    "observe",
    "probe",
    "probe_api",
    "query_model_context",
    "query_served_context",
    "query_version",
    "read_kind",
    "read_kinds",
    "read_property",
    "skip_oversized_tasks",
    "thinking_allowance",
    "with_trial_seed",
    "write_config",
]
