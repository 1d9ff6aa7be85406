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
from harness.proxy import RequestHead, ResponseRecord, read_response
from harness.types import AgentEnd, AgentLimits, Json

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
            model = _model_of(body)
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
        """Add the tokens of a response; stop the run if it has reached a limit of them."""
        usage = read_response(record).usage
        if usage is not None and record.path == f"{self.prefix}{get_api(self.api).path}":
            with self._lock:
                prompt = usage.prompt_tokens or 0
                self.prompt_tokens += prompt
                self.generated_tokens += usage.completion_tokens or 0
                if prompt > self.limits.context_tokens:
                    self.stop("context")
                elif self.generated_tokens >= self.limits.tokens:
                    self.stop("tokens")
        return record.path


def _model_of(body: bytes) -> Json:
    """The model that a request names; None where it names none, or may name two.

    Of two equal keys some parsers take the first and some the last, and Go's, in which Ollama is written, takes "Model"
    for "model": what is admitted must say the same to all of them.
    """
    try:
        # Objects become tuples of pairs, so that no key is lost; lists stay lists.
        document = json.loads(body.decode("utf-8", "replace"), object_pairs_hook=tuple)
    except (ValueError, RecursionError):
        return None
    named = [pair for pair in document if pair[0].lower() == "model"] if isinstance(document, tuple) else []
    return named[0][1] if [key for key, _ in named] == ["model"] else None
