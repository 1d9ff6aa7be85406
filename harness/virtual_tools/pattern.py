"""Regular expressions whose search takes time in proportion to text times pattern, whatever a model asks for.

Thompson's construction (Comm. ACM 11:6, 1968): all states at once, no going back. What there is: literals, `.`,
classes, `\\d \\w \\s \\b` and their opposites, groups, `|`, `* + ? {m,n}` (lazy marks change nothing in a search), `^`,
`$`, and `(?i)` at the front. Look-around and back references are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

MOST_STATES = 1000
MOST_REPEATS = 200
_DEEPEST = 50
_LITERAL = (0, -2)
"""The counts of a brace that stands for itself."""
Test = Callable[[str], bool]


class PatternError(ValueError):
    """The pattern cannot be read, with the reason."""


@dataclass(slots=True)
class _State:
    """One state: takes a character that passes `test` to `to`, or, without a test, goes to all of `free`.

    `where` is a condition on the place (`^`, `$`, `b`, `B`) for going on.
    """

    test: Test | None = None
    to: int = -1
    free: list[int] = field(default_factory=list)
    where: str = ""


_SPACE: Test = str.isspace
_DIGIT: Test = str.isdecimal
_CONTROLS = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v", "0": "\0"}


def _is_word(char: str) -> bool:
    return char.isalnum() or char == "_"


def _not(test: Test) -> Test:
    return lambda char: not test(char)


_CLASSES: dict[str, Test] = {
    "d": _DIGIT,
    "w": _is_word,
    "s": _SPACE,
    "D": _not(_DIGIT),
    "W": _not(_is_word),
    "S": _not(_SPACE),
}


def _equals(wanted: str, fold: bool) -> Test:
    if fold:
        return lambda char: char.casefold() == wanted.casefold()
    return lambda char: char == wanted


def _between(low: str, high: str, fold: bool) -> Test:
    if fold:
        return lambda char: low <= char.lower() <= high or low <= char.upper() <= high
    return lambda char: low <= char <= high


Fragment = tuple[int, int]
"""A first state, and a last one from which nothing leads on yet."""


class Pattern:
    """A compiled pattern. Raises PatternError for one that cannot be read."""

    def __init__(self, text: str) -> None:
        """Compile; `(?i)` at the front folds case."""
        self._fold = text.startswith("(?i)")
        self._text = text[4:] if self._fold else text
        self._at = 0
        self._depth = 0
        self._states: list[_State] = []
        self._first, last = self._either()
        if self._at < len(self._text):
            raise PatternError(f"unbalanced ) at {self._at}")
        self._last = last

    def _add(self, state: _State) -> int:
        if len(self._states) >= MOST_STATES:
            raise PatternError("too large")
        self._states.append(state)
        return len(self._states) - 1

    def _next(self) -> str:
        return self._text[self._at] if self._at < len(self._text) else ""

    def _take(self) -> str:
        char = self._next()
        if not char:
            raise PatternError("ends in the middle")
        self._at += 1
        return char

    def _either(self) -> Fragment:
        branches = [self._sequence()]
        while self._next() == "|":
            self._at += 1
            branches.append(self._sequence())
        if len(branches) == 1:
            return branches[0]
        last = self._add(_State())
        for _, end in branches:
            self._states[end].free.append(last)
        return self._add(_State(free=[first for first, _ in branches])), last

    def _sequence(self) -> Fragment:
        first = last = self._add(_State())
        while self._next() not in ("", "|", ")"):
            start, end = self._repeated()
            self._states[last].free.append(start)
            last = end
        return first, last

    def _repeated(self) -> Fragment:
        begin = self._at
        piece = self._atom()
        if not self._next() or self._next() not in "*+?{":
            return piece
        counts = self._counts()
        if counts == _LITERAL:
            return piece
        piece = self._repeat(begin, piece, counts)
        if self._next() == "?":
            self._at += 1
        if self._next() and self._next() in "*+?":
            raise PatternError(f"a repeat of a repeat at {self._at}")
        return piece

    def _counts(self) -> tuple[int, int]:
        """How often, -1 for no limit."""
        mark = self._next()
        if mark != "{":
            self._at += 1
            return {"*": (0, -1), "+": (1, -1), "?": (0, 1)}[mark]
        end = self._text.find("}", self._at)
        parts = self._text[self._at + 1 : end].split(",") if end > 0 else []
        if not 1 <= len(parts) <= 2 or not parts[0].isdecimal() or not (parts[-1].isdecimal() or not parts[-1]):
            return _LITERAL
        self._at = end + 1
        low, high = int(parts[0]), int(parts[-1]) if parts[-1] else -1
        if max(low, high) > MOST_REPEATS or -1 < high < low:
            raise PatternError("a repeat count that is too large or the wrong way round")
        return low, high

    def _repeat(self, begin: int, piece: Fragment, counts: tuple[int, int]) -> Fragment:
        """The piece so many times; each further copy is parsed from its text again."""
        low, high = counts
        if high == 0:
            return self._sequence_of_nothing()
        end_of_piece = self._at
        copies = [piece]
        while len(copies) < max(low, high, 1):
            self._at = begin
            copies.append(self._atom())
        self._at = end_of_piece
        first, last = self._add(_State()), self._add(_State())
        before = first
        for number, (start, end) in enumerate(copies):
            self._states[before].free.append(start)
            if number >= low:
                self._states[before].free.append(last)
            before = end
        if high == -1:
            self._states[before].free.append(copies[-1][0])
        self._states[before].free.append(last)
        return first, last

    def _sequence_of_nothing(self) -> Fragment:
        only = self._add(_State())
        return only, only

    def _single(self, test: Test) -> Fragment:
        last = self._add(_State())
        return self._add(_State(test=test, to=last)), last

    def _place(self, where: str) -> Fragment:
        last = self._add(_State())
        return self._add(_State(where=where, free=[last])), last

    def _atom(self) -> Fragment:
        char = self._take()
        if char == "(":
            return self._group()
        if char == "[":
            return self._single(self._class())
        if char == ".":
            return self._single(lambda _: True)
        if char in "^$":
            return self._place(char)
        if char in "*+?":
            raise PatternError(f"nothing to repeat at {self._at - 1}")
        if char != "\\":
            return self._single(_equals(char, self._fold))
        escaped = self._take()
        if escaped in "bB":
            return self._place(escaped)
        return self._single(self._escaped(escaped))

    def _escaped(self, char: str) -> Test:
        if char in _CLASSES:
            return _CLASSES[char]
        if char.isalnum() and char not in _CONTROLS:
            raise PatternError(f"\\{char} is not known here")
        return _equals(_CONTROLS.get(char, char), self._fold)

    def _group(self) -> Fragment:
        if self._text.startswith("?:", self._at):
            self._at += 2
        elif self._next() == "?":
            raise PatternError("groups with (? are not known here, but for (?:...)")
        self._depth += 1
        if self._depth > _DEEPEST:
            raise PatternError("nested too deeply")
        piece = self._either()
        self._depth -= 1
        if self._next() != ")":
            raise PatternError("a group is not closed")
        self._at += 1
        return piece

    def _class(self) -> Test:
        negated = self._next() == "^"
        self._at += negated
        tests: list[Test] = []
        while self._next() != "]" or not tests:
            tests.append(self._class_item())
        self._at += 1
        together = tuple(tests)

        def inside(char: str) -> bool:
            return any(test(char) for test in together)

        return _not(inside) if negated else inside

    def _class_item(self) -> Test:
        low = self._take()
        if low == "\\":
            low = self._take()
            if low in _CLASSES:
                return _CLASSES[low]
            low = _CONTROLS.get(low, low)
        if self._next() != "-" or self._text[self._at + 1 : self._at + 2] in ("]", ""):
            return _equals(low, self._fold)
        self._at += 1
        high = self._take()
        high = self._take() if high == "\\" else high
        if high < low:
            raise PatternError(f"{low}-{high} is the wrong way round")
        return _between(low, high, self._fold)

    def _holds(self, where: str, text: str, at: int) -> bool:
        if where == "^":
            return at == 0
        if where == "$":
            return at == len(text)
        edge = (at > 0 and _is_word(text[at - 1])) != (at < len(text) and _is_word(text[at]))
        return edge == (where == "b")

    def _reach(self, states: Iterable[int], text: str, at: int) -> set[int]:
        """All states that can be reached here without taking a character."""
        reached: set[int] = set()
        waiting = list(states)
        while waiting:
            state = waiting.pop()
            if state in reached:
                continue
            one = self._states[state]
            if not one.where or self._holds(one.where, text, at):
                reached.add(state)
                waiting += one.free
        return reached

    def is_in(self, text: str) -> bool:
        """Whether the pattern matches anywhere in a text."""
        now: set[int] = set()
        for at in range(len(text) + 1):
            now = self._reach([*now, self._first], text, at)
            if self._last in now:
                return True
            if at < len(text):
                now = {one.to for one in map(self._states.__getitem__, now) if one.test and one.test(text[at])}
        return False
