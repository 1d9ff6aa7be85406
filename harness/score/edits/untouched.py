"""Whether edits left a Python file as it was outside the functions that they may change.

A case about the text of a file gives {"outside": [names], "in": path} and expects {"unchanged": true}: each top-level
statement of the given file stands in the edited one as it was, but for imports and the definitions of those names. New
statements may come, imports too, unless they bind a name of the given file again or change it. Empty lines and
whitespace at the ends of lines do not count, nor does the order of the statements. No code is run: a change of a name
by a call inside another statement, or by its text (`globals()[...]`), is not seen.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Set
from keyword import iskeyword

from harness.languages import module_bindings
from harness.score.validation import STRING, STRINGS, case_schema, object_schema
from harness.types import Case, Check

UNTOUCHED_CASE = case_schema(
    object_schema({"outside": STRINGS, "in": STRING}, ["outside", "in"]),
    object_schema({"unchanged": {"const": True}}, ["unchanged"]),
)
_IMPORTS = ("import ", "from ")
_DEFINES = ("def ", "async def ", "class ", "@")
_CONTINUES = (" ", "\t", ")", "]", "}")
_NAME = re.compile(r"(?:(?:async\s+)?def\s+|class\s+)?(\w+)")
_MAX_SHOWN, _MAX_SHOWN_CHARS = 5, 60


def is_about_text(case: Case) -> bool:
    """Whether a case compares a file's text, so that nothing is run for it."""
    return "outside" in case.give


def untouched_check(case: Case, given: Mapping[str, str], edited: Mapping[str, str]) -> Check:
    """The check of a case about text, for the task's files as they were given and as they were edited."""
    path = str(case.give["in"])
    changed = changed_statements(given[path], edited.get(path, ""), case.give["outside"])
    return Check(case.id, not changed, [], [line[:_MAX_SHOWN_CHARS] for line in changed[:_MAX_SHOWN]])


def changed_statements(given: str, edited: str, outside: Collection[str]) -> list[str]:
    """The first lines of the statements that were changed or removed, or that change a name of the given file."""
    before, after = _statements(given, outside), _statements(edited, outside)
    known = {_name(statement) for statement in before} - {None}
    lost = before - after
    redefined = (statement for statement in after - before if _name(statement) in known)
    first_lines = (statement.split("\n")[0] for statement in (*lost, *redefined))
    return list(dict.fromkeys((*first_lines, *_rebinding_lines(given, edited, set(outside)))))


def _rebinding_lines(given: str, edited: str, outside: Set[str]) -> Iterator[str]:
    """The first lines of the new statements that bind a name again which a statement of the given file binds.

    Where a statement begins with the name, its text tells that; `x = NAME = 1` and `for NAME in x` have to be parsed.
    """
    before, after = (Counter(module_bindings(text)) for text in (given, edited))
    known = frozenset().union(*(names for line, names in before if not line.startswith(_IMPORTS))) - outside
    new = ((line, names) for line, names in after - before if not (line.startswith(_DEFINES) and names & outside))
    return (line for line, names in new if names & known)


def _statements(text: str, outside: Collection[str]) -> Counter[str]:
    """The top-level statements and comments, without imports and the definitions of these names."""
    return Counter(
        statement
        for statement in _split(text)
        if not statement.startswith(_IMPORTS) and _name(statement) not in outside
    )


def _split(text: str) -> Iterator[str]:
    """Each line that is not indented, with the indented lines and closing brackets below it; decorators come along."""
    statement: list[str] = []
    for line in filter(None, map(str.rstrip, text.split("\n"))):
        is_decorated = all(before.startswith("@") for before in statement)
        if statement and not is_decorated and not line.startswith(_CONTINUES):
            yield "\n".join(statement)
            statement = []
        statement.append(line)
    if statement:
        yield "\n".join(statement)


def _name(statement: str) -> str | None:
    """The name that a statement defines or begins with; None for a comment, a string and a compound statement."""
    first = next((line for line in statement.split("\n") if not line.startswith("@")), "")
    found = _NAME.match(first)
    return None if found is None or iskeyword(found[1]) else found[1]
