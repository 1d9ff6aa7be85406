"""The code in a model's answer, found by ordered rules; the rule that fired is told. Runs nothing, mends nothing.

The rules stand in one table at the foot of this file. The first one that finds something ends the search. What is not
looked for: code in the model's reasoning, and anything that would have to be put right before it is code.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from harness.languages import LANGUAGES
from harness.score.extraction.fences import Block, blocks_of
from harness.score.extraction.recognition import (
    PLAIN_LABELS,
    code_within,
    defines_all,
    has_code,
    is_code,
    language_of_label,
    may_be_complete,
)
from harness.score.extraction.template_tokens import clean
from harness.score.extraction.wrappers import (
    between,
    codes_in_json,
    diff_within,
    here_documents,
    indented_within,
    is_diff,
    new_side,
    tagged_codes,
)

_FENCED_LINE = re.compile(r"(?<!`)(`{3,})(?:([A-Za-z0-9+#]+)\s)?([^`\n]+)\1(?!`)")
_SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_TEST = re.compile(
    "|".join(dict.fromkeys(language.syntax.test_line for language in LANGUAGES.values() if language.syntax.test_line)),
    re.MULTILINE,
)
_PROMPT = re.compile(r"(?:>>>|\.\.\.)(?: |$)")
_SKETCHED = re.compile(r"(?m)(?:^|[:{]|#|//|/\*|--)[ \t]*(?:\.\.\.|…)(?![\w\[({])")
_DOCUMENTS = ("markdown", "md")
_DIFFS = ("diff", "patch")
_SHELLS = ("bash", "sh", "shell", "zsh", "console")


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


def _whole_ones(blocks: list[Block]) -> list[Block]:
    """Without those that leave something out, as `...` says and as they are shorter than one that does not."""
    whole = [block for block in blocks if not _SKETCHED.search(block.text)]
    longest = max((len(block.text) for block in whole), default=0)
    return [block for block in blocks if block in whole or 4 * len(block.text) >= 3 * longest]


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
    fitting = _whole_ones([block for block in blocks if search.fits(block.text)])
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


def _from_diff(search: Search) -> Found | None:
    """A diff that shows the whole code: its new side."""
    shown = [(block.text, block.closed) for block in search.blocks if block.label in _DIFFS or is_diff(block.text)]
    alone = diff_within(search.text) if not search.blocks else None
    for diff, closed in [*reversed(shown), *([(alone, True)] if alone else [])]:
        code = new_side(diff)
        if code.strip() and search.fits(code) and has_code(search.language, code):
            return Found(code, "diff-new-side", closed)
    return None


def _from_json(search: Search) -> Found | None:
    """A document with the code as one of its texts: an object, a call of a tool, a list of files."""
    called = between(search.text, "tool_call")
    texts = [search.text, *([called[1]] if called else [])]
    texts += [block.text for block in search.blocks if block.label in ("json", "")]
    for code in (code for text in texts for code in codes_in_json(text)):
        inner = blocks_of(clean(code))
        code = inner[-1].text if inner else code
        if search.fits(code) and has_code(search.language, code):
            return Found(code, "json")
    return None


def _from_tags(search: Search) -> Found | None:
    """Code between tags."""
    for code in tagged_codes(search.text) if not search.blocks else ():
        if search.fits(code) and has_code(search.language, code):
            return Found(code, "tagged")
    return None


def _from_here_documents(search: Search) -> Found | None:
    """A file that shell commands would write."""
    shells = [block for block in search.blocks if block.label in _SHELLS]
    for code in (code for block in reversed(shells) for code in here_documents(block.text)):
        if search.language != "bash" and search.fits(code) and has_code(search.language, code):
            return Found(code, "here-document")
    return None


def _from_indented(search: Search) -> Found | None:
    """Code that is indented below a sentence, as Markdown has it."""
    code = indented_within(search.text) if not search.blocks else None
    if code is None or not search.fits(code) or not is_code(search.language, code):
        return None
    return Found(code, "indented")


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
    blocks = _all_blocks(text, language)
    named = tuple(_rightly_labelled(block, language) for block in blocks if block.text.strip())
    search = Search(text if blocks else _without_name(text, language), language, tuple(wanted), joined, named, mark)
    for rule in RULES:
        found = rule(search)
        if found is not None and found.code.strip():
            return found
    return None


def _all_blocks(text: str, language: str, *, nested: bool = False) -> list[Block]:
    """The blocks of an answer, and in place of one that is a document of its own those in it."""
    found: list[Block] = []
    for block in blocks_of(text, lambda code: may_be_complete(language, code)):
        inner = _all_blocks(block.text, language, nested=True) if block.label in _DOCUMENTS and not nested else []
        # The end of a document in a fence of three marks is that of its code: the fence in it was the first to close.
        found += [replace(one, closed=one.closed or block.closed) for one in inner] or [block]
    return found


def _without_name(text: str, language: str) -> str:
    """Without a first line that is nothing but the language's name."""
    first, _, rest = text.partition("\n")
    return rest if first.strip().lower() in LANGUAGES[language].labels and rest.strip() else text


def _rightly_labelled(block: Block, language: str) -> Block:
    """The language's name on the first line of a block is its label; a diff is one under any label."""
    rest = _without_name(block.text, language)
    if block.label == "" and rest != block.text:
        return replace(block, label=block.text.partition("\n")[0].strip().lower(), text=rest)
    return replace(block, label="diff", info="diff") if block.label and is_diff(block.text) else block


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
    _from_indented,
    _from_here_documents,
    _from_prose,
    _from_mislabelled,
    _from_anything_labelled,
)
