"""Removes what a chat template leaves around an answer: reasoning, channel names and end-of-turn tokens.

`clean` is the entry point. Servers that do not know a model's template leave these in the content.
"""

from __future__ import annotations

import re

_TOKEN = re.compile(r"<\|[\w.-]{1,40}\|>|<｜[^｜<>\n]{1,40}｜>")
_LEADING_TOKENS = re.compile(r"\A\s*(?:(?:<\|[\w.-]{1,40}\|>|<｜[^｜<>\n]{1,40}｜>)(?:assistant(?=\s))?\s*)+")
_END_TOKENS = ("</s>", "<end_of_turn>", "<eos>", "[/INST]")
_MAX_TOKEN_CHARS = 44
_REASONING = (
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<seed:think>", "</seed:think>"),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
    ("<|channel>thought", "<channel|>"),
    ("<|channel|>analysis<|message|>", "<|channel|>final<|message|>"),
)
_ELEMENTS = ("thought", "reasoning")
# In a sentence, "the </think> tag", or quoted on both sides, but not by three backticks: a thought may end in code.
_LEFT_OF_MENTION = re.compile(r"\b(?:the|an?|any|no|this|that|tag|token|mark) \Z|(?<!`)([`'\"])\Z", re.IGNORECASE)
_RIGHT_OF_MENTION = re.compile(r" [a-z]|[.,;:?!]")
_MAX_LEFT_CHARS = 8
_INVISIBLE = "\ufeff\u200b"


def clean(answer: str) -> str:
    """The answer with Unix newlines, without reasoning, byte order mark and template tokens."""
    text = answer.replace("\r\n", "\n").replace("\r", "\n").lstrip(_INVISIBLE)
    return _without_end_tokens(_LEADING_TOKENS.sub("", _without_reasoning(text), count=1))


def _without_reasoning(text: str) -> str:
    """The text after the last closing mark of reasoning; "" where reasoning begins and never ends."""
    text = text[max(_end_of_reasoning(text, marks) for marks in _REASONING) :]
    if text.lstrip().startswith(tuple(begin for begin, _ in _REASONING)):
        return ""
    for name in _ELEMENTS:
        text = _without_element(text, f"<{name}>", f"</{name}>")
    return text


def _end_of_reasoning(text: str, marks: tuple[str, str]) -> int:
    """Where the text after the last closing mark begins, 0 without one.

    A mark that a sentence or a string of code mentions closes nothing but reasoning that was opened and has no other.
    A mark with nothing below it does close: what is above may be reasoning whose opening mark the template has put into
    the prompt.
    """
    opening, mark = marks
    end = len(text)
    while (start := text.rfind(mark, 0, end)) >= 0:
        after = start + len(mark)
        left = _LEFT_OF_MENTION.search(text[max(0, start - _MAX_LEFT_CHARS) : start])
        is_mention = left and (text.startswith(left[1], after) if left[1] else _RIGHT_OF_MENTION.match(text, after))
        if not is_mention:
            return after
        end = start
    return text.rfind(mark) + len(mark) if mark in text and text.lstrip().startswith(opening) else 0


def _without_element(text: str, opening: str, closing: str) -> str:
    kept, at = [], 0
    while (start := text.find(opening, at)) >= 0 and (end := text.find(closing, start)) >= 0:
        kept.append(text[at:start])
        at = end + len(closing)
    return "".join([*kept, text[at:]])


def _without_end_tokens(text: str) -> str:
    end = len(text)
    while (before := _before_end_token(text, _end_of_text(text, end))) is not None:
        end = before
    return text if end == len(text) else f"{text[: _end_of_text(text, end)]}\n"


def _end_of_text(text: str, end: int) -> int:
    while end and text[end - 1].isspace():
        end -= 1
    return end


def _before_end_token(text: str, end: int) -> int | None:
    """The beginning of the end token that ends here; None where there is none."""
    for token in _END_TOKENS:
        if text.endswith(token, 0, end):
            return end - len(token)
    earliest = max(0, end - _MAX_TOKEN_CHARS)
    start = max(text.rfind("<|", earliest, end), text.rfind("<｜", earliest, end))
    return start if start >= 0 and _TOKEN.fullmatch(text, start, end) else None
