"""What a driver says, read without trust: bytes in, one Observation a case out. Does no input or output of its own.

A report is one JSON line with the job's nonce: `taken` (the driver has its job, nothing of the answer ran yet), then
`loaded` or `load_failed`, `case` (its index, how it ended, its value) and `done`. Cases come in order. A second line
for a case, a line for a case that is not due, and anything that is not such a line make the case `forged`: an answer
that writes there cannot make a wrong value right, only spoil its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.sandbox.values import count_items, parse_line
from harness.types import CaseEnd, Json, Observation

_ENDS: dict[str, CaseEnd] = {end: end for end in ("returned", "raised", "crashed", "out_of_memory")}


def _short(text: Json) -> str | None:
    return text[:200] if isinstance(text, str) else None


_STRAYS = 64
MAX_ITEMS = 1_000_000
"""Values that the cases of one job may give in all: they are kept until the last one is in."""


@dataclass(slots=True)
class Transcript:
    """Everything one container said about its cases; `due` is the index of the case that runs now.

    A line over `line_bytes`, more than `items_left` values, or many lines that are not the driver's, end the reading:
    `overflowed`.
    """

    nonce: str
    ids: tuple[str, ...]
    line_bytes: int
    items_left: int = MAX_ITEMS
    taken: bool = False
    loaded: bool = False
    load_fault: str | None = None
    done: bool = False
    overflowed: bool = False
    due: int = 0
    ends: dict[int, Observation] = field(default_factory=dict)
    _strays: int = 0
    _rest: bytearray = field(default_factory=bytearray)

    @property
    def over(self) -> bool:
        """Nothing more is to be waited for."""
        return self.leaving or self.overflowed

    @property
    def leaving(self) -> bool:
        """The driver's last word was said: what is left for it is to end."""
        return self.done or self.load_fault is not None

    @property
    def steps(self) -> int:
        """How far it has come: each step has its own time limit."""
        return self.due + int(self.taken) + int(self.loaded)

    def feed(self, data: bytes) -> None:
        """Take bytes as they came, cut anywhere."""
        first, *more = data.split(b"\n")
        self._rest += first
        for piece in more:
            self._line(bytes(self._rest))
            self._rest = bytearray(piece)
        self.overflowed = self.overflowed or len(self._rest) > self.line_bytes

    def _line(self, line: bytes) -> None:
        if self.over:
            return
        said = parse_line(line)
        if said is None or said.get("n") != self.nonce:
            self._spoil(self.due, "a line that is not the driver's")
            return
        event = said.get("e")
        if event == "case":
            self.items_left -= count_items(line)
            self.overflowed = self.items_left < 0
            self._case(said)
        elif event == "taken" and not self.taken and not self.ends:
            self.taken = True
        elif event == "loaded" and self.taken and not self.loaded and not self.ends:
            self.loaded = True
        elif event == "load_failed" and self.taken and not self.loaded:
            self.load_fault = _short(said.get("t")) or "unknown"
        elif event == "done" and self.due == len(self.ids):
            self.done = True
        else:
            self._spoil(self.due, "a line out of turn")

    def _case(self, said: dict[str, Json]) -> None:
        if self.overflowed:
            return
        index, how = said.get("i"), said.get("k")
        if type(index) is not int or not 0 <= index < len(self.ids) or how not in _ENDS or not self.loaded:
            self._spoil(self.due, "a line out of turn")
            return
        if index != self.due:
            self._spoil(index, "two reports of one case" if index < self.due else "a report before its turn")
            return
        if index not in self.ends:
            note = _short(said.get("t"))
            self.ends[index] = Observation(self.ids[index], _ENDS[how], said.get("v"), note)
        self.due += 1

    def _spoil(self, index: int, why: str) -> None:
        """Also the last case can be spoiled by what comes after it."""
        self._strays += 1
        self.overflowed = self._strays > _STRAYS
        at = min(index, len(self.ids) - 1)
        self.ends[at] = Observation(self.ids[at], "forged", None, why)
