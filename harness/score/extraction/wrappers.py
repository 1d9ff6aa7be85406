"""Takes code out of what it is wrapped in, other than fences: diffs, JSON, tags, here-documents and indented blocks."""

from __future__ import annotations

import html
import json
import re
import textwrap
from collections.abc import Iterator
from itertools import islice

from harness.languages import LANGUAGES
from harness.types import Json

_CODE_KEYS = ("code", "answer", "solution", "content", "program", "source", "file", "file_text", "new_str")
_CONTAINER_KEYS = ("arguments", "parameters", "input", "files", "function")
_MAX_DEPTH = 4
_TAGS = ("code", "pre", "answer", "solution", "script", *LANGUAGES)
_DIFF_HEADER = re.compile(
    r"diff |index |---|\+\+\+|@@|\\ No newline|(?:new|deleted) file mode|(?:old|new) mode|similarity index|rename "
)
_DIFF_BEGIN = re.compile(r"(?m)^(?:diff --git |--- |@@ )")
_HERE_DOCUMENT = re.compile(r"<<-?[ \t]*(['\"]?)(\w+)\1[^\n]*\n")
_MAX_HERE_DOCUMENTS = 20
_CDATA = re.compile(r"\A\s*<!\[CDATA\[\n?(.*?)\]\]>\s*\Z", re.DOTALL)


def new_side(diff: str) -> str:
    """The lines of the new side of a diff, without its headers."""
    body = [line for line in diff.split("\n") if not _DIFF_HEADER.match(line)]
    kept = [line[1:] if line[:1] in "+ " else line for line in body if not line.startswith("-")]
    return "\n".join(kept).rstrip("\n") + "\n"


def is_diff(text: str) -> bool:
    """Whether a text is a diff as a whole: it begins with a header, or every line has a mark and both sides occur."""
    lines = [line for line in text.split("\n") if line]
    marks = {line[0] for line in lines}
    if re.match(r"--- |@@ |diff ", text):
        return True
    return marks <= {" ", "+", "-"} and {"+", "-"} <= marks


def diff_within(text: str) -> str | None:
    """The diff that is in a text without a fence; None where there is none."""
    begin = _DIFF_BEGIN.search(text)
    if begin is None:
        return None
    lines = []
    for line in text[begin.start() :].split("\n"):
        if line[:1] not in ("", " ", "+", "-") and not _DIFF_HEADER.match(line):
            break
        lines.append(line)
    return "\n".join(lines)


def json_codes(text: str) -> Iterator[str]:
    """The strings of a JSON document under keys that code has, outermost first; or the document, if it is a string."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return
    if isinstance(document, str):
        yield document
    yield from _codes(document, 0)


def _codes(value: Json, depth: int) -> Iterator[str]:
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, list):
        for item in value:
            yield from _codes(item, depth + 1)
    if isinstance(value, dict):
        yield from (value[key] for key in _CODE_KEYS if isinstance(value.get(key), str))
        for key in _CONTAINER_KEYS:
            yield from _codes(value.get(key), depth + 1)


def between(text: str, name: str, marks: tuple[str, str] = ("<", ">")) -> tuple[int, str] | None:
    """(start, text) between the last opening and closing tag `name`; `marks` are the tags' brackets."""
    left, right = marks
    folded = text.lower() if len(text.lower()) == len(text) else text
    end = folded.rfind(f"{left}/{name}{right}")
    start = folded.rfind(f"{left}{name}", 0, max(end, 0))
    opened = folded.find(right, start, end)
    return None if min(end, start, opened) < 0 else (start, text[opened + 1 : end])


def tagged_codes(text: str) -> Iterator[str]:
    """The text between tags that contain code, the last ones first."""
    pairs = [between(text, name, marks) for name in _TAGS for marks in (("<", ">"), ("[", "]"))]
    for _, inner in sorted((pair for pair in pairs if pair is not None), reverse=True):
        verbatim = _CDATA.match(inner)
        yield (verbatim[1] if verbatim else html.unescape(inner)).strip("\n") + "\n"


def here_documents(script: str) -> Iterator[str]:
    """The here-documents of a shell script, the last one first."""
    documents = []
    for here in islice(_HERE_DOCUMENT.finditer(script), _MAX_HERE_DOCUMENTS):
        end = re.compile(rf"(?m)^[ \t]*{here[2]}[ \t]*$").search(script, here.end())
        if end is not None:
            documents.append(script[here.end() : end.start()])
    yield from reversed(documents)


def indented_within(text: str) -> str | None:
    """The longest indented code block of Markdown, without its indent; None without one.

    It begins after a blank line: an indented line below another line continues a paragraph (CommonMark 0.31, 4.4).
    """
    runs: list[list[str]] = [[]]
    before = ""
    for line in text.split("\n"):
        indented = line.startswith(("    ", "\t")) and (runs[-1] or not before.strip())
        if indented or (runs[-1] and not line.strip()):
            runs[-1].append(line)
        elif runs[-1]:
            runs.append([])
        before = line
    longest = textwrap.dedent("\n".join(max(runs, key=lambda run: sum(map(len, run))))).strip("\n")
    return longest + "\n" if longest else None
