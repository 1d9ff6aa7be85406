"""The findings of a code review in an answer, as JSON or as Markdown. Judges nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from harness.score.extraction.fences import blocks_of
from harness.score.extraction.template_tokens import clean
from harness.types import Json

SEVERITIES = ("info", "low", "medium", "high", "critical")
_SYNONYMS = {
    "informational": "info", "note": "info", "nit": "info", "style": "info", "trivial": "info", "suggestion": "info",
    "minor": "low", "warning": "medium", "moderate": "medium", "med": "medium", "major": "high", "error": "high",
    "severe": "high", "important": "high", "blocker": "critical", "crit": "critical",
}  # fmt: skip
_LISTS = ("findings", "issues", "problems", "defects", "comments", "results", "vulnerabilities", "review")
_FILE_KEYS = ("file", "path", "filename", "file_path")
_FIRST_KEYS = ("line", "lines", "line_start", "start_line", "line_number", "first_line", "range", "location", "from")
_LAST_KEYS = ("line_end", "end_line", "last_line", "to")
_TEXT_KEYS = ("category", "type", "kind", "title", "name", "claim", "description", "message", "issue", "problem",
              "details", "explanation", "summary", "rule", "cwe", "id")  # fmt: skip
_LINES = re.compile(r"\b(?:lines?|L)\.?\s*[#:]?\s*(\d+)(?:\s*(?:-|–|—|to|and|,|through)\s*L?(\d+))?", re.IGNORECASE)
_AT = re.compile(r"([\w./-]+\.\w{1,5}):(\d+)(?:[-–](\d+))?")
_ITEM = re.compile(r"^(\s*)(?:[-*+]\s+|\d+[.)]\s+|#{1,6}\s+|\|)(.*)$")
_FILE = re.compile(r"\b[\w./-]+\.(?:py|js|ts|go|rs|sh|sql|java|rb|c|h|cpp)\b")
_WORD = re.compile(rf"\b({'|'.join([*SEVERITIES, *_SYNONYMS])})\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ReviewFinding:
    """One claim: where, how bad, and its words in lower case. What it does not say is None."""

    file: str | None
    first_line: int | None
    last_line: int | None
    severity: str | None
    text: str


def severity_of(text: str) -> str | None:
    """The severity that a word stands for."""
    word = text.strip().lower()
    return word if word in SEVERITIES else _SYNONYMS.get(word)


def _numbers(value: Json) -> list[int]:
    if isinstance(value, bool):
        return []
    if isinstance(value, int):
        return [value]
    if isinstance(value, str):
        return [int(number) for number in re.findall(r"\d{1,7}", value)[:2]]
    if isinstance(value, list):
        return [number for item in value[:2] for number in _numbers(item)[:1]]
    if isinstance(value, dict):
        return [number for item in list(value.values())[:2] for number in _numbers(item)[:1]]
    return []


def _first(document: Mapping[str, Json], keys: tuple[str, ...]) -> Json:
    return next((document[key] for key in keys if document.get(key) is not None), None)


def _of_json(document: Mapping[str, Json]) -> ReviewFinding:
    lower = {str(key).lower(): value for key, value in document.items()}
    begins, ends = _numbers(_first(lower, _FIRST_KEYS)), _numbers(_first(lower, _LAST_KEYS))
    file = _first(lower, _FILE_KEYS)
    texts = [str(lower[key]) for key in _TEXT_KEYS if lower.get(key) is not None]
    return ReviewFinding(
        file=file if isinstance(file, str) else None,
        first_line=begins[0] if begins else None,
        last_line=(ends or begins)[-1] if begins else None,
        severity=severity_of(str(lower.get("severity") or lower.get("level") or lower.get("priority") or "")),
        text=" ".join(texts).lower(),
    )


def _list_in(document: Json) -> list[Json] | None:
    if isinstance(document, list):
        return document
    if isinstance(document, dict):
        listed: list[list[Json]] = [document[key] for key in _LISTS if isinstance(document.get(key), list)]
        if listed:
            return listed[0]
        return [document] if any(key in document for key in (*_FIRST_KEYS, "severity")) else None
    return None


def _documents(text: str) -> Iterator[Json]:
    """Every JSON value that stands in a fence, is the text, or begins somewhere in it."""
    for candidate in [*(block.text for block in reversed(blocks_of(text))), text]:
        try:
            yield json.loads(candidate)
        except (ValueError, RecursionError):
            continue
    for found in re.finditer(r"^[ \t]*([\[{])", text, re.MULTILINE):
        try:
            yield json.JSONDecoder().raw_decode(text, found.start(1))[0]
        except (ValueError, RecursionError):
            continue


def _from_json(text: str) -> list[ReviewFinding] | None:
    for document in _documents(text):
        listed = _list_in(document)
        if listed is not None and all(isinstance(one, dict) for one in listed):
            return [_of_json(one) for one in listed]
    return None


def _of_text(text: str) -> ReviewFinding | None:
    at, said = _AT.search(text), _LINES.search(text)
    if at is None and said is None:
        return None
    numbers = [int(one) for one in ((at.groups()[1:] if at else None) or (said.groups() if said else ())) if one]
    named = at[1] if at else next((found[0] for found in _FILE.finditer(text)), None)
    word = _WORD.search(text)
    return ReviewFinding(named, numbers[0], numbers[-1], severity_of(word[1]) if word else None, text.lower())


def _from_markdown(text: str) -> list[ReviewFinding] | None:
    """One finding an item, with the lines below it up to the next item that names a place."""
    items: list[list[str]] = []
    for line in text.split("\n"):
        item = _ITEM.match(line)
        if item and (_AT.search(item[2]) or _LINES.search(item[2]) or _severity_heading(item[2])):
            items.append([item[2]])
        elif items and not re.match(r"#{1,6}\s", line):
            items[-1].append(line)
        elif items:
            items.append([line])
    found = [_of_text("\n".join(item)) for item in items]
    findings = [one for one in found if one is not None]
    return findings or None


def _severity_heading(text: str) -> bool:
    return re.match(rf"\W*(?:{'|'.join(SEVERITIES)})\b", text, re.IGNORECASE) is not None


def findings_of(answer: str) -> tuple[list[ReviewFinding], str] | None:
    """The findings of an answer and the form that they were read in; None where nothing reads as a finding."""
    text = clean(answer)
    listed = _from_json(text)
    if listed is not None:
        return listed, "json"
    written = _from_markdown(text)
    return None if written is None else (written, "markdown")
