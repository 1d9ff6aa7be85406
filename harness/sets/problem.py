"""One problem of a standard set as its task has it: what is asked, how it is scored, and answers of known verdict.

`SetProblem` is what every reader of a set's rows returns; `require_texts` checks the texts of a row, `unparsed` and
`quoted` write Python code that was parsed.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from harness.types import Json

MAX_QUOTED_CHARS = 40


class UnusableError(ValueError):
    """Why a row cannot become a task."""


@dataclass(frozen=True, slots=True)
class SetProblem:
    """One problem. `settings` are those of [scorer], `files` the task's files by their paths below files/.

    `reference` is code that must pass, `stand_in` says where it is from if the set has none. `constant` is code that
    gives the same value whatever it is given, and must fail these cases, all if none is named. `mutant` is the
    reference with a mistake, in case that no mutant of the kit's own fails.
    """

    id: str
    title: str
    language: str
    prompt: str
    settings: Mapping[str, Json]
    cases: Sequence[Json]
    reference: str
    constant: str
    mutant: str
    files: Mapping[str, str] = field(default_factory=dict)
    constant_fails: Sequence[str] = ()
    stand_in: str | None = None


def require_texts(row: Json, names: Sequence[str]) -> dict[str, str]:
    """The texts of a row; those of these names must be there. Raises UnusableError."""
    if not isinstance(row, dict):
        raise UnusableError("its row is not a JSON object")
    missing = [name for name in names if not isinstance(row.get(name), str) or not row[name].strip()]
    if missing:
        raise UnusableError(f"it has no {', '.join(missing)}")
    texts = {name: value for name, value in row.items() if isinstance(value, str)}
    if any("\r" in text or "\0" in text for text in texts.values()):
        raise UnusableError("its texts have carriage returns or null characters")
    return texts


def unparsed(node: ast.AST, what: str) -> str:
    """Python code of a tree. Raises UnusableError where Python cannot write what it could read."""
    try:
        return ast.unparse(node)
    # A hexadecimal integer may have more digits than Python writes as a decimal one, a sum more terms than it recurses.
    except (ValueError, RecursionError) as error:
        raise UnusableError(f"its {what} has a number that is too long, or is nested too deeply") from error


def quoted(node: ast.AST) -> str:
    """The first characters of a tree's code, for a reason. Raises UnusableError."""
    return repr(unparsed(node, "tests")[:MAX_QUOTED_CHARS])


def language_title(language: str) -> str:
    """How a prompt names a language."""
    return {"javascript": "JavaScript", "typescript": "TypeScript"}.get(language, language.capitalize())


def function_prompt(language: str, name: str, code: str) -> str:
    """Asks for a function of which the code is given up to its body."""
    asked = f"Write the {language_title(language)} function `{name}`."
    how = "Answer with the whole function in one code block, and with nothing else."
    return f"{asked} {how}\n\n```{language}\n{code.strip(chr(10))}\n```\n"
