"""Errors in a server's own words: `find_error` reads one JSON object, `error_from_body` the body of an error response.

Context overflows are recognized by the code or the words of the servers that are known, and have the kind
`context_overflow` whichever server reports them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from harness.apis.delta import ReportedError
from harness.apis.json_text import to_text
from harness.types import Json

_OVERFLOW_CODE = re.compile(r"context_length_exceeded|exceed_context_size", re.IGNORECASE)
# In this order: llama-server, vLLM and llama-cpp-python, oMLX and Ollama, LM Studio, LM Studio before 0.4.
_OVERFLOW_TEXT = re.compile(
    r"exceeds? the available context|maximum context length|prompt (is )?too long|input does not fit in context"
    r"|exceed\w* (the )?(max\w* )?context (length|window|size)|n_keep\b.*\bn_ctx|n_ctx\b.*\bn_keep"
    r"|tokens to keep from the initial prompt is greater",
    re.IGNORECASE | re.DOTALL,
)


def _error_kind(error: Mapping[str, Json]) -> str | None:
    names = [error[key] for key in ("code", "type") if isinstance(error.get(key), str) and error[key]]
    message = error.get("message")
    if any(map(_OVERFLOW_CODE.search, names)) or (isinstance(message, str) and _OVERFLOW_TEXT.search(message)):
        return "context_overflow"
    return names[0] if names else None


def _parse_error(value: Json) -> ReportedError:
    """Parse the value of `error`: an object with a message, or a string."""
    if not isinstance(value, dict):
        return ReportedError(to_text(value), _error_kind({"message": value}))
    message = to_text(next((value[key] for key in ("message", "error", "detail") if value.get(key)), value))
    return ReportedError(message, _error_kind({**value, "message": message}))


def find_error(document: Mapping[str, Json], event_name: str | None = None) -> ReportedError | None:
    """Find the error in a JSON object: under `error`, in an object of type `error`, or in an event named `error`."""
    error = document.get("error")
    if error and error is not True:
        return _parse_error(error)
    if error or event_name == "error" or document.get("object") == "error" or document.get("type") == "error":
        return _parse_error(document)
    return None


def error_from_body(document: Mapping[str, Json] | None, text: str) -> ReportedError:
    """Read the body of an error response, whatever its shape: JSON with or without `error`, or plain text."""
    if document is not None:
        return find_error(document) or _parse_error(document)
    text = text.strip()
    return _parse_error(text) if text else ReportedError("empty response body", None)
