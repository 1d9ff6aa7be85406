"""What an agent may ask of its model's server, and how much: `Gate` admits each request and counts what came back.

The recording proxy calls it from its own thread. Only requests of the agent's API for the trial's model pass, the count
of their tokens, and the list of models; nothing else of a server can be reached, such as loading another model.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from harness.apis import get_api
from harness.files import MAX_JSON_DEPTH, from_json
from harness.proxy import RequestHead, ResponseRecord, read_response
from harness.read import count_tokens
from harness.schema import has_safe_numbers
from harness.types import AgentEnd, AgentLimits, Json

MAX_REQUEST_BYTES = 16 * 1024 * 1024
MAX_REQUEST_VALUES = 1_000_000
"""Of one request. With its reply it is a line of the run, which may have MAX_JSON_BYTES and MAX_JSON_VALUES; a whole
context of a million tokens takes a third of these bytes."""
_MAX_TARGETS = 50
_MAX_TARGET_CHARS = 200


@dataclass(slots=True)
class Gate:
    """The requests of one run. `stop` is called once, with the limit that was reached.

    `prefix` is the path of the server's base URL, such as /v1.
    """

    api: str
    model: str
    prefix: str
    limits: AgentLimits
    stop: Callable[[AgentEnd], None]
    turns: int = 0
    prompt_tokens: int = 0
    generated_tokens: int = 0
    refused: int = 0
    targets: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def admit(self, head: RequestHead, body: bytes) -> str | None:
        """Why a request is refused; None lets it pass."""
        path, api = head.target.partition("?")[0], get_api(self.api)
        with self._lock:
            if (head.method, path) == ("GET", f"{self.prefix}/models"):
                return None
            is_turn = path == f"{self.prefix}{api.path}"
            is_count = api.count_path is not None and path == f"{self.prefix}{api.count_path}"
            if head.method != "POST" or not (is_turn or is_count):
                return self._refuse(f"{head.method} {path}", "only the model of this trial can be asked here")
            try:
                if any(value.strip().lower() not in (b"", b"identity") for value in head.values(b"content-encoding")):
                    # Some bytes are both JSON and a compressed body that says something else.
                    raise ValueError("a compressed body")
                model = _model_of(_read_body(body))
            except ValueError as error:
                reason = f"not a request that can be recorded: {error}"[:_MAX_TARGET_CHARS]
                return self._refuse(f"{head.method} {path}: {reason}", reason)
            if model != self.model:
                return self._refuse(f"model {model}", f"only the model {self.model} can be asked here")
            if is_turn and self.turns >= self.limits.turns:
                self.stop("turns")
                return "the trial's limit of turns is reached"
            self.turns += is_turn
            return None

    def _refuse(self, target: str, reason: str) -> str:
        self.refused += 1
        if len(self.targets) < _MAX_TARGETS:
            self.targets.append(target[:_MAX_TARGET_CHARS])
        return reason

    def count(self, record: ResponseRecord) -> str:
        """Add the tokens of a response; stop the run if it has reached a limit of them.

        A server states its counts at the end: of a response that the agent left before, the events with tokens count.
        """
        if record.path == f"{self.prefix}{get_api(self.api).path}":
            reading = read_response(record)
            prompt = (reading.usage.prompt_tokens if reading.usage else None) or 0
            with self._lock:
                self.prompt_tokens += prompt
                self.generated_tokens += count_tokens(reading.usage, reading.counts.token_events)[0]
                if prompt > self.limits.context_tokens:
                    self.stop("context")
                elif self.generated_tokens >= self.limits.tokens:
                    self.stop("tokens")
        return record.path


def _read_body(body: bytes) -> Json:
    """A request as JSON. Raises ValueError for one that two parsers could understand differently, or no run could hold.

    Of two equal keys some parsers take the first and some the last. What is admitted becomes part of a line of the run,
    and one line that cannot be read again makes its whole file unreadable.
    """
    if len(body) > MAX_REQUEST_BYTES:
        raise ValueError(f"more than {MAX_REQUEST_BYTES} bytes")
    # A recording has its request one level down, and MAX_JSON_DEPTH levels in all.
    document = from_json(body, max_depth=MAX_JSON_DEPTH - 2, max_values=MAX_REQUEST_VALUES)
    if not has_safe_numbers(document):
        raise ValueError("a number that is infinite or an integer beyond 2^53 - 1")
    # One lone surrogate makes each other character of its line an escape, which can be three times as long.
    if len(json.dumps(document)) > MAX_REQUEST_BYTES:
        raise ValueError(f"more than {MAX_REQUEST_BYTES} bytes with its characters escaped")
    return document


def _model_of(document: Json) -> Json:
    """The model that a request names; None where it names none, or may name two.

    Go's parser, in which Ollama is written, takes "Model" for "model": what is admitted must say the same to all.
    """
    names = [name for name in document if name.lower() == "model"] if isinstance(document, dict) else []
    return document["model"] if names == ["model"] else None
