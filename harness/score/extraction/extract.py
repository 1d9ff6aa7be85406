"""Finds the code in a model's answer, by ordered rules; `extract` returns the code and the name of the rule.

The rules are in one table at the end of this file, and the first one that finds something ends the search. Code in the
model's reasoning is not searched for, and code is never repaired: what does not compile fails its checks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from harness.languages import LANGUAGES
from harness.score.extraction.fences import DOCUMENT_LABELS, Block, fenced_blocks
from harness.score.extraction.program_parts import (
    main_blocks,
    parts_of,
    tests_of,
    without_fragments,
    without_loaders,
    without_quotes,
    without_setup,
    without_sketches,
)
from harness.score.extraction.recognition import (
    LABELED_FENCE,
    PLAIN_LABELS,
    CompletenessCheck,
    code_within,
    defines_all,
    has_code,
    is_code,
    language_of_label,
    script_within,
)
from harness.score.extraction.template_tokens import clean
from harness.score.extraction.wrappers import (
    between,
    diff_within,
    here_documents,
    indented_within,
    is_diff,
    json_codes,
    new_side,
    tagged_codes,
)

_FENCED_LINE = re.compile(r"(?<!`)(`{3,})(?:([A-Za-z0-9+#]+)\s)?([^`\n]+)\1(?!`)")
_SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_PYTHON_PROMPT = re.compile(r"(?:>>>|\.\.\.)(?: |$)")
_DIFF_LABELS = ("diff", "patch")
_MAX_BLOCKS = 200
_SHELL_LABELS = ("bash", "sh", "shell", "zsh", "console")


@dataclass(frozen=True, slots=True)
class FoundCode:
    """The code, the rule that found it, and whether its block was closed."""

    code: str
    rule: str
    closed: bool = True


@dataclass(frozen=True, slots=True)
class Hints:
    """What is known of an answer beforehand.

    `joined`: all the blocks of the language are one program. `mark`: a pattern that the code, tests, must contain.
    `given`: the texts of the prompt, which an answer may quote. `is_query`: the answer is SQL whose rows are looked at.
    """

    joined: bool = False
    mark: str | None = None
    given: tuple[str, ...] = ()
    is_query: bool = False


NO_HINTS = Hints()


@dataclass(frozen=True, slots=True)
class Search:
    """A cleaned answer with its blocks, and what is searched for: code of `language` that defines `wanted` names."""

    text: str
    language: str
    wanted: tuple[str, ...]
    blocks: tuple[Block, ...]
    hints: Hints
    is_complete: CompletenessCheck

    def fits(self, code: str) -> bool:
        """Whether a text can be the answer: it defines the wanted names, or there are none and it is not empty."""
        if self.hints.mark is not None and not re.search(self.hints.mark, code, re.MULTILINE):
            return False
        return defines_all(self.language, code, self.wanted) if self.wanted else bool(code.strip())

    def is_labeled(self, block: Block) -> bool:
        """Whether a block has a label of the language."""
        language = LANGUAGES[self.language]
        return block.label in language.labels or block.info.endswith(language.extensions)

    def is_plain(self, block: Block) -> bool:
        """Whether a block has no label, or one that names no language."""
        return block.label in PLAIN_LABELS and not self.is_labeled(block)

    def labeled(self) -> list[Block]:
        """The blocks with a label of the language."""
        return [block for block in self.blocks if self.is_labeled(block)]

    def plain(self) -> list[Block]:
        """The blocks without a label that names a language."""
        return [block for block in self.blocks if self.is_plain(block)]


def _found_in(rule: str, block: Block) -> FoundCode:
    return FoundCode(block.text, rule if block.closed else f"{rule}-unclosed", block.closed)


def _join(blocks: Sequence[Block], rule: str) -> FoundCode:
    last = blocks[-1]
    return _found_in(f"{rule}-joined", replace(last, text="\n".join(block.text for block in blocks)))


def _choose(search: Search, blocks: Sequence[Block], rule: str) -> FoundCode | None:
    """The only block that fits, else the last, each with the other parts of its program; else all blocks joined.

    The last one, since models quote the broken code first and correct drafts further down.
    """
    if not blocks:
        return None
    if search.hints.joined and len(blocks) > 1:
        return _join(blocks, rule)
    parts = _chosen_parts(search, blocks)
    if parts:
        return (
            _join(parts, rule) if len(parts) > 1 else _found_in(rule if len(blocks) == 1 else f"{rule}-last", parts[0])
        )
    if len(blocks) > 1 and search.fits("\n".join(block.text for block in blocks)):
        return _join(blocks, rule)
    return None


def _chosen_parts(search: Search, blocks: Sequence[Block]) -> list[Block]:
    """The last of the blocks that is the answer itself, and no quotation, sketch, test or example, with its parts."""
    fitting = [block for block in blocks if search.fits(block.text)]
    fitting = without_sketches(without_quotes(fitting, search.hints.given))
    if search.wanted:
        fitting = without_fragments(search.language, without_loaders(fitting, search.wanted), search.is_complete)
    elif search.hints.mark is None:
        fitting = main_blocks(search.language, without_setup(fitting) if search.hints.is_query else fitting)
    if search.hints.mark is not None:
        return tests_of(search.language, blocks, fitting)
    return parts_of(search.language, blocks, fitting[-1], starts=not search.wanted) if fitting else []


def _from_labeled(search: Search) -> FoundCode | None:
    return _choose(search, search.labeled(), "fenced")


def _from_plain(search: Search) -> FoundCode | None:
    blocks = [block for block in search.plain() if search.wanted or has_code(search.language, block.text)]
    return _choose(search, blocks, "fenced-plain")


def _from_single_plain(search: Search) -> FoundCode | None:
    """The only plain block, whatever it looks like, where no names are wanted."""
    blocks = search.plain()
    return _choose(search, blocks, "fenced-plain") if len(blocks) == 1 and not search.wanted else None


def _from_mixed(search: Search) -> FoundCode | None:
    """The wanted names in several blocks, some labeled with the language and some plain."""
    if not search.wanted:
        return None
    candidates = [block for block in search.blocks if search.is_labeled(block) or search.is_plain(block)]
    return _choose(search, candidates, "fenced-mixed")


def _from_diff(search: Search) -> FoundCode | None:
    """The new side of a diff that shows the whole code."""
    fenced = [
        (block.text, block.closed) for block in search.blocks if block.label in _DIFF_LABELS or is_diff(block.text)
    ]
    unfenced = diff_within(search.text) if not search.blocks else None
    for diff, closed in [*reversed(fenced), *([(unfenced, True)] if unfenced else [])]:
        code = new_side(diff)
        if code.strip() and search.fits(code) and has_code(search.language, code):
            return FoundCode(code, "diff-new-side", closed)
    return None


def _from_json(search: Search) -> FoundCode | None:
    """Code in a string of a JSON document: an object, a tool call, a list of files."""
    tool_call = between(search.text, "tool_call")
    texts = [search.text, *([tool_call[1]] if tool_call else [])]
    texts += [block.text for block in search.blocks if block.label in ("json", "")]
    for code in (code for text in texts for code in json_codes(text)):
        inner = fenced_blocks(clean(code))
        code = inner[-1].text if inner else code
        if search.fits(code) and has_code(search.language, code):
            return FoundCode(code, "json")
    return None


def _from_tags(search: Search) -> FoundCode | None:
    """Code between tags."""
    for code in tagged_codes(search.text) if not search.blocks else ():
        if search.fits(code) and has_code(search.language, code):
            return FoundCode(code, "tagged")
    return None


def _from_here_documents(search: Search) -> FoundCode | None:
    """A file that shell commands of the answer would write."""
    shells = [block for block in search.blocks if block.label in _SHELL_LABELS]
    for code in (code for block in reversed(shells) for code in here_documents(block.text)):
        if search.language != "bash" and search.fits(code) and has_code(search.language, code):
            return FoundCode(code, "here-document")
    return None


def _from_indented(search: Search) -> FoundCode | None:
    """Code that is indented below a sentence, as Markdown has it."""
    code = indented_within(search.text) if not search.blocks else None
    if code is None or not search.fits(code) or not is_code(search.language, code):
        return None
    return FoundCode(code, "indented")


def _from_spans(search: Search) -> FoundCode | None:
    """Code on one line, between backticks; none that a comment of longer code quotes."""
    if search.blocks:
        return None
    spans = [match[3] for match in _FENCED_LINE.finditer(search.text)]
    spans += [match[1] for match in _SPAN.finditer(search.text)]
    outside = code_within(search.language, _SPAN.sub("", _FENCED_LINE.sub("", search.text))) or ""
    for code in reversed(spans):
        if len(code) >= len(outside) and search.fits(code) and is_code(search.language, code.strip()):
            return FoundCode(code.strip() + "\n", "inline")
    return None


def _from_whole(search: Search) -> FoundCode | None:
    """An answer that is code from its first line to its last, or that begins as a script does."""
    if search.blocks:
        return None
    if is_code(search.language, search.text):
        return FoundCode(search.text, "unfenced")
    script = script_within(search.text) if has_code(search.language, search.text) else None
    return None if script is None else FoundCode(script, "unfenced")


def _from_prompts(search: Search) -> FoundCode | None:
    """The input lines of a session at the Python prompt."""
    text = search.labeled()[-1].text if search.labeled() else search.text
    if search.language != "python" or not text.lstrip().startswith(">>> "):
        return None
    code = "\n".join(line[4:] for line in text.split("\n") if _PYTHON_PROMPT.match(line)) + "\n"
    return FoundCode(code, "prompt-session") if search.fits(code) and is_code("python", code) else None


def _from_prose(search: Search) -> FoundCode | None:
    """Code between sentences, without a fence."""
    if search.blocks:
        return None
    code = code_within(search.language, search.text)
    if code is None or not (search.fits(code) or has_code(search.language, code)):
        return None
    return FoundCode(code, "unfenced-in-prose")


def _from_any_labeled(search: Search) -> FoundCode | None:
    """Code of the language that does not define the wanted names; it fails its checks."""
    blocks = main_blocks(
        search.language,
        search.labeled() or [block for block in search.plain() if has_code(search.language, block.text)],
    )
    return _found_in("fenced-undefined", blocks[-1]) if blocks else None


def _from_mislabeled(search: Search) -> FoundCode | None:
    """Code of the language in a block with another language's label."""
    for block in reversed(search.blocks):
        other = language_of_label(block.label)
        if other != search.language and search.fits(block.text) and has_code(search.language, block.text):
            return _found_in("fenced-mislabeled", block)
    return None


def extract(answer: str, language: str, wanted: Sequence[str] = (), hints: Hints = NO_HINTS) -> FoundCode | None:
    """The code in an answer, or None. Code that defines the `wanted` names and contains the mark goes first."""
    text = clean(answer)
    is_complete = CompletenessCheck(language)
    blocks = _all_blocks(text, is_complete)
    labeled = tuple(_with_true_label(block, language) for block in blocks[-_MAX_BLOCKS:] if block.text.strip())
    text = text if blocks else _without_name(text, language)
    search = Search(text, language, tuple(wanted), labeled, hints, is_complete)
    for rule in RULES:
        found = rule(search)
        if found is not None and found.code.strip():
            return found
    return None


def _all_blocks(text: str, is_complete: CompletenessCheck, *, nested: bool = False) -> list[Block]:
    """The blocks of an answer; a block that is a Markdown document is replaced by the blocks in it."""
    found: list[Block] = []
    for block in fenced_blocks(text, is_complete):
        inner = (
            _all_blocks(block.text, is_complete, nested=True) if not nested and _is_document(block, is_complete) else []
        )
        # A document in a fence of three marks ends where its own code block does: that fence was the first to close.
        found += [replace(part, closed=part.closed or block.closed) for part in inner] or [block]
    return found


def _is_document(block: Block, is_complete: CompletenessCheck) -> bool:
    """Whether a block is Markdown: by its label, or without one by a labeled fence that is in no string of its code."""
    if block.label in DOCUMENT_LABELS:
        return True
    return block.label in PLAIN_LABELS and bool(LABELED_FENCE.search(block.text)) and not is_complete(block.text)


def _without_name(text: str, language: str) -> str:
    """The text without a first line that is only the language's name."""
    first, _, code = text.partition("\n")
    return code if first.strip().lower() in LANGUAGES[language].labels and code.strip() else text


def _with_true_label(block: Block, language: str) -> Block:
    """The block with the label that its text shows: the language's name on its first line, or that it is a diff."""
    code = _without_name(block.text, language)
    if block.label == "" and code != block.text:
        return replace(block, label=block.text.partition("\n")[0].strip().lower(), text=code)
    return replace(block, label="diff", info="diff") if block.label and is_diff(block.text) else block


Rule = Callable[[Search], FoundCode | None]

# The order follows how sure a rule is: an explicit mark of the language before a plain block, a block before a wrapper,
# a wrapper before text that only looks like code. Prompt sessions come first, since their block is labeled python but
# is not Python; diffs come before plain blocks, which they often are.
#
# The rules exist since published harnesses score right answers as 0 for their shape: labels and fences in
# lm-evaluation-harness (issues 2954, 2648) and inspect_evals (2170, 2454), a stray closing fence in benchlocal-cli
# (120). Five extractors, run on 17 shapes of one right answer: LiveCodeBench takes the last block and so the usage
# example, four take a draft inside <think>, none reads a fence under a list item. tests/test_score_extraction.py has
# the shapes.
RULES: tuple[Rule, ...] = (
    _from_prompts,
    _from_labeled,
    _from_diff,
    _from_plain,
    _from_mixed,
    _from_json,
    _from_tags,
    _from_whole,
    _from_spans,
    _from_indented,
    _from_here_documents,
    _from_prose,
    _from_mislabeled,
    _from_single_plain,
    _from_any_labeled,
)
