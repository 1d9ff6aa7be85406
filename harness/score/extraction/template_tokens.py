"""What a model's template leaves around an answer is taken away: thoughts, channels, marks of turns; no more."""

from __future__ import annotations

import re

_MARK = re.compile(r"<\|[\w.-]{1,40}\|>|<｜[^｜<>\n]{1,40}｜>")
_LEADING = re.compile(r"\A\s*(?:(?:<\|[\w.-]{1,40}\|>|<｜[^｜<>\n]{1,40}｜>)(?:assistant(?=\s))?\s*)+")
_MARKS = ("</s>", "<end_of_turn>", "<eos>", "[/INST]")
_LONGEST_MARK = 44
_THINKING = (
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<seed:think>", "</seed:think>"),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
    ("<|channel>thought", "<channel|>"),
    ("<|channel|>analysis<|message|>", "<|channel|>final<|message|>"),
)
_THOUGHTS = ("thought", "reasoning")
_INVISIBLE = "\ufeff\u200b"


def clean(answer: str) -> str:
    """The answer with lines that end in a newline, without thoughts, byte order mark and marks of turns."""
    text = answer.replace("\r\n", "\n").replace("\r", "\n").lstrip(_INVISIBLE)
    return _without_end_marks(_LEADING.sub("", _without_thoughts(text), count=1))


def _without_thoughts(text: str) -> str:
    """What follows the last thought that ended; nothing where a thought began and never ended."""
    ended = max(text.rfind(end) + len(end) if end in text else 0 for _, end in _THINKING)
    text = text[ended:]
    if text.lstrip().startswith(tuple(begin for begin, _ in _THINKING)):
        return ""
    for name in _THOUGHTS:
        text = _without_element(text, f"<{name}>", f"</{name}>")
    return text


def _without_element(text: str, opening: str, closing: str) -> str:
    kept, at = [], 0
    while (start := text.find(opening, at)) >= 0 and (end := text.find(closing, start)) >= 0:
        kept.append(text[at:start])
        at = end + len(closing)
    return "".join([*kept, text[at:]])


def _without_end_marks(text: str) -> str:
    end = len(text)
    while (before := _before_mark(text, _end_of_text(text, end))) is not None:
        end = before
    return text if end == len(text) else f"{text[: _end_of_text(text, end)]}\n"


def _end_of_text(text: str, end: int) -> int:
    while end and text[end - 1].isspace():
        end -= 1
    return end


def _before_mark(text: str, end: int) -> int | None:
    """Where the mark that ends here begins; None where there is none."""
    for mark in _MARKS:
        if text.endswith(mark, 0, end):
            return end - len(mark)
    least = max(0, end - _LONGEST_MARK)
    start = max(text.rfind("<|", least, end), text.rfind("<｜", least, end))
    return start if start >= 0 and _MARK.fullmatch(text, start, end) else None
