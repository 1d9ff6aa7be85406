"""The first place at which two requests differ, in the words of the request: `first_difference`.

`find_differences` gives all of them, `first_reshaping`, `first_id` and `first_option` what most servers do not write:

system[0]: "cc_version=2.1.36.1a2" became "cc_version=2.1.36.1b7"
tools[3] (Bash) moved to tools[5]
messages[4].thinking dropped
messages[1].content became a string, same text
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from harness.apis import RequestPart, to_text
from harness.session.units import Prompt, PromptUnit, shared_prefix
from harness.types import Json

Change = Literal["text", "moved", "dropped", "inserted", "role", "shape", "id", "option"]
_BEFORE_CHARS, _SHOWN_CHARS = 24, 36
_CONTEXT_CHARS = 160
"""How much of the text around a difference is kept, to find its cure."""


@dataclass(frozen=True, slots=True)
class PromptDifference:
    """A place of the earlier request and what became of it; `prefix_chars` of that request come before it.

    `old` and `new` are its text there, of a long one what surrounds the first change; `changed` are the words, old and
    new, that differ themselves. The prefix is None for a field that a template may write anywhere.
    """

    path: str
    change: Change
    sentence: str
    prefix_chars: int | None
    old: str = ""
    new: str = ""
    changed: str | None = None


def first_difference(old: Prompt, new: Prompt) -> PromptDifference | None:
    """The first text, role or order that differs inside the old request; None if the new one only extends it."""
    return next(find_differences(old, new), None)


@dataclass(frozen=True, slots=True)
class _Rest:
    """The units of a request from one on; `last` has the last place of each key in the whole request."""

    units: Sequence[PromptUnit]
    last: Mapping[tuple[str, ...], int]
    at: int

    def has(self, key: tuple[str, ...], skipped: int = 0) -> bool:
        """Whether a unit with this key comes, after so many others."""
        return self.last.get(key, -1) >= self.at + skipped


def find_differences(old: Prompt, new: Prompt) -> Iterator[PromptDifference]:
    """All places that differ, in the order of the old request; after each the two are aligned again."""
    at, other_at = 0, 0
    # Once, and not at each difference: in a compacted conversation nearly all units differ.
    last, other_last = ({unit.key: place for place, unit in enumerate(prompt.units)} for prompt in (old, new))
    while at < len(old.units):
        unit = old.units[at]
        other = new.units[other_at] if other_at < len(new.units) else None
        if other is None or unit.slot != other.slot or unit.text != other.text:
            rests = (_Rest(old.units, last, at), _Rest(new.units, other_last, other_at))
            is_same_kind = other is not None and unit.slot == other.slot
            before = old.starts[at] + (shared_prefix(unit.text, other.text) if other and is_same_kind else 0)
            if other is None:
                yield _dropped(rests[0], rests[1], before)
                return
            found = _difference(unit, other, rests, before)
            yield found
            at += found.change != "inserted"
            other_at += found.change in ("text", "role", "inserted")
            continue
        at, other_at = at + 1, other_at + 1


def _difference(unit: PromptUnit, other: PromptUnit, rests: tuple[_Rest, _Rest], before: int) -> PromptDifference:
    is_kept, is_known = rests[1].has(unit.key, 1), rests[0].has(other.key, 1)
    place = _place(unit.parts[0])
    if unit.key == other.key or (unit.slot == other.slot and not is_kept and not is_known):
        return _rewritten(unit, other, before)
    if unit.text == other.text and unit.slot[1:] == other.slot[1:]:
        sentence = f'{unit.parts[0].message}.role: "{unit.parts[0].role}" became "{other.parts[0].role}"'
        return PromptDifference(f"{unit.parts[0].message}.role", "role", sentence, before, unit.text, other.text)
    if is_kept and is_known:
        following = rests[1].units[rests[1].at :]
        to = next(each for each in following if each.key == unit.key).parts[0].path
        sentence = f"{place} moved to {to}"
        return PromptDifference(unit.parts[0].path, "moved", sentence, before, unit.text, other.text)
    if is_kept:
        inserted = other.parts[0]
        sentence = f"{_place(inserted)} inserted: {_quote(other.text, 0)}"
        return PromptDifference(inserted.path, "inserted", sentence, before, "", other.text)
    if is_known or unit.slot != other.slot:
        return _dropped(rests[0], rests[1], before)
    return _rewritten(unit, other, before)


def _dropped(rest: _Rest, kept: _Rest, before: int) -> PromptDifference:
    """The first unit of the rest is gone: alone, or with the rest of its reply."""
    unit, part = rest.units[rest.at], rest.units[rest.at].parts[0]
    following = rest.units[rest.at + 1] if rest.at + 1 < len(rest.units) else None
    is_whole = following is not None and unit.is_reply and following.is_reply and not kept.has(following.key)
    path, place = (part.message, part.message) if is_whole else (part.path, _place(part))
    return PromptDifference(path, "dropped", f"{place} dropped", before, unit.text)


def _rewritten(unit: PromptUnit, other: PromptUnit, before: int) -> PromptDifference:
    """The part of the unit in which its text becomes different, and the words around that place."""
    at = shared_prefix(unit.text, other.text)
    part, offset = _part_at(unit, at)
    whitespace = "".join(unit.text.split()) == "".join(other.text.split())
    words = f"{_quote(unit.text, at)} became {_quote(other.text, at)}"
    sentence = f"{_place(part)}: {words}" + (", only whitespace" if whitespace else "")
    start = max(at - offset, at - _CONTEXT_CHARS)
    old, new = (text[start : at + _CONTEXT_CHARS] for text in (unit.text, other.text))
    changed = _changed_words(unit.text, other.text, at)
    return PromptDifference(part.path, "text", sentence, before, old, new, changed)


def _changed_words(old: str, new: str, at: int) -> str:
    """The words of both texts from the first character that differs to the last one."""
    same = shared_prefix(old[at:][::-1], new[at:][::-1])
    return "\n".join(
        text[_word_start(text, at) : _word_end(text, len(text) - same)][:_CONTEXT_CHARS] for text in (old, new)
    )


def _word_start(text: str, at: int) -> int:
    start = at
    while start > 0 and at - start < _CONTEXT_CHARS and not text[start - 1].isspace():
        start -= 1
    return start


def _word_end(text: str, at: int) -> int:
    end = at
    while end < len(text) and end - at < _CONTEXT_CHARS and not text[end].isspace():
        end += 1
    return end


def _part_at(unit: PromptUnit, at: int) -> tuple[RequestPart, int]:
    """The part with this character, and its place in the part; the last one for a text that only grew."""
    for part in unit.parts:
        if at < len(part.text):
            return part, at
        at -= len(part.text)
    return unit.parts[-1], at + len(unit.parts[-1].text)


def _place(part: RequestPart) -> str:
    return f"{part.path} ({part.name})" if part.kind == "tool" and part.name else part.path


def _quote(text: str, at: int) -> str:
    """The words around a character, from the beginning of the word that it is in."""
    start = at
    while start > 0 and at - start < _BEFORE_CHARS and not text[start - 1].isspace():
        start -= 1
    shown = text[start : start + _SHOWN_CHARS].replace("\n", "\\n")
    head, tail = (
        "…" if start > 0 and not text[start - 1].isspace() else "",
        "…" if len(text) > start + _SHOWN_CHARS else "",
    )
    return f'"{head}{shown}{tail}"'


def first_reshaping(old: Sequence[PromptUnit], new: Sequence[PromptUnit]) -> PromptDifference | None:
    """The first message that has the same text in another form; most servers write both alike."""
    before = 0
    for unit, other in zip(old, new, strict=False):
        if unit.slot == other.slot and unit.text == other.text and unit.shape != other.shape:
            form = "a string" if "[" not in "".join(other.shape) else f"a list of {len(other.parts)}"
            place = f"{unit.parts[0].message}.content" if unit.parts[0].message != "system" else "system"
            sentence = f"{place} became {form}, same text"
            return PromptDifference(place, "shape", sentence, before, unit.text, other.text)
        before += unit.chars
    return None


def first_id(old: Sequence[PromptUnit], new: Sequence[PromptUnit]) -> PromptDifference | None:
    """The first call or result that has another id and is the same otherwise; few templates write ids."""
    before = 0
    for unit, other in zip(old, new, strict=False):
        ids = unit.parts[0].call_id, other.parts[0].call_id
        if unit.slot == other.slot and unit.text == other.text and ids[0] != ids[1]:
            part = unit.parts[0]
            sentence = f"id of {part.path}: {_quote(ids[0], 0)} became {_quote(ids[1], 0)}"
            return PromptDifference(part.path, "id", sentence, before, *ids)
        before += unit.chars
    return None


def first_option(old: Mapping[str, Json], new: Mapping[str, Json]) -> PromptDifference | None:
    """The first field beside the conversation that differs and that a template can see."""
    for name in sorted(old.keys() | new.keys()):
        before, after = (to_text(options[name]) if name in options else "" for options in (old, new))
        if before == after:
            continue
        at = shared_prefix(before, after)
        if not before or not after:
            sentence = f"{name} {'inserted' if not before else 'dropped'}: {_quote(before or after, 0)}"
        else:
            sentence = f"{name}: {_quote(before, at)} became {_quote(after, at)}"
        return PromptDifference(name, "option", sentence, None, before, after)
    return None
