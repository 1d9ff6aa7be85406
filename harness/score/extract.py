"""The code in a model's answer, found by ordered rules; the rule that fired is told. Runs nothing, mends nothing.

The rules stand in one table at the foot of this file. The first one that finds something ends the search. What is not
looked for: code in the model's reasoning, and anything that would have to be put right before it is code.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from harness.score.fences import Block, blocks_of, clean
from harness.score.languages import (
    LANGUAGES,
    PLAIN_LABELS,
    code_within,
    defines_all,
    has_code,
    is_code,
    language_of_label,
    parses,
)

_CODE_KEYS = ("code", "answer", "solution", "content", "program", "source", "file")
_TAGS = "code pre answer solution script python javascript typescript go rust bash sql"
_FENCED_LINE = re.compile(r"(?<!`)(`{3,})(?:([A-Za-z0-9+#]+)\s)?([^`\n]+)\1(?!`)")
_SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_TEST = re.compile(
    r"^\s*(?:(?:async\s+)?def test_|class Test\w*[(:]|(?:import|from) (?:pytest|unittest|answer)\b|describe\("
    r"|func Test[A-Z])|require\(['\"](?:node:)?(?:assert|test|\./answer)|#\[test\]",
    re.MULTILINE,
)
_PROMPT = re.compile(r"(?:>>>|\.\.\.)(?: |$)")


@dataclass(frozen=True, slots=True)
class Found:
    """The code, the rule that found it, and whether its block was closed."""

    code: str
    rule: str
    closed: bool = True


@dataclass(frozen=True, slots=True)
class Search:
    """A cleaned answer with its blocks, and what is looked for: code of `language` that defines the `wanted` names.

    `joined` says that all the blocks of the language are one program, `mark` is a pattern that the code must hold.
    """

    text: str
    language: str
    wanted: tuple[str, ...]
    joined: bool
    blocks: tuple[Block, ...]
    mark: str | None = None

    def fits(self, code: str) -> bool:
        """Whether a text can be the answer: it defines what is wanted, or is code where no name is."""
        if self.mark is not None and not re.search(self.mark, code, re.MULTILINE):
            return False
        return defines_all(self.language, code, self.wanted) if self.wanted else bool(code.strip())

    def is_labelled(self, block: Block) -> bool:
        """Whether a block has a label of the language."""
        known = LANGUAGES[self.language]
        return block.label in known.labels or block.info.endswith(known.extensions)

    def is_plain(self, block: Block) -> bool:
        """Whether a block has no label, or one that names no language."""
        return block.label in PLAIN_LABELS and not self.is_labelled(block)

    def labelled(self) -> list[Block]:
        """The blocks with a label of the language."""
        return [block for block in self.blocks if self.is_labelled(block)]

    def plain(self) -> list[Block]:
        """The blocks without a label that names a language."""
        return [block for block in self.blocks if self.is_plain(block)]


def _main_blocks(blocks: Sequence[Block]) -> list[Block]:
    """Scripts, where there are any; no tests, where there is anything else; and nothing that is short beside the
    longest: an example of its use."""
    scripts = [block for block in blocks if block.text.startswith("#!")] or list(blocks)
    scripts = [block for block in scripts if not _TEST.search(block.text)] or scripts
    longest = max((len(block.text) for block in scripts), default=0)
    return [block for block in scripts if 2 * len(block.text) >= longest]


def _told(rule: str, block: Block) -> Found:
    return Found(block.text, rule if block.closed else f"{rule}-unclosed", block.closed)


def _joined(blocks: Sequence[Block], rule: str) -> Found:
    last = blocks[-1]
    return _told(f"{rule}-joined", replace(last, text="\n".join(block.text for block in blocks)))


def _choose(search: Search, blocks: Sequence[Block], rule: str) -> Found | None:
    """One block, else the last that fits, else all together."""
    if not blocks:
        return None
    if search.joined and len(blocks) > 1:
        return _joined(blocks, rule)
    fitting = [block for block in blocks if search.fits(block.text)]
    if not search.wanted:
        fitting = _main_blocks(fitting)
    if fitting:
        return _told(rule if len(blocks) == 1 else f"{rule}-last", fitting[-1])
    if len(blocks) > 1 and search.fits("\n".join(block.text for block in blocks)):
        return _joined(blocks, rule)
    return None


def _from_labelled(search: Search) -> Found | None:
    return _choose(search, search.labelled(), "fenced")


def _from_plain(search: Search) -> Found | None:
    blocks = [block for block in search.plain() if search.wanted or has_code(search.language, block.text)]
    return _choose(search, blocks or ([] if search.wanted else _only(search.plain())), "fenced-plain")


def _only(blocks: list[Block]) -> list[Block]:
    return blocks if len(blocks) == 1 else []


def _from_mixed(search: Search) -> Found | None:
    """A name in a block of the language and another in one without a label."""
    if not search.wanted:
        return None
    mine = [block for block in search.blocks if search.is_labelled(block) or search.is_plain(block)]
    return _choose(search, mine, "fenced-mixed")


def new_side(diff: str) -> str:
    """The lines of a diff that stand after it, without its headers."""
    body = [line for line in diff.split("\n") if not re.match(r"(?:diff |index |---|\+\+\+|@@|\\ No newline)", line)]
    kept = [line[1:] if line[:1] in "+ " else line for line in body if not line.startswith("-")]
    return "\n".join(kept).rstrip("\n") + "\n"


def _from_diff(search: Search) -> Found | None:
    """A diff that shows the whole code: its new side."""
    for block in reversed(search.blocks):
        looks = block.label in ("diff", "patch") or re.match(r"(?:--- |@@ )", block.text)
        code = new_side(block.text) if looks else ""
        if code.strip() and search.fits(code) and has_code(search.language, code):
            return Found(code, "diff-new-side", block.closed)
    return None


def _code_of_json(text: str) -> str | None:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    texts = [document[key] for key in _CODE_KEYS if isinstance(document.get(key), str)]
    return texts[0] if texts else None


def _from_json(search: Search) -> Found | None:
    """An object with the code as one of its texts."""
    for text in [search.text, *(block.text for block in search.blocks if block.label in ("json", ""))]:
        code = _code_of_json(text)
        if code is None:
            continue
        inner = blocks_of(clean(code))
        code = inner[-1].text if inner else code
        if search.fits(code) and has_code(search.language, code):
            return Found(code, "json")
    return None


def _between(text: str, name: str, marks: tuple[str, str]) -> tuple[int, str] | None:
    """What the last pair of a tag holds, and where; `marks` are its brackets."""
    low, high = marks
    folded = text.lower() if len(text.lower()) == len(text) else text
    end = folded.rfind(f"{low}/{name}{high}")
    start = folded.rfind(f"{low}{name}", 0, max(end, 0))
    begins = folded.find(high, start, end)
    return None if min(end, start, begins) < 0 else (start, text[begins + 1 : end])


def _from_tags(search: Search) -> Found | None:
    """Code between tags."""
    if search.blocks:
        return None
    pairs = [_between(search.text, name, marks) for name in _TAGS.split() for marks in (("<", ">"), ("[", "]"))]
    for _, inner in sorted((pair for pair in pairs if pair is not None), reverse=True):
        code = html.unescape(inner).strip("\n") + "\n"
        if search.fits(code) and has_code(search.language, code):
            return Found(code, "tagged")
    return None


def _from_spans(search: Search) -> Found | None:
    """Code on one line, between backticks."""
    if search.blocks:
        return None
    spans = [match[3] for match in _FENCED_LINE.finditer(search.text)]
    spans += [match[1] for match in _SPAN.finditer(search.text)]
    for code in reversed(spans):
        if search.fits(code) and is_code(search.language, code.strip()):
            return Found(code.strip() + "\n", "inline")
    return None


def _from_whole(search: Search) -> Found | None:
    """An answer that is nothing but code."""
    if search.blocks or not is_code(search.language, search.text):
        return None
    return Found(search.text, "unfenced")


def _from_prompts(search: Search) -> Found | None:
    """A session of the Python prompt."""
    text = search.labelled()[-1].text if search.labelled() else search.text
    if search.language != "python" or not text.lstrip().startswith(">>> "):
        return None
    code = "\n".join(line[4:] for line in text.split("\n") if _PROMPT.match(line)) + "\n"
    return Found(code, "prompt-session") if search.fits(code) and is_code("python", code) else None


def _from_prose(search: Search) -> Found | None:
    """Code without a fence, between sentences."""
    if search.blocks:
        return None
    code = code_within(search.language, search.text)
    if code is None or not (search.fits(code) or has_code(search.language, code)):
        return None
    return Found(code, "unfenced-in-prose")


def _from_anything_labelled(search: Search) -> Found | None:
    """Code of the language that does not define what is wanted: it will fail its checks."""
    blocks = _main_blocks(search.labelled() or [b for b in search.plain() if has_code(search.language, b.text)])
    return _told("fenced-undefined", blocks[-1]) if blocks else None


def _from_mislabelled(search: Search) -> Found | None:
    """A block under another language's label that is code of this one."""
    for block in reversed(search.blocks):
        other = language_of_label(block.label)
        if other != search.language and search.fits(block.text) and has_code(search.language, block.text):
            return _told("fenced-mislabelled", block)
    return None


def extract(
    answer: str, language: str, wanted: Sequence[str] = (), *, joined: bool = False, mark: str | None = None
) -> Found | None:
    """The code in an answer, None when it holds none. Code that defines the `wanted` names and holds the pattern `mark`
    is preferred."""
    text = clean(answer)
    blocks = blocks_of(text, lambda code: parses(language, code) is not False)
    named = tuple(_without_name_line(block, language) for block in blocks if block.text.strip())
    search = Search(text, language, tuple(wanted), joined, named, mark)
    for rule in RULES:
        found = rule(search)
        if found is not None and found.code.strip():
            return found
    return None


def _without_name_line(block: Block, language: str) -> Block:
    """The language's name on the first line of a block is its label."""
    first, _, rest = block.text.partition("\n")
    if block.label == "" and first.strip().lower() in LANGUAGES[language].labels and rest.strip():
        return replace(block, label=first.strip().lower(), text=rest)
    return block


Rule = Callable[[Search], Found | None]

# The order is the point: what is marked as code of the language goes before what only looks like it.
RULES: tuple[Rule, ...] = (
    _from_prompts,
    _from_labelled,
    _from_diff,
    _from_plain,
    _from_mixed,
    _from_json,
    _from_tags,
    _from_spans,
    _from_whole,
    _from_prose,
    _from_mislabelled,
    _from_anything_labelled,
)
