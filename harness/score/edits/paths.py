"""Paths in the text of an answer: on a line of their own, in a fence's info string, or in a sentence.

`path_in` reads a line that says no more than a path, `path_in_info` an info string, `files_named_in` a sentence.
`words_before_path` gives what a heading says before its path.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Container

_PATH = re.compile(r"(?:\.?/)?[\w@+-][\w@+./-]*\.[A-Za-z]\w{0,7}|Makefile|Dockerfile")
_BEFORE_PATH = re.compile(r"^[^\w./@+]++")
_DECORATION = " \t*#`'\":_<>()[]=-"
# What a heading has beside its path: "1. a.py", "Updated file: a.py", "<file path='a.py'>". Possessive, so that the
# time stays linear, whatever a model repeats.
_LEAD_IN = re.compile(
    r"^(?:(?:the|new|updated?|modified|modify|chang(?:es?|ed)|complete|full|final|fixed|corrected|created?|edit(?:ed)?"
    r"|file(?:name)?|path|code|in|to|for|step|\d{1,3}[.)]?)[*`'\"]*+[\s:=]++[*`'\"]*+)++",
    re.IGNORECASE,
)
_MAX_REMARK_CHARS = 40
_NAMED = re.compile(r"`([^`\n]++)`|([\w@+./-]++)")


def path_in(text: str) -> str | None:
    """The path that a line consists of, apart from decoration; None for a line that says more."""
    bare = _undecorated(_LEAD_IN.sub("", _undecorated(text)))
    # "a.py (updated)"; the closing bracket is stripped already.
    head, _, remark = bare.partition(" (")
    if "." not in remark and len(remark) <= _MAX_REMARK_CHARS:
        bare = _undecorated(head)
    return normalize_path(bare) if _PATH.fullmatch(bare) else None


def words_before_path(text: str) -> str:
    """What a line that `path_in` reads says before its path, "Changes in"; "" where it begins with the path."""
    found = _LEAD_IN.match(_undecorated(text))
    return _undecorated(found[0]) if found else ""


def _undecorated(text: str) -> str:
    """A text without the marks around it; a leading underscore is one only where there is one at the end."""
    begin = _BEFORE_PATH.sub("", text)
    bare = begin.rstrip(_DECORATION)
    return bare.lstrip("_") if "_" in begin[len(bare) :] else bare


def normalize_path(path: str) -> str:
    """A path in the form that the task's files have."""
    return posixpath.normpath(path.strip().strip("\"'`")).lstrip("/")


def path_in_info(info: str) -> str | None:
    """The path in the info string of a fence, such as `python:a.py` or `python title="a.py"`; None without one."""
    for word in re.split(r"[\s:=,]+", info):
        path = path_in(word)
        if path and ("." in word):
            return path
    return None


def files_named_in(line: str, known: Container[str], *, anywhere: bool) -> list[str]:
    """Those of the known files that a line names: in backticks, or as its last word; with `anywhere` as any word."""
    found = list(_NAMED.finditer(line))
    quoted = [match[1] for match in found if match[1]]
    words = [match[2] for match in found if match[2]]
    plain = words if anywhere else words[-1:] if found and found[-1][2] else []
    paths = (normalize_path(word.rstrip(".")) for word in (*quoted, *plain))
    return list(dict.fromkeys(path for path in paths if path in known))
