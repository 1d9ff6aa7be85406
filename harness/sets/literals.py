"""Reads literals of JavaScript, TypeScript, Go and Rust as values, without running any code.

`Literals` is the entry point: `value` reads the literal at a place of a text and moves behind it. What is no literal,
as a variable or an expression, raises UnusableError.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import ClassVar

from harness.sets.problem import UnusableError
from harness.types import Json

MAX_DEPTH = 50
MAX_SAFE_INTEGER = 2**53 - 1
MAX_DIGITS = 4000
"""Of a number: Python refuses to read an integer of more than 4,300."""
_SPACE = re.compile(r"(?:\s|//[^\n]*)*")
_NUMBER = re.compile(
    r"-?\s*(\d[\d_]*(?:\.\d+|\.(?![\w.]))?(?:[eE][+-]?\d+)?)(?:_?([iu](?:8|16|32|64|128|size)|f32|f64))?(?!\w)"
)
_STRING = re.compile(r""""(?:[^"\\]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`[^`$\\]*`""", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|([^ux]))", re.DOTALL)
_SIMPLE_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "b": "\b", "f": "\f", "v": "\v", "a": "\a"}
_TO_STRING = re.compile(r"\.(?:to_string|to_owned|into)\(\)")
_GO_TYPE = re.compile(r"(map\[\w+\]|\[\])(?:\[\]|map\[\w+\]|\*)*(?:interface\{\}|\w+)(?=\s*\{)")
_EMPTY = re.compile(r"(Vec|HashMap|BTreeMap)::(?:<[\w\s:<>,()]*>::)?new\(\)")
_WORDS: dict[str, Json] = {"true": True, "false": False, "null": None, "undefined": None, "nil": None, "None": None}
_WORD = re.compile(r"[A-Za-z_]\w*(?:::\w+)*!?")


class Literals:
    """A text, and the place `at` which is read next; `names` are those that stand for a value."""

    def __init__(self, text: str, at: int = 0) -> None:
        self.text, self.at, self.names = text, at, dict(_WORDS)

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """What matches here, after whitespace and comments; the place moves behind it."""
        space = _SPACE.match(self.text, self.at)
        found = pattern.match(self.text, space.end() if space else self.at)
        if found is not None:
            self.at = found.end()
        return found

    def mark(self, mark: str) -> bool:
        """Whether this mark is here; the place moves behind it."""
        return self.take(re.compile(re.escape(mark))) is not None

    def expect(self, mark: str) -> None:
        """Move behind a mark. Raises UnusableError where another text is here."""
        if not self.mark(mark):
            raise UnusableError(f"a test has {self.text[self.at : self.at + 30]!r} where {mark!r} was expected")

    def items(self, end: str, depth: int = 0) -> list[Json]:
        """The literals up to this mark, with a comma between them."""
        found: list[Json] = []
        while not self.mark(end):
            if found:
                self.expect(",")
                if self.mark(end):
                    break
            found.append(self.value(depth + 1))
        return found

    def value(self, depth: int = 0) -> Json:
        """The literal here. Raises UnusableError where there is none."""
        if depth > MAX_DEPTH:
            raise UnusableError("a test has a literal that is nested too deeply")
        self.mark("&")
        if found := self.take(_NUMBER):
            return _number(found)
        if found := self.take(_STRING):
            self.take(_TO_STRING)
            return _string(found[0])
        if found := self.take(_GO_TYPE):
            self.expect("{")
            return self._pairs(depth) if found[1].startswith("map") else self.items("}", depth)
        if found := self.take(_EMPTY):
            return [] if found[1] == "Vec" else {}
        for opening, read in self._BRACKETS.items():
            if self.mark(opening):
                return read(self, depth)
        found = self.take(_WORD)
        if found is None or found[0] not in self.names:
            raise UnusableError(f"a test has {self.text[self.at : self.at + 30]!r}, which is no literal")
        return self.names[found[0]]

    def _pairs(self, depth: int) -> Json:
        """The keys and values of a mapping whose opening mark was read."""
        pairs: list[Json] = []
        while not self.mark("}"):
            if pairs:
                self.expect(",")
                if self.mark("}"):
                    break
            key = found[0] if (found := self.take(re.compile(r"[A-Za-z_]\w*(?=\s*:)"))) else self.value(depth + 1)
            self.expect(":")
            pairs.append([key, self.value(depth + 1)])
        return mapping(pairs)

    def _tuple(self, depth: int) -> Json:
        return {"$": "tuple", "v": self.items(")", depth)}

    def _inner(self, depth: int) -> Json:
        value = self.value(depth + 1)
        self.expect(")")
        return value

    def _rust_mapping(self, depth: int) -> Json:
        pairs = self.items("]", depth)
        self.expect(")")
        if not all(isinstance(pair, dict) and pair.get("$") == "tuple" and len(pair["v"]) == 2 for pair in pairs):
            raise UnusableError("a test has a mapping of other items than pairs")
        return mapping([pair["v"] for pair in pairs])

    _BRACKETS: ClassVar[dict[str, Callable[[Literals, int], Json]]] = {
        "vec![": lambda self, depth: self.items("]", depth),
        "[": lambda self, depth: self.items("]", depth),
        "{": lambda self, depth: self._pairs(depth),
        "(": lambda self, depth: self._tuple(depth),
        "Some(": lambda self, depth: self._inner(depth),
        "String::from(": lambda self, depth: self._inner(depth),
        "HashMap::from([": lambda self, depth: self._rust_mapping(depth),
        "BTreeMap::from([": lambda self, depth: self._rust_mapping(depth),
    }


def mapping(pairs: list[Json]) -> Json:
    """The encoding of a mapping (harness/sandbox/values.py)."""
    if all(isinstance(key, str) and key != "$" for key, _ in pairs):
        return dict(pairs)
    return {"$": "dict", "v": pairs}


def integer(value: int) -> Json:
    """The encoding of an integer."""
    return value if abs(value) <= MAX_SAFE_INTEGER else {"$": "int", "v": str(value)}


def require_finite(value: float) -> Json:
    """A float that JSON has. Raises UnusableError for infinity, as `1e999` is read, and for no number."""
    if not math.isfinite(value):
        raise UnusableError("a test has a number that is too large")
    return value


def _number(found: re.Match[str]) -> Json:
    digits, suffix = found[1].replace("_", ""), found[2] or ""
    if len(digits) > MAX_DIGITS:
        raise UnusableError(f"a test has a number of over {MAX_DIGITS} digits")
    sign = "-" if found[0].startswith("-") else ""
    if suffix.startswith("f") or not digits.isdigit():
        return require_finite(float(sign + digits))
    return integer(int(sign + digits))


def _string(literal: str) -> str:
    if literal.startswith("`"):
        return literal[1:-1]
    return _ESCAPE.sub(_character, literal[1:-1])


def _character(escape: re.Match[str]) -> str:
    digits = escape[1] or escape[2] or escape[3]
    if digits:
        number = int(digits, 16)
        if 0xD800 <= number < 0xE000 or number > 0x10FFFF:
            raise UnusableError("a test has half a character")
        return chr(number)
    return _SIMPLE_ESCAPES.get(escape[4], escape[4])
