"""Stage 1: one request out, every chunk of the reply with its time kept; decodes nothing while the stream runs."""

from harness.record.client import Client, Waits
from harness.record.request import body_of, headers_of, url_of, without_secret
from harness.record.turn import TurnRequest, record, since_s

__all__ = ["Client", "TurnRequest", "Waits", "body_of", "headers_of", "record", "since_s", "url_of", "without_secret"]
