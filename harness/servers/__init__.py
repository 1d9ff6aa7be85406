"""The server kinds: one TOML each beside this file, read into frozen dataclasses. Facts only: asks no server."""

from harness.servers.context_fit import Need, fit, skip_what_does_not_fit
from harness.servers.discovery import find_servers, usual_urls, write_config
from harness.servers.http import Reply, fetch
from harness.servers.kinds import (
    CacheFacts,
    Call,
    ContextFacts,
    Early,
    LifecycleFacts,
    Loaded,
    Place,
    ReadinessFacts,
    ServerKind,
    StreamFacts,
    Thinking,
    TimingFacts,
)
from harness.servers.load import kind_of, load_kinds, read_kind, read_kinds
from harness.servers.probe import observe, probe
from harness.servers.query import Asked, answers, fact, list_models, own_context, says_ready, served_context, version_of
from harness.servers.requests import (
    body_of,
    budget_tokens,
    pick,
    request_body,
    request_faults,
    request_fields,
    seeded,
    told_of_request,
    url_of,
)

__all__ = [
    "Asked",
    "CacheFacts",
    "Call",
    "ContextFacts",
    "Early",
    "LifecycleFacts",
    "Loaded",
    "Need",
    "Place",
    "ReadinessFacts",
    "Reply",
    "ServerKind",
    "StreamFacts",
    "Thinking",
    "TimingFacts",
    "answers",
    "body_of",
    "budget_tokens",
    "fact",
    "fetch",
    "find_servers",
    "fit",
    "kind_of",
    "list_models",
    "load_kinds",
    "observe",
    "own_context",
    "pick",
    "probe",
    "read_kind",
    "read_kinds",
    "request_body",
    "request_faults",
    "request_fields",
    "says_ready",
    "seeded",
    "served_context",
    "skip_what_does_not_fit",
    "told_of_request",
    "url_of",
    "usual_urls",
    "version_of",
    "write_config",
]
