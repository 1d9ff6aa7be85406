"""A driver's reports, parsed as untrusted input: bytes go in, one Observation per case comes out.

`Transcript.feed` is the entry point. It does no input or output of its own, so that a test can feed it anything.

A report is one JSON line with the job's nonce: `taken` (the driver has its job, nothing of the answer ran yet), then
`loaded` or `load_failed`, `case` (its index, how it ended, its value, its arguments after the call) and `done`. Cases
come in order. A second line for a case, a line for a case that is not next, and anything that is not such a line make
the case `forged`: an answer that writes there cannot make a wrong value right, it can only spoil its own result.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.sandbox.values import max_values, parse_line
from harness.types import CaseStatus, Json, Observation

MAX_VALUES_PER_JOB = 1_000_000
"""Values that the cases of one job may return in all: they are kept in memory until the last case is in."""
MAX_BYTES_PER_JOB = 32 * 1024 * 1024
"""Bytes that the reports of these cases may have in all, for the same reason: a few long strings are few values."""

_CASE_ENDS: dict[str, CaseStatus] = {
    end: end for end in ("returned", "raised", "not_callable", "crashed", "out_of_memory")
}
_MAX_FORGED_LINES = 64
_MAX_TEXT_CHARS = 200


def _case_end(word: Json) -> CaseStatus | None:
    return _CASE_ENDS.get(word) if isinstance(word, str) else None


def _text(text: Json) -> str | None:
    return text[:_MAX_TEXT_CHARS] if isinstance(text, str) else None


@dataclass(slots=True)
class Transcript:
    """Everything that one container has reported about its cases; `current` is the index of the case that runs now.

    A line over `max_line_bytes`, cases of more than `values_left` values or `bytes_left` bytes, or many forged lines
    end the parsing: `limit_exceeded`.
    """

    nonce: str
    case_ids: tuple[str, ...]
    max_line_bytes: int
    values_left: int = MAX_VALUES_PER_JOB
    bytes_left: int = MAX_BYTES_PER_JOB
    taken: bool = False
    loaded: bool = False
    load_error: str | None = None
    done: bool = False
    limit_exceeded: bool = False
    current: int = 0
    observations: dict[int, Observation] = field(default_factory=dict)
    _forged_lines: int = 0
    _incomplete_line: bytearray = field(default_factory=bytearray)

    @property
    def ended(self) -> bool:
        """Whether nothing more is worth reading."""
        return self.driver_finished or self.limit_exceeded

    @property
    def driver_finished(self) -> bool:
        """Whether the driver has sent its last report: the container now ends by itself."""
        return self.done or self.load_error is not None

    @property
    def steps(self) -> int:
        """How many steps are done (job taken, answer loaded, each case): each step has its own time limit."""
        return self.current + int(self.taken) + int(self.loaded)

    def feed(self, data: bytes) -> None:
        """Take the next bytes, cut anywhere."""
        first, *others = data.split(b"\n")
        self._incomplete_line += first
        for piece in others:
            self._parse(bytes(self._incomplete_line))
            self._incomplete_line = bytearray(piece)
        self.limit_exceeded = self.limit_exceeded or len(self._incomplete_line) > self.max_line_bytes

    def _parse(self, line: bytes) -> None:
        if self.ended:
            return
        report = parse_line(line)
        if report is None or report.get("n") != self.nonce:
            self._mark_forged(self.current, "a line that is not the driver's")
        elif report.get("e") == "case":
            self._count_size(line)
            self._record_case(report)
        elif not self._advance(report):
            self._mark_forged(self.current, "a line out of turn")

    def _advance(self, report: dict[str, Json]) -> bool:
        """Record a report about the job as a whole; False for one that no driver sends at this point."""
        event = report.get("e")
        if event not in self._next_events():
            return False
        if event == "taken":
            self.taken = True
        elif event == "loaded":
            self.loaded = True
        elif event == "load_failed":
            self.load_error = _text(report.get("t")) or "unknown"
        else:
            self.done = True
        return True

    def _next_events(self) -> tuple[str, ...]:
        """What the driver may report about the job now; a forged line before it keeps an answer from being loaded."""
        if not self.taken:
            return () if self.observations else ("taken",)
        if not self.loaded:
            return ("load_failed",) if self.observations else ("loaded", "load_failed")
        return ("done",) if self.current == len(self.case_ids) else ()

    def _count_size(self, line: bytes) -> None:
        self.values_left -= max_values(line)
        self.bytes_left -= len(line)
        self.limit_exceeded = self.values_left < 0 or self.bytes_left < 0

    def _record_case(self, report: dict[str, Json]) -> None:
        if self.limit_exceeded:
            return
        index, end = report.get("i"), _case_end(report.get("k"))
        # `type` and not isinstance: JSON's true is an int of Python, and would be case 1.
        if type(index) is not int or not 0 <= index < len(self.case_ids) or end is None or not self.loaded:
            self._mark_forged(self.current, "a line out of turn")
        elif index != self.current:
            self._mark_forged(index, "two reports of one case" if index < self.current else "a report before its turn")
        else:
            case_id, note = self.case_ids[index], _text(report.get("t"))
            output = _text(report.get("o"))
            observation = Observation(case_id, end, report.get("v"), note, report.get("a"), output)
            self.observations.setdefault(index, observation)
            self.current += 1

    def _mark_forged(self, index: int, reason: str) -> None:
        """Make a case's observation `forged`. A line after the last case makes the last one forged."""
        self._forged_lines += 1
        self.limit_exceeded = self._forged_lines > _MAX_FORGED_LINES
        last = min(index, len(self.case_ids) - 1)
        self.observations[last] = Observation(self.case_ids[last], "forged", None, reason)
