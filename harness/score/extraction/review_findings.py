"""Reads the findings of a code review from an answer, written as JSON or as Markdown; `findings_of` is the entry."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import product

from harness.files import MAX_JSON_DEPTH, is_deeper_than
from harness.languages import LANGUAGES
from harness.score.extraction.fences import fenced_blocks
from harness.score.extraction.template_tokens import clean
from harness.types import Json

SEVERITIES = ("info", "low", "medium", "high", "critical")
_SYNONYMS = {
    "informational": "info", "note": "info", "nit": "info", "style": "info", "trivial": "info", "suggestion": "info",
    "minor": "low", "warning": "medium", "moderate": "medium", "med": "medium", "major": "high", "error": "high",
    "severe": "high", "important": "high", "blocker": "critical", "crit": "critical",
}  # fmt: skip
_LIST_KEYS = ("findings", "issues", "problems", "defects", "comments", "results", "vulnerabilities", "review")
_FILE_KEYS = ("file", "path", "filename", "file_path")
_FIRST_KEYS = ("line", "lines", "line_start", "start_line", "line_number", "first_line", "range", "line_range",
               "location", "from")  # fmt: skip
_LAST_KEYS = ("line_end", "end_line", "last_line", "to")
_TEXT_KEYS = ("category", "type", "kind", "title", "name", "claim", "description", "message", "issue", "problem",
              "details", "explanation", "summary", "rule", "cwe", "id")  # fmt: skip
_MAX_TEXT_CHARS = 100_000
_MAX_FINDINGS = 200
_MAX_LISTS = 50
_MAX_FINDING_CHARS = 2000
_MAX_TRIES = 20
# Every repetition is bounded, and a path is tried from its first character only: "......" would else be tried from
# each of its dots to its end.
_LINES = re.compile(
    r"\b(?:lines?|L)\.?\s{0,3}[#:]?\s{0,3}(\d{1,7})(?!\d)"
    r"(?:\s{0,3}(?:-|–|—|to|and|,|through)\s{0,3}L?(\d{1,7})(?!\d))?",
    re.IGNORECASE,
)
_FILE_AND_LINE = re.compile(r"(?<![\w./-])([\w./-]{1,200}\.\w{1,5}):(\d{1,7})(?!\d)(?:[-–](\d{1,7})(?!\d))?")
_CHECKBOX = r"\[[ xX]\]\s+"
_ITEM = re.compile(rf"^(\s*+)(?:[-*+]\s+(?:{_CHECKBOX})?|{_CHECKBOX}|\d++[.)]\s+|#{{1,6}}\s+|\|)(.*)$")
_HEADING = re.compile(r"#{1,6}\s")
_EXTENSIONS = (
    *(name for language in LANGUAGES.values() for name in language.extensions),
    ".java",
    ".rb",
    ".c",
    ".h",
    ".cpp",
)
_FILE = re.compile(rf"(?<![\w./-])[\w./-]{{1,200}}(?:{'|'.join(map(re.escape, _EXTENSIONS))})\b")
_SEVERITY_WORD = re.compile(rf"\b({'|'.join([*SEVERITIES, *_SYNONYMS])})\b", re.IGNORECASE)
_SEVERITY_FIRST = re.compile(rf"\W*+(?:{'|'.join(SEVERITIES)})\b", re.IGNORECASE)
_JSON_START = re.compile(r"^[ \t]*+([\[{])", re.MULTILINE)
_Place = tuple[str | None, int, int]
"""A finding's file, first and last line."""
_EMPTY_LIST = re.compile(r"[ \t]*+\[[ \t]*+\][ \t]*+")


@dataclass(frozen=True, slots=True)
class ReviewFinding:
    """One claim of a review: its place, its severity, and its text in lower case. What it does not state is None."""

    file: str | None
    first_line: int | None
    last_line: int | None
    severity: str | None
    text: str


def severity_of(text: str) -> str | None:
    """The severity that a word stands for."""
    word = text.strip().lower()
    return word if word in SEVERITIES else _SYNONYMS.get(word)


def _scale_word(text: str) -> str | None:
    """A severity in JSON: one of the five words, since a stated field is not to be guessed at."""
    word = text.strip().lower()
    return word if word in SEVERITIES else None


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


def _first_value(document: Mapping[str, Json], keys: tuple[str, ...]) -> Json:
    return next((document[key] for key in keys if document.get(key) is not None), None)


def _finding_in_json(document: Mapping[str, Json]) -> ReviewFinding:
    lower = {str(key).lower(): value for key, value in document.items()}
    first_lines, last_lines = _numbers(_first_value(lower, _FIRST_KEYS)), _numbers(_first_value(lower, _LAST_KEYS))
    file = _first_value(lower, _FILE_KEYS)
    texts = [str(lower[key])[:_MAX_FINDING_CHARS] for key in _TEXT_KEYS if lower.get(key) is not None]
    return ReviewFinding(
        file=file if isinstance(file, str) else None,
        first_line=first_lines[0] if first_lines else None,
        last_line=(last_lines or first_lines)[-1] if first_lines else None,
        severity=_scale_word(str(lower.get("severity") or lower.get("level") or lower.get("priority") or "")),
        text=" ".join(texts)[:_MAX_FINDING_CHARS].lower(),
    )


def _list_in(document: Json) -> list[Json] | None:
    """The findings that a document lists; None where it is no list of objects."""
    listed = document if isinstance(document, list) else None
    if isinstance(document, dict):
        named = next((document[key] for key in _LIST_KEYS if isinstance(document.get(key), list)), None)
        # A finding may have an empty list of its own, such as comments.
        listed = (named or None) if _is_finding(document) else named
        listed = _list_by_file(document) if named is None else listed
    return listed if listed is not None and all(isinstance(each, dict) for each in listed) else None


def _list_by_file(document: Mapping[str, Json]) -> list[Json] | None:
    """The findings of {"app.py": [...], "util.py": []}, each with its file; None for another object."""
    if not document or not all(_FILE.fullmatch(name) and isinstance(listed, list) for name, listed in document.items()):
        return None
    return [
        {"file": name, **each} if isinstance(each, dict) else each
        for name, listed in document.items()
        for each in listed
    ]


def _is_finding(document: Json) -> bool:
    return isinstance(document, dict) and any(key in document for key in (*_FIRST_KEYS, "severity"))


def _documents(text: str) -> Iterator[list[Json]]:
    """The JSON values of a text in their order: those of the fences, the whole text, those that begin somewhere in it.

    Of the last no empty ones; of all none that are nested too deeply.
    """
    # Of a list of tasks "[ ] app.py:12 high" or of code the brackets are no review that found nothing.
    at_lines = filter(None, _values_at_lines(text))
    for values in (_whole_values(block.text for block in fenced_blocks(text)), _whole_values([text]), at_lines):
        yield [value for value in values if not is_deeper_than(value, MAX_JSON_DEPTH)]


def _whole_values(candidates: Iterable[str]) -> Iterator[Json]:
    for candidate in candidates:
        try:
            yield json.loads(candidate)
        except (ValueError, RecursionError):
            continue


def _values_at_lines(text: str) -> Iterator[Json]:
    """The values that begin a line of a text, one after another; what cannot be read is tried a few times only.

    Of a list that was cut off the first finding is given, as part of an answer that is not whole.
    """
    decoder = json.JSONDecoder()
    tries, end, is_cut = 0, 0, False
    for found in _JSON_START.finditer(text):
        if found.start(1) < end:
            continue
        if tries == _MAX_TRIES:
            return
        try:
            value, end = decoder.raw_decode(text, found.start(1))
        except (ValueError, RecursionError):
            tries, is_cut = tries + 1, is_cut or found[1] == "["
            continue
        yield value
        if is_cut and _is_finding(value):
            return


def _from_json(text: str) -> list[ReviewFinding] | None:
    """The findings of all lists; without one all objects that are findings, such as one in each line."""
    single: list[ReviewFinding] = []
    for documents in _documents(text):
        lists = [listed for listed in map(_list_in, documents) if listed is not None]
        if lists:
            return _join([[_finding_in_json(finding) for finding in listed[:_MAX_FINDINGS]] for listed in lists])
        single += [_finding_in_json(document) for document in documents if _is_finding(document)]
    # Those of a fence also begin a line of the text.
    return list(dict.fromkeys(single))[:_MAX_FINDINGS] or None


def _join(lists: Sequence[Sequence[ReviewFinding]]) -> list[ReviewFinding]:
    """The findings of several lists, such as one for each file, in their order; of one place those of the last list."""
    kept: list[Sequence[ReviewFinding]] = []
    for later in [findings for findings in lists if findings][-_MAX_LISTS:]:
        places = set(filter(None, map(_place_of, later)))
        kept = [*(_without_revised(earlier, places, len(later)) for earlier in kept), later]
    return [finding for findings in kept for finding in findings][:_MAX_FINDINGS]


def _place_of(finding: ReviewFinding) -> _Place | None:
    if finding.first_line is None or finding.last_line is None:
        return None
    return finding.file, finding.first_line, finding.last_line


def _without_revised(earlier: Sequence[ReviewFinding], places: Set[_Place], length: int) -> Sequence[ReviewFinding]:
    """What a later list of this length with these places leaves of an earlier one: nothing of one that it revises.

    It revises one of several findings where half of the longer list or more have the same places, up to a line. A list
    of the most important findings, or of another file, does not; of such an earlier one the other places stay.
    """
    near = sum(_is_near(_place_of(finding), places) for finding in earlier)
    if len(earlier) > 1 and 2 * near >= max(len(earlier), length):
        return []
    return [finding for finding in earlier if _place_of(finding) not in places]


def _is_near(place: _Place | None, places: Set[_Place]) -> bool:
    """Whether a place is one of these, where its first and its last line may each be off by one."""
    if place is None:
        return False
    file, first, last = place
    return any((file, first + before, last + after) in places for before, after in product((-1, 0, 1), repeat=2))


def _ends_with_empty_list(text: str) -> bool:
    """Whether an empty list is the whole first or last line, before or after sentences."""
    lines = text.strip().split("\n")
    return any(_EMPTY_LIST.fullmatch(line) for line in (lines[0], lines[-1]))


def _place_in(text: str) -> tuple[str | None, list[int]] | None:
    """(file, [first line, last line]) of a claim: "app.py:12", or "lines 12-15" with a file anywhere; None without."""
    place, lines = _FILE_AND_LINE.search(text), _LINES.search(text)
    if place is not None:
        return place[1], [int(number) for number in place.groups()[1:] if number]
    if lines is None:
        return None
    file = _FILE.search(text)
    return file[0] if file else None, [int(number) for number in lines.groups() if number]


def _finding_in_text(text: str) -> ReviewFinding | None:
    place = _place_in(text)
    if place is None:
        return None
    file, lines = place
    word = _SEVERITY_WORD.search(text)
    return ReviewFinding(file, lines[0], lines[-1], severity_of(word[1]) if word else None, text.lower())


def _from_markdown(text: str) -> list[ReviewFinding] | None:
    """One finding for each item, with the lines below it up to the next item that names a place."""
    items: list[list[str]] = []
    for line in text.split("\n"):
        item = _ITEM.match(line)
        if item and (_FILE_AND_LINE.search(item[2]) or _LINES.search(item[2]) or _severity_heading(item[2])):
            items.append([item[2]])
        elif items and not _HEADING.match(line):
            items[-1].append(line)
        elif items:
            items.append([line])
    findings = (_finding_in_text("\n".join(item)[:_MAX_FINDING_CHARS]) for item in items[:_MAX_FINDINGS])
    return [finding for finding in findings if finding is not None] or None


def _severity_heading(text: str) -> bool:
    return _SEVERITY_FIRST.match(text) is not None


def findings_of(answer: str) -> tuple[list[ReviewFinding], str] | None:
    """The findings of an answer and the format that they were in; None where nothing reads as a finding.

    Of an answer of more than 100,000 characters only these are read.
    """
    text = clean(answer)[:_MAX_TEXT_CHARS]
    findings = _from_json(text)
    if findings is not None:
        return findings, "json"
    findings = _from_markdown(text)
    if findings is not None:
        return findings, "markdown"
    return ([], "json") if _ends_with_empty_list(text) else None
