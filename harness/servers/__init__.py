"""The server kinds: one TOML each beside this file, read into frozen dataclasses. Facts only: asks no server."""

from harness.servers.ask import body_of, pick, request_faults, request_fields, told_of_request, url_of
from harness.servers.facts import (
    CacheFacts,
    Call,
    ContextFacts,
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

__all__ = [
    "CacheFacts",
    "Call",
    "ContextFacts",
    "LifecycleFacts",
    "Loaded",
    "Place",
    "ReadinessFacts",
    "ServerKind",
    "StreamFacts",
    "Thinking",
    "TimingFacts",
    "body_of",
    "kind_of",
    "load_kinds",
    "pick",
    "read_kind",
    "read_kinds",
    "request_faults",
    "request_fields",
    "told_of_request",
    "url_of",
]
