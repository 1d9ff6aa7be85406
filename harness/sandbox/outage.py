"""When the engine fails under a job: wait until it answers again, so that the job can be run once more.

An engine that is upgraded or restarted takes every container with it and is back within seconds; nobody should have to
come back in the morning for that. One that stays away is told after a minute.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from harness.errors import EngineError
from harness.sandbox.engine import CLIENT_ERRORS, Engine, Say

_AWAY_S = 60.0
_PAUSE_S = 0.5


@dataclass(slots=True)
class OutageRetry:
    """Waits for one engine on behalf of many threads: each fault is told in a line, an absence is waited out once."""

    engine: Engine
    say: Say
    away_s: float = _AWAY_S
    _gone: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def wait_until_available(self, fault: EngineError) -> bool:
        """Whether the engine answers, now or within `away_s`."""
        with self._lock:
            if self._gone:
                return False
            if not self._answers():
                self.say(f"The container engine is away: waiting up to {self.away_s:.0f} s for it.")
                self._gone = not self._comes_back()
            if not self._gone:
                self.say(f"Running an answer again, for no fault of its own: {fault.message}")
            return not self._gone

    def _comes_back(self) -> bool:
        until = time.monotonic() + self.away_s
        while time.monotonic() < until:
            time.sleep(_PAUSE_S)
            if self._answers():
                return True
        return False

    def _answers(self) -> bool:
        try:
            self.engine.api.ping()
        except CLIENT_ERRORS:
            return False
        return True
