"""Chooses among the fenced blocks of an answer: which block is the answer, and which others belong to the same program.

The `without_` functions and `main_blocks` drop what only looks like the answer: code that the prompt gave, sketches,
tests, examples of use.
`parts_of` finds the blocks that a block needs, or that start what it defines: models explain a program part by part.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from harness.languages import LANGUAGES
from harness.score.extraction.fences import Block

_TEST = re.compile(
    "|".join(dict.fromkeys(language.syntax.test_line for language in LANGUAGES.values() if language.syntax.test_line)),
    re.MULTILINE,
)
_ELLIPSIS = re.compile(r"(?m)(?:^|[:{]|#|//|/\*|--)[ \t]*(?:\.\.\.|…)(?![\w\[({])")
_ENTRY_POINT = re.compile(
    r"__name__\s*==|\bsys\.(?:argv|stdin)\b|\bprocess\.(?:argv|stdin)\b|require\.main|^main\s*\(|\bmain \"\$@\""
    r"|^func main\b|^(?:pub )?fn main\b|^[^#\n]*\$[@*#1-9]",
    re.MULTILINE,
)
_BASH_FUNCTION = re.compile(r"(?m)^[ \t]*+(?:function\s+)?([A-Za-z_][\w-]*)\s*\(\)")
_BASH_HEAD = re.compile(r"(?:function\s+)?[\w-]+\s*+\(\)|function\s")
_QUOTED = re.compile(r"'[^'\n]*'")
_ARGUMENTS = re.compile(r"\$\{?[@*#1-9]")
# A label says what the block is: "The original code was:". A sentence may speak of the old code and lead to the new:
# "The previous version is wrong for an empty list, so:".
_OLD = re.compile(
    r"(?:^\W*|\bfor (?:reference|comparison)\W+)"
    r"(?:(?:and|again|here(?:'s| is| was)|this (?:is|was)|that (?:is|was)|compared? (?:it )?(?:with|to)|you had)\s+)?"
    r"(?:(?:the|your|my|its)\s+)?(?:original|old|broken|buggy|previous|given|your)"
    r"(?:\s+(?!(?:was|were|is|are|has|had|does|did|returned|returns|fail\w*)\b)[\w`./-]{1,80}){1,3}?"
    r"(?:\s+(?:was|were|is|are|looks?|looked|reads?|stood)(?:\s+(?:like|this|as follows)){0,2})?"
    r"\W*(?:$|\b(?:which|that|for (?:reference|comparison)|with|before)\b.{0,80}$)"
    r"|\boriginally\W*$|\bwas\W*$|\bfor (?:reference|comparison)\W*$|^\W*(?:before|original|old)\W*$",
    re.I,
)
# Only labels that point down, with a colon: "Wrong!" and "Wait, that would be wrong:" speak of the code above and lead
# to the right one.
_COUNTEREXAMPLE = re.compile(
    r"^\W*(?:(?:not|wrong|incorrect|bad|instead of)(?: this)?"
    r"|before (?:the|this|my) (?:fix|change|correction)"
    r"|note\b.{0,80}\bwould (?:also |still )?be (?:wrong|incorrect|a mistake|a bug)"
    r"|an? .{0,40}(?:version|solution|code|approach|way|variant) (?:that|which) (?:is|would be) (?:wrong|incorrect)"
    r"|(?:a|an|one|another|the) (?:common|typical|frequent|easy|usual) (?:mistake|error|pitfall|bug)"
    r"(?: (?:is|was|would be)(?: to (?:write|do|use|return)(?: this)?)?)?"
    r"|the bug (?:was|is) here"
    r"|avoid (?:tests|code|versions|solutions) like (?:this|these)\b.{0,80})[\s*_]*:[\s*_]*$",
    re.I,
)
_SENTENCE_END = re.compile(r"[.!?]\s+")
_NEW = re.compile(r"\b(?:fix\w*|correct\w*|new|improve\w*|updated?|better|final|rewritten|refactored|whole)\b", re.I)
# Of tests: those below replace those above. "New Year:" and "Tests with fixed dates:" do not.
_REPLACES = re.compile(
    r"\b(?:fixed|corrected|improved|updated|better|final|rewritten|refactored)\s+(?:version|tests?|suite)\b"
    r"|\bnew version\b|^\W*(?:fixed|corrected|improved|updated|better|final|rewritten|refactored)\W*$"
    r"|\blet me (?:redo|rewrite|correct|fix)\b|\buse (?:this|these) instead\b",
    re.I,
)
_USE = re.compile(
    r"\b(?:usage|use|examples?|run|running|try|call|test(?:s|ed|ing)?|check|verify|demo|samples?|outputs?|install)\b",
    re.I,
)
_QUERY = re.compile(r"^[ \t]*+(?:\(\s*+)?(?:select|with)\b", re.I | re.MULTILINE)
_COMMENT = re.compile(r"(?:#|//|--).*$", re.MULTILINE)
MAX_PARTS = 20
_MAX_SCANNED_CHARS = 60_000
_MAX_SCANNED_CHARS_PER_ANSWER = 200_000


def _normalized(code: str) -> str:
    """Code without comments and differences of whitespace, line by line."""
    lines = (" ".join(line.split()) for line in _COMMENT.sub("", code).split("\n"))
    return "\n".join(line for line in lines if line)


def _without(blocks: Sequence[Block], unwanted: Callable[[Block], object]) -> list[Block]:
    """The blocks without the unwanted ones; all of them where nothing would be left."""
    return [block for block in blocks if not unwanted(block)] or list(blocks)


def without_sketches(blocks: Sequence[Block]) -> list[Block]:
    """The blocks without those that leave something out: they have an ellipsis and are shorter than one that has none.

    Models show a changed part last, with "..." for the rest; the last block would otherwise be taken.
    """
    complete = [block for block in blocks if not _ELLIPSIS.search(block.text)]
    longest = max((len(block.text) for block in complete), default=0)
    return [block for block in blocks if block in complete or 4 * len(block.text) >= 3 * longest]


def without_quotes(blocks: Sequence[Block], given: Iterable[str]) -> list[Block]:
    """The blocks without those that repeat what the prompt gave, or that are said to be old or wrong code."""
    texts = [_normalized(text) for text in given]
    others = _without(blocks, lambda block: any(_normalized(block.text) in text for text in texts))
    others = _without(others, lambda block: _COUNTEREXAMPLE.search(_label_of(block)))
    return _without(others, lambda block: _OLD.search(_label_of(block)) and not _NEW.search(block.before))


def _label_of(block: Block) -> str:
    """The last sentence above a block."""
    return _SENTENCE_END.split(block.before.strip())[-1]


def without_loaders(blocks: Sequence[Block], wanted: Sequence[str]) -> list[Block]:
    """The blocks without those that load a wanted name from the answer or replace it by its result, as uses do.

    A block with a function of that name is none, whatever it imports and calls its variables.
    """
    names = "|".join(re.escape(name.split(".")[0]) for name in wanted)
    loader = re.compile(
        rf"^(?:const|let|var)\b[^\n=]{{0,200}}\b(?:{names})\b[^\n=]{{0,200}}=\s*(?:await\s+)?"
        rf"(?:require|import)\s*\(\s*['\"`](?:\.|answer)"
        rf"|^({names})\s*+=\s*+(?:\w++\.)?\1\b",
        re.MULTILINE,
    )
    function = re.compile(rf"\b(?:def|fn|func|function|class)\s+(?:{names})\b")
    return _without(blocks, lambda block: loader.search(block.text) and not function.search(block.text))


def without_fragments(language: str, blocks: Sequence[Block], is_complete: Callable[[str], bool]) -> list[Block]:
    """The blocks without bare signatures and without those that do not parse and have fewer lines than one that does.

    A last version with an error in it stays the last one.
    """
    complete = [block for block in blocks if is_complete(block.text)]
    most_lines = max((block.text.count("\n") for block in complete), default=0)
    whole = [block for block in blocks if block in complete or block.text.count("\n") >= most_lines]
    body = LANGUAGES[language].syntax.body
    return whole if body is None else _without(whole, lambda block: not re.search(body, block.text))


def without_setup(blocks: Sequence[Block]) -> list[Block]:
    """The blocks of SQL without those that hold no query: sample data above one, an index below it."""
    return _without(blocks, lambda block: not _QUERY.search(block.text))


def main_blocks(language: str, blocks: Sequence[Block]) -> list[Block]:
    """The blocks that are the program rather than its tests or an example of its use.

    Scripts, if there are any; no tests, if there is anything else; and nothing that is less than half as long as the
    longest.
    """
    scripts = _without(blocks, lambda block: not block.text.startswith("#!"))
    if language == "bash":
        scripts = _without(scripts, lambda block: not _takes_arguments(block.text))
    scripts = _without(scripts, lambda block: _TEST.search(block.text) and not _ENTRY_POINT.search(block.text))
    uses = _uses_of(language, scripts)
    scripts = [block for block in scripts if not any(block is use for use in uses)]
    longest = max((len(block.text) for block in scripts), default=0)
    return [block for block in scripts if 2 * len(block.text) >= longest]


def _uses_of(language: str, blocks: Sequence[Block]) -> list[Block]:
    """The blocks that are said to show the use of the script among them, and that are shorter or refer to it.

    "Run this:" stands above programs, too.
    """
    others = [block for block in blocks if block is blocks[0] or not is_said_to_be_use(block)]
    script = max(others, key=lambda block: len(block.text), default=None)
    if script is None:
        return []
    said = [block for block in blocks if not any(block is other for other in others)]
    names = _names_by_block(language, (script, *said))
    own, starts = names[id(script)].defined, _has_entry_point(language, script.text)

    def refers(block: Block) -> bool:
        return bool(names[id(block)].missing & own) or (starts and not _has_entry_point(language, block.text))

    return [
        block
        for block in said
        if not names[id(block)].defined & own and (len(block.text) < len(script.text) or refers(block))
    ]


def _takes_arguments(script: str) -> bool:
    """Whether a Bash script looks at its own arguments, as one that calls another does not; awk's `$1` is quoted."""
    return script.startswith("#!") or _ARGUMENTS.search(_QUOTED.sub("", script)) is not None


def is_said_to_be_use(block: Block) -> bool:
    """Whether the sentence above a block, or its first comment, says that it shows the use of another."""
    first = block.text.split("\n", 1)[0]
    said = f"{block.before} {first if first.startswith(('#', '//', '--')) else ''}"
    return _USE.search(said) is not None and not _NEW.search(said)


# --- programs in parts ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Names:
    """What a piece of code defines for others, what it imports, and which names it uses without having them."""

    defined: frozenset[str] = frozenset()
    imported: frozenset[str] = frozenset()
    missing: frozenset[str] = frozenset()


def _names(language: str, code: str) -> _Names:
    if len(code) > _MAX_SCANNED_CHARS:
        return _Names()
    syntax = LANGUAGES[language].syntax
    if syntax.names is not None:
        return _Names(*syntax.names(code))
    if language == "bash":
        defined = frozenset(_BASH_FUNCTION.findall(code))
        return _Names(defined, frozenset(), frozenset(re.findall(r"[A-Za-z_][\w-]*", code)) - defined)
    exports = re.compile(syntax.export or r"(?!)", re.MULTILINE)
    exported = frozenset(re.findall(r"\w+", " ".join(exports.findall(code))))
    code = exports.sub("", code)
    pattern = re.compile(syntax.definition.replace("NAME", r"([A-Za-z_]\w*)"), re.MULTILINE)
    defined = frozenset(
        name
        for match in pattern.finditer(code)
        if not code[code.rfind("\n", 0, match.start()) + 1 :][:1].isspace()
        for name in match.groups()
        if name
    )
    # Calls, types and constants: any other word may be a parameter that happens to have the name of a variable.
    pairs = re.findall(r"\b([A-Za-z_]\w*+)(?=\s*+\()|\b([A-Z]\w+)\b", code)
    used = exported | frozenset(name for pair in pairs for name in pair if name)
    return _Names(defined, frozenset(), used - defined)


def _names_by_block(language: str, blocks: Iterable[Block]) -> dict[int, _Names]:
    """The names of each block, by its `id`; none of those beyond the characters that are scanned of one answer."""
    names, scanned = {}, 0
    for block in blocks:
        scanned += len(block.text)
        names[id(block)] = _names(language, block.text) if scanned <= _MAX_SCANNED_CHARS_PER_ANSWER else _Names()
    return names


def _outside_functions(script: str) -> str:
    """The lines of a Bash script that are in no function: a function has arguments of its own."""
    kept, inside = [], False
    for line in script.split("\n"):
        if inside:
            inside = not line.startswith("}")
        elif _BASH_HEAD.match(line):
            inside = not line.rstrip().endswith("}")
        else:
            kept.append(line)
    return "\n".join(kept)


def _has_entry_point(language: str, code: str) -> bool:
    if language == "bash":
        code = _outside_functions(_QUOTED.sub("", code))
    return _ENTRY_POINT.search(code) is not None


def parts_of(language: str, blocks: Sequence[Block], chosen: Block, *, starts: bool) -> list[Block]:
    """The chosen block with those that it needs, in the answer's order; with `starts`, also the one that starts it.

    A block that defines again what a part defines is another draft, and no part.
    """
    candidates = [block for block in blocks if block is not chosen and not _ELLIPSIS.search(block.text)]
    candidates = [block for block in candidates if not _TEST.search(block.text)][:MAX_PARTS]
    if language == "sql" or not candidates:
        return [chosen]
    names = _names_by_block(language, (chosen, *candidates))
    parts = _with_needed([chosen], candidates, names)
    if starts and not any(_has_entry_point(language, block.text) for block in parts):
        defined = frozenset().union(*(names[id(block)].defined for block in parts))
        starters = [
            block
            for block in candidates
            if _has_entry_point(language, block.text)
            and names[id(block)].missing & defined
            and not names[id(block)].defined & defined
        ]
        parts = _with_needed([*parts, *starters[-1:]], candidates, names)
    return [block for block in blocks if any(block is part for part in parts)]


def _is_test(name: str) -> bool:
    return name.lower().startswith("test")


def tests_of(language: str, blocks: Sequence[Block], fitting: Sequence[Block]) -> list[Block]:
    """The fitting blocks of tests with the blocks that they need, in the answer's order.

    Only the last one where a test is defined again, and only those from the last one that is said to be better.
    """
    better = max((index for index, block in enumerate(fitting) if _REPLACES.search(block.before)), default=0)
    tests = list(fitting[better:])
    names = _names_by_block(language, (*tests, *blocks))
    defined = [name for block in tests for name in names[id(block)].defined if _is_test(name)]
    tests = tests if len(set(defined)) == len(defined) else tests[-1:]
    others = [block for block in blocks if not any(map(_is_test, names[id(block)].defined))]
    # One that neither imports nor asserts is the tested code. Of several that have a missing name the last is taken:
    # one of imports.
    others = [block for block in others if names[id(block)].imported or "assert" in block.text]
    others.sort(key=lambda block: not names[id(block)].defined)
    parts = _with_needed(tests, others[-MAX_PARTS:], names)
    return [block for block in blocks if any(block is part for part in parts)]


def _with_needed(parts: list[Block], candidates: Sequence[Block], names: dict[int, _Names]) -> list[Block]:
    """The parts with the blocks that define what they lack, and what those lack in turn."""
    for _ in candidates:
        have = [names[id(block)] for block in parts]
        defined = frozenset().union(*(one.defined for one in have))
        missing = frozenset().union(*(one.missing for one in have)) - defined
        missing -= frozenset().union(*(one.imported for one in have))
        needed = [
            block
            for block in candidates
            if not any(block is part for part in parts)
            and not names[id(block)].defined & defined
            and (names[id(block)].defined | names[id(block)].imported) & missing
        ]
        if not needed:
            break
        parts = [*parts, needed[-1]]
    return parts
