"""The encoding of values that cross the container's boundary, and the host's parser for what comes out.

`parse_line` is the entry point. JSON values go into the container (a case's arguments) and come out (what a call
returned). What JSON has goes as itself: null, booleans, strings, lists, objects with string keys, integers within
2**53 - 1 and finite floats (a Python `2.0` stays the float 2.0; JavaScript has one type of number: integral ones within
2**53 - 1 come as integers, others as floats). Everything else is `{"$": tag, "v": content}`:

    tag         content                                            made from
    int         decimal string                                     a larger integer (Python, Go, Rust)
    bigint      decimal string                                     a JavaScript BigInt
    float       "nan", "inf" or "-inf"                             a float that JSON does not have
    complex     [real, imaginary]                                  Python complex
    tuple       [items]                                            Python tuple
    set         [items], in any order                              set, frozenset, JavaScript Set
    dict        [[key, value], ...], in any order                  a mapping with keys that are no strings, or with "$"
    map         [[key, value], ...]                                JavaScript Map
    bytes       base64 string                                      bytes, bytearray, Uint8Array, Buffer
    range       [start, stop, step]                                Python range
    deque       [items]                                            collections.deque
    decimal     string                                             decimal.Decimal
    fraction    [numerator, denominator]                           fractions.Fraction
    date        ISO 8601 string                                    datetime.date, .time, .datetime, JavaScript Date
    undefined   null                                               JavaScript undefined
    subclass    the content as of its base; "of", "name"           a class derived from a plain type (below)
    other       the type's name                                    anything else: generators, functions, classes
    oversize    null                                               too deep, too many items or too long to report

A class of the answer that derives from a plain type is `{"$": "subclass", "of": "int", "name": "Sly", "v": 3}`. Its
content is read with the base's own methods, which the class cannot override. In JavaScript an instance of a class is a
subclass of "dict" with its own enumerable properties, and so is an object that has a toJSON of its own or keys that are
symbols.

A case of driver `calls` is `{"call": "name", "args": [...], "kwargs": {...}, "report_args": true}`; its value is what
the call returned, encoded. A raised exception is the status `raised`, `note` the exception's type, `value` the names of
its type and that type's bases, nearest first; a type that has the name of one of the language's own and is another one
has "(not the built-in)" after its name. A call that no function takes is `not_callable`. `args_after` is the encoded
list of the positional arguments after the call, where `report_args` asks for it; `output` is what the call wrote to
standard output and error, up to 200 characters, where `"report_output": true` asks for it.

A case of driver `program` is `{"argv": [...], "stdin": string, "files": {path: string}, "mode": "run", "import" or
"types"}`, with `folders`, `links` and `modes` where the folder holds more; its value is `{"exit": int, "stdout":
string, "stderr": string, "files": {path: content}, "modes": {path: octal}}`: a negative exit is a signal; stderr is its
last 4 KiB; a stream that is not UTF-8 is `{"$": "bytes", ...}`. `files` has every path that was made, changed or
deleted: a file is its text, or `{"sha256": hex, "bytes": n}` where it is not UTF-8 or over 64 KiB; others are
`{"symlink": target}`, `{"folder": true}`, `{"special": kind}`, `{"unreadable": true}` and `{"deleted": true}`. `modes`
has the permissions of those of these paths that are there, and of each whose permissions alone changed.
"""

from __future__ import annotations

import json
import math
import re
from typing import NoReturn

from harness.files import is_deeper_than
from harness.types import Json

MAX_DEPTH = 256
MAX_DIGITS = 40
MAX_VALUES_PER_LINE = 150_000
"""More than any driver writes. It bounds memory: short JSON makes thousands of times its size in Python objects."""

_FEW_VALUES = 1000
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"')


def max_values(line: bytes) -> int:
    """An upper bound of how many values a JSON text holds, found without parsing it.

    Separators within strings count too, unless there are many: then strings are taken out first, which costs more.
    """
    separators = _separators(line)
    return separators if separators <= _FEW_VALUES else _separators(_STRING.sub(b"", line))


def _separators(text: bytes) -> int:
    return sum(text.count(mark) for mark in (b",", b"[", b"{"))


def _reject_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _parse_int(text: str) -> int:
    # No driver writes longer ones, and the time to convert digits grows with their square.
    if len(text) > MAX_DIGITS:
        raise ValueError("an integer of too many digits")
    return int(text)


def _parse_float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number beyond the range of a float")
    return number


def parse_line(line: bytes) -> dict[str, Json] | None:
    """One line of a report as plain JSON values; None for what no driver writes.

    NaN, numbers beyond a float, long integers, deep nesting, too many values, invalid UTF-8 and anything but an object
    are refused.
    """
    if max_values(line) > MAX_VALUES_PER_LINE:
        return None
    try:
        document = json.loads(
            line.decode("utf-8"), parse_constant=_reject_constant, parse_int=_parse_int, parse_float=_parse_float
        )
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or is_deeper_than(document, MAX_DEPTH - 1):
        return None
    return document
