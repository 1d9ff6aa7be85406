"""Stage 1: one request out, every chunk of the reply with its time kept; decodes nothing while the stream runs."""

from harness.record.client import Client, Waits
from harness.record.fetch import Reply, fetch
from harness.record.turn import TurnRequest, record, since_s

__all__ = ["Client", "Reply", "TurnRequest", "Waits", "fetch", "record", "since_s"]
