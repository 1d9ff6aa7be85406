"""How values cross the wall: the one description of the encoding, and the host's check of what comes out.

Into the container (arguments of a case) and out of it (what a call returned) go JSON values. What JSON has, goes as
itself: null, booleans, text, lists, objects with text keys, integers within 2**53 - 1 and finite floats (a Python
`2.0` stays the float 2.0; JavaScript has one kind of number: whole ones within 2**53 - 1 come as integers, others as
floats). Everything else is `{"$": kind, "v": content}`:

    kind        content                                            made from
    int         decimal text                                       a larger integer (Python, Go, Rust)
    bigint      decimal text                                       a JavaScript BigInt
    float       "nan", "inf" or "-inf"                             a float that JSON does not have
    complex     [real, imaginary]                                  Python complex
    tuple       [items]                                            Python tuple
    set         [items], their order means nothing                 set, frozenset, JavaScript Set
    dict        [[key, value], ...], order means nothing           a mapping whose keys are not all text, or hold "$"
    map         [[key, value], ...]                                JavaScript Map
    bytes       base64 text                                        bytes, bytearray, Uint8Array, Buffer
    range       [start, stop, step]                                Python range
    deque       [items]                                            collections.deque
    decimal     text                                               decimal.Decimal
    fraction    [numerator, denominator]                           fractions.Fraction
    date        ISO 8601 text                                      datetime.date, .time, .datetime, JavaScript Date
    undefined   null                                               JavaScript undefined
    subclass    the content as of its base; "of", "name"           a class derived from a plain type (below)
    other       the type's name                                    anything else: generators, functions, own classes
    oversize    null                                               too deep, too many items or too long to report

What a class of the answer's own derives from a plain type is `{"$": "subclass", "of": "int", "name": "Sly", "v": 3}`:
its content is read with the base's own methods, so that it cannot lie; it never equals the plain value under exact
types. In JavaScript an instance of a class is a subclass of "dict" with its own enumerable properties.

A case of driver `calls` is `{"call": "name", "args": [...], "kwargs": {...}}`; its value is what the call returned,
encoded. A raised exception is `ended="raised"`, `note` the exception's type, `value` the names of its type and that
type's bases, nearest first. What a call did to its arguments is not reported.

A case of driver `program` is `{"argv": [...], "stdin": text, "files": {path: text}, "mode": "run" or "import"}`; its
value is `{"exit": int, "stdout": text, "stderr": text, "files": {path: text}}`: a negative exit is a signal; stderr
is its last 4 KiB; a stream that is not UTF-8 is `{"$": "bytes", ...}`; `files` holds what was made or changed, a file
that is not text or is over 64 KiB as `{"sha256": hex, "bytes": n}`, a symbolic link as `{"symlink": target}`.
"""

from __future__ import annotations

import json
import math
import re
from typing import NoReturn

from harness.types import Json

DEPTH = 256
DIGITS = 40
ITEMS = 150_000
"""Values that one line may hold: more than any driver writes. A short text makes thousands of times its own memory."""

_FEW = 1000
_TEXT = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"')


def count_items(line: bytes) -> int:
    """At most how many values a JSON text holds, without making one of them."""
    marks = _marks(line)
    return marks if marks <= _FEW else _marks(_TEXT.sub(b"", line))


def _marks(text: bytes) -> int:
    return sum(text.count(mark) for mark in (b",", b"[", b"{"))


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _whole(text: str) -> int:
    if len(text) > DIGITS:
        raise ValueError("an integer of too many digits")
    return int(text)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number that no float holds")
    return number


def _depth_of(value: Json) -> int:
    deepest, level = 0, [value]
    while level:
        deepest += 1
        level = [
            item
            for holder in level
            if isinstance(holder, list | dict)
            for item in (holder.values() if isinstance(holder, dict) else holder)
        ]
    return deepest


def parse_line(line: bytes) -> dict[str, Json] | None:
    """One line of a report as plain JSON values; None for what no driver writes.

    NaN, numbers beyond a float, long integers, deep nesting, too many values, invalid UTF-8 and anything but an object
    are refused.
    """
    if count_items(line) > ITEMS:
        return None
    try:
        document = json.loads(line.decode("utf-8"), parse_constant=_no_constant, parse_int=_whole, parse_float=_finite)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or _depth_of(document) > DEPTH:
        return None
    return document
