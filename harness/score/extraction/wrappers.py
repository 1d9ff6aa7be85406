"""What code is wrapped in, apart from fences: diffs, JSON, tags, here-documents, indents. Texts in, texts out."""

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
_HOLDERS = ("arguments", "parameters", "input", "files", "function")
_DEEPEST = 4
_TAGS = ("code", "pre", "answer", "solution", "script", *LANGUAGES)
_DIFF_HEADER = re.compile(
    r"diff |index |---|\+\+\+|@@|\\ No newline|(?:new|deleted) file mode|(?:old|new) mode|similarity index|rename "
)
_DIFF_BEGIN = re.compile(r"(?m)^(?:diff --git |--- |@@ )")
_HERE = re.compile(r"<<-?[ \t]*(['\"]?)(\w+)\1[^\n]*\n")
_MOST_HERE = 20
_CDATA = re.compile(r"\A\s*<!\[CDATA\[\n?(.*?)\]\]>\s*\Z", re.DOTALL)


def new_side(diff: str) -> str:
    """The lines of a diff that stand after it, without its headers."""
    body = [line for line in diff.split("\n") if not _DIFF_HEADER.match(line)]
    kept = [line[1:] if line[:1] in "+ " else line for line in body if not line.startswith("-")]
    return "\n".join(kept).rstrip("\n") + "\n"


def is_diff(text: str) -> bool:
    """Whether a text is a diff from its first line to its last, with a header or with lines of both sides."""
    lines = [line for line in text.split("\n") if line]
    marks = {line[0] for line in lines}
    if re.match(r"--- |@@ |diff ", text):
        return True
    return marks <= {" ", "+", "-"} and {"+", "-"} <= marks


def diff_within(text: str) -> str | None:
    """The diff that stands in a text without a fence, None where there is none."""
    begin = _DIFF_BEGIN.search(text)
    if begin is None:
        return None
    lines = []
    for line in text[begin.start() :].split("\n"):
        if line[:1] not in ("", " ", "+", "-") and not _DIFF_HEADER.match(line):
            break
        lines.append(line)
    return "\n".join(lines)


def codes_in_json(text: str) -> Iterator[str]:
    """The texts of a JSON document that are named as code is, outermost first; a document that is one text."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return
    if isinstance(document, str):
        yield document
    yield from _codes(document, 0)


def _codes(value: Json, depth: int) -> Iterator[str]:
    if depth > _DEEPEST:
        return
    if isinstance(value, list):
        for item in value:
            yield from _codes(item, depth + 1)
    if isinstance(value, dict):
        yield from (value[key] for key in _CODE_KEYS if isinstance(value.get(key), str))
        for key in _HOLDERS:
            yield from _codes(value.get(key), depth + 1)


def between(text: str, name: str, marks: tuple[str, str] = ("<", ">")) -> tuple[int, str] | None:
    """What the last pair of a tag holds, and where; `marks` are its brackets."""
    low, high = marks
    folded = text.lower() if len(text.lower()) == len(text) else text
    end = folded.rfind(f"{low}/{name}{high}")
    start = folded.rfind(f"{low}{name}", 0, max(end, 0))
    begins = folded.find(high, start, end)
    return None if min(end, start, begins) < 0 else (start, text[begins + 1 : end])


def tagged_codes(text: str) -> Iterator[str]:
    """What stands between tags that hold code, the last ones first."""
    pairs = [between(text, name, marks) for name in _TAGS for marks in (("<", ">"), ("[", "]"))]
    for _, inner in sorted((pair for pair in pairs if pair is not None), reverse=True):
        verbatim = _CDATA.match(inner)
        yield (verbatim[1] if verbatim else html.unescape(inner)).strip("\n") + "\n"


def here_documents(script: str) -> Iterator[str]:
    """The files that a shell script writes from its own text, the last one first."""
    found = []
    for here in islice(_HERE.finditer(script), _MOST_HERE):
        end = re.compile(rf"(?m)^[ \t]*{here[2]}[ \t]*$").search(script, here.end())
        if end is not None:
            found.append(script[here.end() : end.start()])
    yield from reversed(found)


def indented_within(text: str) -> str | None:
    """The longest stretch of lines that are indented as Markdown indents code, without the indent; None without one.

    As in Markdown it begins after a blank line: a line that is indented below another goes on with it.
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
    best = textwrap.dedent("\n".join(max(runs, key=lambda run: sum(map(len, run))))).strip("\n")
    return best + "\n" if best else None
