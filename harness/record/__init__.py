"""Stage 1: `record` sends one request and keeps every chunk of the reply with the time at which it was read."""

from harness.record.client import Client, Timeouts
from harness.record.request import (
    LABEL_RULE,
    authorization,
    build_headers,
    encode_body,
    is_host_name,
    parse_url,
    redact_api_key,
)
from harness.record.turn import CLOCK_WRAP_NS, Moment, TurnRequest, read_moment, record, seconds_since, wrap_clock_ns

__all__ = [
    "CLOCK_WRAP_NS",
    "LABEL_RULE",
    "Client",
    "Moment",
    "Timeouts",
    "TurnRequest",
    "authorization",
    "build_headers",
    "encode_body",
    "is_host_name",
    "parse_url",
    "read_moment",
    "record",
    "redact_api_key",
    "seconds_since",
    "wrap_clock_ns",
]
