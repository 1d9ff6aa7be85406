"""What the finder of code knows of each language: its labels, its file's name, what a definition looks like."""

from __future__ import annotations

import ast
import re
import threading
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

_PARSED_CHARS = 200_000
# The list of warning filters belongs to the whole process.
_ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True, slots=True)
class Language:
    """One language. In `defines` NAME stands for the name that is looked for.

    `strong` is a line that nobody writes in prose; `weak` one that may stand between such lines. A pattern takes time
    in proportion to the text: models do write blanks, or one line, without end.
    """

    entry: str
    labels: tuple[str, ...]
    extensions: tuple[str, ...]
    defines: str
    strong: str
    weak: str = r"^\s|^[})\]]"


_JS_DEFINES = (
    r"\bfunction\s*+\*?\s*+NAME\b|\b(?:const|let|var|class)\s+NAME\b|\bexports\.NAME\s*="
    r"|\bexports\s*+=(?:(?!\bexports\b)[^;])*?\bNAME\b|^[ \t]*+(?:globalThis|window|global)\.NAME\s*="
)
_JS_STRONG = (
    r"^(?:export\s+)?(?:default\s+)?(?:async\s+)?function\b\s*+\*?\s*+\w*+\s*+[(<]"
    r"|^(?:export\s+)?(?:const|let|var)\s+[\w{\[][^=]{0,1000}+=|^(?:export\s+)?(?:abstract\s+)?class\s+\w++[^.{]{0,300}+\{"
    r"|^import\s.*\bfrom\s+['\"]|^(?:module\.)?exports\b.*=|^[\"']use strict[\"']|^console\.\w+\(|^#!"
)
_TS_STRONG = (
    _JS_STRONG + r"|^(?:export\s+)?(?:interface\s+\w++[^.{]{0,300}+\{|type\s+\w++[^=.]{0,300}+=|enum\s+\w+\s*\{)"
)
_C_WEAK = r"^\s|^[})\]]|^//|^/\*|^\*/|[;{}(,]\s*(?://.*)?$|^\w+(?:\.\w+)+ ?="

LANGUAGES = {
    "python": Language(
        entry="answer.py",
        labels=("python", "py", "python3", "python2", "py3", "pycon", "ipython", "ipython3"),
        extensions=(".py",),
        defines=r"^[ \t]*+(?:(?:async\s+)?def\s+NAME\b|class\s+NAME\b|NAME\s*+(?::[^=\n]+)?=(?!=))",
        strong=(
            r"^(?:async\s+)?def\s+\w+\s*\(|^class\s+\w+\s*[:(]|^import\s+[\w.]+(?:\s+as\s+\w+)?(?:\s*,.*)?\s*(?:#.*)?$"
            r"|^from\s+[\w.]+\s+import\s|^@\w[\w.]*(?:\(.*)?$|^if\s+__name__\s*=="
            r"|^#!|^\w+(?:[ \t]*+:[ \t]*+[\w\[\], .|]+)?\s=\s\S|^print\("
        ),
        weak=r"^\s|^[})\]]|^#|^(?:if|for|while|with|try|else|elif|except|finally|return|raise|assert)\b.*:?$|[\\,(\[{]$",
    ),
    "javascript": Language(
        entry="answer.js",
        labels=("javascript", "js", "node", "nodejs", "mjs", "cjs", "jsx", "es6", "ecmascript"),
        extensions=(".js", ".mjs", ".cjs"),
        defines=_JS_DEFINES,
        strong=_JS_STRONG,
        weak=_C_WEAK,
    ),
    "typescript": Language(
        entry="answer.ts",
        labels=("typescript", "ts", "tsx", "mts", "cts", "javascript", "js"),
        extensions=(".ts", ".mts"),
        defines=_JS_DEFINES + r"|\b(?:interface|type|enum)\s+NAME\b",
        strong=_TS_STRONG,
        weak=_C_WEAK,
    ),
    "go": Language(
        entry="answer.go",
        labels=("go", "golang"),
        extensions=(".go",),
        defines=r"^func\s+(?:\([^)]*\)\s*)?NAME\b|^(?:type|var|const)\s+NAME\b",
        strong=r"^package\s+\w+\s*$|^import\s+(?:\(|\w*\s*\")|^func\s+(?:\(|\w+\s*[(\[])|^type\s+\w+\s+(?:struct|interface|func)\b",
        weak=_C_WEAK + r"|^(?:var|const|type)\s",
    ),
    "rust": Language(
        entry="answer.rs",
        labels=("rust", "rs"),
        extensions=(".rs",),
        defines=r"\bfn\s+NAME\b|\b(?:struct|enum|trait|const|static|type|mod)\s+NAME\b",
        strong=(
            r"^(?:pub(?:\([\w ]+\))?\s+)?(?:const\s+|async\s+|unsafe\s+)*fn\s+\w+\s*[<(]|^use\s+[\w:]++.*;|^#!?\[\w"
            r"|^(?:pub\s+)?(?:struct|enum|trait|mod)\s+\w+.*[{;(]|^impl\b.*\{|^macro_rules!"
        ),
        weak=_C_WEAK + r"|^where$",
    ),
    "bash": Language(
        entry="answer.sh",
        labels=("bash", "sh", "shell", "zsh", "shellscript", "shell-script", "bash-script"),
        extensions=(".sh", ".bash"),
        defines=(
            r"^[ \t]*+(?:(?:function\s+)?NAME\s*\(\)|function\s+NAME\b|(?:readonly\s+|local\s+|declare\s+.*)?NAME=)"
        ),
        strong=(
            r"^#!\s*/|^set\s+-[a-zA-Z]+|^(?:function\s+)?[\w-]+[ \t]*+\(\)[ \t]*+\{?[ \t]*+$"
            r"|^(?:readonly|local|export|declare)\s+\w+"
            r"|^[A-Za-z_]\w*=[\"'$(\w/]*|^(?:if|while|until)\s+(?:!\s+)?[\[(]|^for\s+\w+\s+in\s.*(?:;\s*do|[\"$*@})])"
            r"|^case\s.*\sin$|^shopt\s"
        ),
        weak=(
            r"^\s|^#|^(?:then|else|elif|fi|do|done|esac|;;)\b|[|&;{}\\]$|^[\w./-]+\s+[-\"'$/]|^\w+ \w+$"
            r"|^[\w./-]*[\w/-]$"
        ),
    ),
    "sql": Language(
        entry="answer.sql",
        labels=("sql", "sqlite", "sqlite3", "postgresql", "mysql"),
        extensions=(".sql",),
        defines=r"(?i)\b(?:table|view|index|trigger)\s+(?:if\s+not\s+exists\s+)?[\"'`\[]?NAME\b|\bNAME\b",
        strong=(
            r"(?i)^select\b(?!\s+(?:the|an?)\b)[^.]*(?:,|\*|\bfrom\b|\(|;|$)|^with\s+(?:recursive\s+)?\w+\s*+(?:\([^)]{0,2000}+\)\s*)?as\b"
            r"|^create\s+(?:temp\w*\s+|unique\s+)?(?:table|view|index|trigger)\b|^insert\s+(?:or\s+\w+\s+)?into\s+\w"
            r"|^update\s+\w+\s+set\b|^delete\s+from\s+\w|^(?:begin|commit|pragma)\b.*;|^\.(?:mode|headers|separator)\b"
        ),
        weak=(
            r"(?i)^\s|^--|^/\*|[,;()]\s*(?:--.*)?$|^(?:from|where|group|order|having|limit|join|left|inner|cross|union|on|and|or"
            r"|set|values|when|case|end|else|then|returning|window|except|intersect|select)\b"
        ),
    ),
}
PLAIN_LABELS = frozenset(
    ("", "text", "txt", "plaintext", "plain", "code", "script", "source", "answer", "solution", "file")
)


def language_of_label(label: str) -> str | None:
    """The language that a label names first of all, None for one that names none."""
    return next((name for name, one in LANGUAGES.items() if label in one.labels), None)


def defines(language: str, code: str, name: str) -> bool:
    """Whether the code defines a name; of a dotted one the first part counts."""
    pattern = LANGUAGES[language].defines.replace("NAME", re.escape(name.split(".")[0]))
    return re.search(pattern, code, re.MULTILINE) is not None


def defines_all(language: str, code: str, names: Sequence[str]) -> bool:
    """Whether the code defines every one of these names."""
    return all(defines(language, code, name) for name in names)


def _tree(code: str) -> ast.Module | None:
    """The tree of Python code; None where it is none, or too large or too deep to be looked at."""
    if len(code) > _PARSED_CHARS:
        return None
    try:
        with _ONE_AT_A_TIME, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def parses(language: str, code: str) -> bool | None:
    """Whether the code is well formed, None for a language that is not parsed here. Nothing is run."""
    return _tree(code) is not None if language == "python" else None


_PYTHON_WORDS = (
    ast.Constant, ast.Name, ast.Tuple, ast.List, ast.Dict, ast.Set, ast.Compare, ast.BoolOp, ast.UnaryOp, ast.BinOp,
    ast.Attribute,
)  # fmt: skip


def _is_python(code: str) -> bool:
    tree = _tree(code)
    if tree is None:
        return False
    return any(not isinstance(one, ast.Expr | ast.AnnAssign) or _says_more(one) for one in tree.body)


def _says_more(statement: ast.Expr | ast.AnnAssign) -> bool:
    """A line that may as well be prose (`Done`, `Note: this`) is no sign of code."""
    if isinstance(statement, ast.AnnAssign):
        return statement.value is not None
    return not isinstance(statement.value, _PYTHON_WORDS)


def _is_line_of(language: Language, line: str) -> bool:
    return re.search(language.strong, line) is not None or re.search(language.weak, line) is not None


def is_code(language: str, text: str) -> bool:
    """Whether a text is code of this language from its first line to its last."""
    if language == "python" and _is_python(text):
        return True
    lines = [line for line in text.splitlines() if line.strip()]
    return has_code(language, text) and all(_is_line_of(LANGUAGES[language], line) for line in lines)


def has_code(language: str, text: str) -> bool:
    """Whether any line is one that only code of this language has."""
    return re.search(LANGUAGES[language].strong, text, re.MULTILINE) is not None


def code_within(language: str, text: str) -> str | None:
    """The longest stretch of lines that are code, from a line that is surely code on; None where there is none."""
    known = LANGUAGES[language]
    runs: list[list[str]] = [[]]
    for line in text.split("\n"):
        surely = re.search(known.strong, line) is not None
        if surely or (runs[-1] and (not line.strip() or re.search(known.weak, line) is not None)):
            runs[-1].append(line)
        elif runs[-1]:
            runs.append([])
    best = "\n".join(max(runs, key=lambda run: sum(map(len, run)))).strip("\n")
    return best + "\n" if best.strip() else None
