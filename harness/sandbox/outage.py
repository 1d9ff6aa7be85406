"""Retrying after an engine failure: wait until the engine answers again, so that the job can be run once more.

An engine that is upgraded or restarted ends every container and is back within seconds; a run that scores overnight
should outlast that. An engine that stays away for a minute is given up, once for all threads.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from harness.errors import EngineError
from harness.sandbox.engine import Engine, client_errors
from harness.types import Log

_MAX_OUTAGE_S = 60.0
_POLL_S = 0.5


@dataclass(slots=True)
class OutageRetry:
    """Decides for many threads whether a job is run again: announces each error and waits for an outage to end."""

    engine: Engine
    log: Log
    max_outage_s: float = _MAX_OUTAGE_S
    _gave_up: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def wait_until_available(self, error: EngineError) -> bool:
        """Whether the engine answers, now or within `max_outage_s`; `error` is what ended the job."""
        with self._lock:
            if self._gave_up:
                return False
            if not self._is_available():
                self.log(f"The container engine does not answer: waiting up to {self.max_outage_s:.0f} s for it.")
                self._gave_up = not self._comes_back()
            if not self._gave_up:
                self.log(f"Retrying an answer after an engine failure: {error.message}")
            return not self._gave_up

    def _comes_back(self) -> bool:
        deadline = time.monotonic() + self.max_outage_s
        while time.monotonic() < deadline:
            time.sleep(_POLL_S)
            if self._is_available():
                return True
        return False

    def _is_available(self) -> bool:
        try:
            self.engine.api.ping()
        except client_errors():
            return False
        return True
