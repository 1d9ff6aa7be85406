"""The record of each language; LANGUAGES, at the end of this file, maps their names to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from harness.languages import imports, python_code
from harness.languages.language import DRIVERS, Language, Runtime, Syntax, python_driver

_MIB = 1024 * 1024

_JS_DEFINITION = (
    r"\bfunction\s*+\*?\s*+NAME\b|\b(?:const|let|var|class)\s+NAME\b|\bexports\.NAME\s*="
    r"|\bexports\s*+=(?:(?!\bexports\b)[^;])*?\bNAME\b|^[ \t]*+(?:globalThis|window|global)\.NAME\s*="
)
_JS_CODE_LINE = (
    r"^(?:export\s+)?(?:default\s+)?(?:async\s+)?function\b\s*+\*?\s*+\w*+\s*+[(<]"
    r"|^(?:export\s+)?(?:const|let|var)\s+[\w{\[][^=]{0,1000}+=|^(?:export\s+)?(?:abstract\s+)?class\s+\w++[^.{]{0,300}+\{"
    r"|^import\s.*\bfrom\s+['\"]|^(?:module\.)?exports\b.*=|^[\"']use strict[\"']|^console\.\w+\(|^#!"
)
_TS_CODE_LINE = (
    _JS_CODE_LINE + r"|^(?:export\s+)?(?:interface\s+\w++[^.{]{0,300}+\{|type\s+\w++[^=.]{0,300}+=|enum\s+\w+\s*\{)"
)
_C_POSSIBLE_LINE = r"^\s|^[})\]]|^//|^/\*|^\*/|[;{}(,]\s*(?://.*)?$|^\w+(?:\.\w+)+ ?="

# An object of names only: one with a value of its own ends the match.
_JS_EXPORT = r"\bexports(?:\.\w++)?\s*+=\s*+(\{[\w\s,:]{0,2000}+\}|\w++)[ \t]*+(?:;|$)"
_BODY = r"[{=]"
_JS_TEST = r"^[ \t]*+describe\(|require\(['\"](?:node:)?(?:assert|test|\./answer)"


def _node(*flags: str) -> Runtime:
    """Node without its warning of experimental features, which would be in an answer's standard error."""
    node = ("node", "--disable-warning=ExperimentalWarning", *flags)
    # The heap stays below the container's memory, so that V8 collects in time and says so when it cannot.
    driver = ("node", "--max-old-space-size={heap_mib}", *node[1:], f"{DRIVERS}/node_calls.js")
    load = (*node, "-e", "require('./{entry}')", "--")
    return Runtime(calls_driver=driver, run=(*node, "{entry}"), load=load, reports_args=True)


# An answer counts as a module whatever it exports: its names would else meet those of the library. `preserve` takes
# both kinds of import and export. The types are those of the language and of Node, not of a browser.
_TSC = (
    "/opt/typescript/lib/tsc", "--noEmit", "--strict", "--target", "esnext", "--lib", "esnext", "--module", "preserve",
    "--moduleDetection", "force", "--allowImportingTsExtensions", "--skipLibCheck", "--types", "node", "--typeRoots",
    "/opt/typescript/node_modules/@types", "--pretty", "false", "{entry}",
)  # fmt: skip
_SQLITE = ("sh", "-c", 'exec sqlite3 -bail "${1:-:memory:}" < "$0"', "{entry}")
"""The database is the file that the first argument names; without one it is in memory."""
_BUILT_ANSWER = ("/build/answer",)
_BUILD_ONLY = ("true",)
"""A compiled answer is built before the first case: to import it there is nothing left to do."""


PYTHON = Language(
    name="python",
    labels=("python", "py", "python3", "python2", "py3", "pycon", "ipython", "ipython3"),
    extensions=(".py",),
    syntax=Syntax(
        definition=r"^[ \t]*+(?:(?:async\s+)?def\s+NAME\b|class\s+NAME\b|NAME\s*+(?::[^=\n]+)?=(?!=))",
        code_line=(
            r"^(?:async\s+)?def\s+\w+\s*\(|^class\s+\w+\s*[:(]|^import\s+[\w.]+(?:\s+as\s+\w+)?(?:\s*,.*)?\s*(?:#.*)?$"
            r"|^from\s+[\w.]+\s+import\s|^@\w[\w.]*(?:\(.*)?$|^if\s+__name__\s*=="
            r"|^#!|^\w+(?:[ \t]*+:[ \t]*+[\w\[\], .|]+)?\s=\s\S|^print\("
        ),
        possible_line=r"^\s|^[})\]]|^#|^(?:if|for|while|with|try|else|elif|except|finally|return|raise|assert)\b.*:?$|[\\,(\[{]$",
        test_line=r"^[ \t]*+(?:(?:async\s+)?def test_|class Test\w*[(:]|(?:import|from) (?:pytest|unittest|answer)\b)",
        body=r"(?m)^(?![ \t]*+(?:async[ \t]+)?def\b[^\n]*:[ \t]*+(?:\.\.\.)?[ \t]*$)[ \t]*+\S",
        parses=python_code.parses,
        names=python_code.names_of,
        is_program=python_code.is_program,
    ),
    runtime=Runtime(
        calls_driver=python_driver("python_calls"),
        program_driver=python_driver("python_driver"),
        tests_driver=python_driver("tests"),
        outside_driver=python_driver("python_outside"),
        run=("python3", "{entry}"),
        load=("python3", "-c", "import {module}"),
        reports_args=True,
        reports_output=True,
        takes_kwargs=True,
    ),
    shadows=imports.shadows_in_python,
)

JAVASCRIPT = Language(
    name="javascript",
    labels=("javascript", "js", "node", "nodejs", "mjs", "cjs", "jsx", "es6", "ecmascript"),
    extensions=(".js", ".mjs", ".cjs"),
    syntax=Syntax(
        definition=_JS_DEFINITION,
        code_line=_JS_CODE_LINE,
        possible_line=_C_POSSIBLE_LINE,
        test_line=_JS_TEST,
        body=_BODY,
        export=_JS_EXPORT,
    ),
    runtime=_node(),
    has_one_number_type=True,
    shadows=imports.shadows_in_node,
)

TYPESCRIPT = Language(
    name="typescript",
    labels=("typescript", "ts", "tsx", "mts", "cts", "javascript", "js"),
    extensions=(".ts", ".mts"),
    syntax=Syntax(
        definition=_JS_DEFINITION + r"|\b(?:interface|type|enum)\s+NAME\b",
        code_line=_TS_CODE_LINE,
        possible_line=_C_POSSIBLE_LINE,
        test_line=_JS_TEST,
        body=_BODY,
        export=_JS_EXPORT,
    ),
    runtime=replace(_node("--experimental-transform-types"), stage="typescript", check_types=_TSC),
    has_one_number_type=True,
    shadows=imports.shadows_in_node,
)

GO = Language(
    name="go",
    labels=("go", "golang"),
    extensions=(".go",),
    syntax=Syntax(
        definition=r"^func\s+(?:\([^)\n]*+\)\s*+)?NAME\b|^(?:type|var|const)\s+NAME\b",
        code_line=r"^package\s+\w+\s*$|^import\s++(?:\(|\w*+\s*+\")|^func\s+(?:\(|\w+\s*[(\[])|^type\s+\w+\s+(?:struct|interface|func)\b",
        possible_line=_C_POSSIBLE_LINE + r"|^(?:var|const|type)\s",
        test_line=r"^[ \t]*+func Test[A-Z]",
        body=_BODY,
    ),
    runtime=Runtime(
        calls_driver=python_driver("go_driver"),
        program_driver=python_driver("go_driver"),
        run=_BUILT_ANSWER,
        load=_BUILD_ONLY,
        stage="go",
        executes=True,
        build_bytes=64 * _MIB,
        memory_bytes=512 * _MIB,
        env=("GOMAXPROCS=2",),
        reports_args=True,
    ),
)

RUST = Language(
    name="rust",
    labels=("rust", "rs"),
    extensions=(".rs",),
    syntax=Syntax(
        definition=r"\bfn\s+NAME\b|\b(?:struct|enum|trait|const|static|type|mod)\s+NAME\b",
        code_line=(
            r"^(?:pub(?:\([\w ]+\))?\s+)?(?:const\s+|async\s+|unsafe\s+){0,3}fn\s+\w++\s*+[<(]|^use\s+[\w:]++.*;"
            r"|^#!?\[\w|^(?:pub\s+)?(?:struct|enum|trait|mod)\s+\w++.*[{;(]|^impl\b.*\{|^macro_rules!"
        ),
        possible_line=_C_POSSIBLE_LINE + r"|^where$",
        test_line=r"#\[test\]",
        body=_BODY,
    ),
    runtime=Runtime(
        calls_driver=python_driver("rust_driver"),
        program_driver=python_driver("rust_driver"),
        run=_BUILT_ANSWER,
        load=_BUILD_ONLY,
        stage="rust",
        executes=True,
        build_bytes=64 * _MIB,
        memory_bytes=512 * _MIB,
        reports_args=True,
    ),
)

BASH = Language(
    name="bash",
    labels=("bash", "sh", "shell", "zsh", "shellscript", "shell-script", "bash-script"),
    extensions=(".sh", ".bash"),
    syntax=Syntax(
        definition=(
            r"^[ \t]*+(?:(?:function\s+)?NAME\s*\(\)|function\s+NAME\b|(?:readonly\s+|local\s+|declare[ \t].*)?NAME=)"
        ),
        code_line=(
            r"^#!\s*/|^set\s+-[a-zA-Z]+|^(?:function\s+)?[\w-]+[ \t]*+\(\)[ \t]*+\{?[ \t]*+$"
            r"|^(?:readonly|local|export|declare)\s+\w+"
            r"|^[A-Za-z_]\w*=[\"'$(\w/]*|^(?:if|while|until)\s+(?:!\s+)?[\[(]|^for\s+\w+\s+in\s.*(?:;\s*do|[\"$*@})])"
            r"|^case\s.*\sin$|^shopt\s"
        ),
        possible_line=(
            r"^\s|^#|^(?:then|else|elif|fi|do|done|esac|;;)\b|[|&;{}\\]$|^[\w./-]+\s+[-\"'$/]|^\w+ \w+$"
            r"|^[\w./-]*[\w/-]$"
        ),
    ),
    runtime=Runtime(
        calls_driver=python_driver("bash_calls"),
        run=("bash", "{entry}"),
        load=("bash", "-c", ". ./{entry}", "bash"),
        executes=True,
    ),
)

SQL = Language(
    name="sql",
    labels=("sql", "sqlite", "sqlite3", "postgresql", "postgres", "pgsql", "mysql", "tsql"),
    extensions=(".sql",),
    syntax=Syntax(
        definition=r"(?i)\b(?:table|view|index|trigger)\s+(?:if\s+not\s+exists\s+)?[\"'`\[]?NAME\b|\bNAME\b",
        code_line=(
            r"(?i)^select\b(?!\s+(?:the|an?)\b)[^.]*(?:,|\*|\bfrom\b|\(|;|$)|^with\s+(?:recursive\s+)?\w+\s*+(?:\([^)]{0,2000}+\)\s*)?as\b"
            r"|^create\s+(?:temp\w*\s+|unique\s+)?(?:table|view|index|trigger)\b|^insert\s+(?:or\s+\w+\s+)?into\s+\w"
            r"|^update\s+\w+\s+set\b|^delete\s+from\s+\w|^(?:begin|commit|pragma)\b.*;|^\.(?:mode|headers|separator)\b"
        ),
        possible_line=(
            r"(?i)^\s|^--|^/\*|[,;()]\s*(?:--.*)?$|^(?:from|where|group|order|having|limit|join|left|inner|cross|union|on|and|or"
            r"|set|values|when|case|end|else|then|returning|window|except|intersect|select)\b"
        ),
    ),
    runtime=Runtime(calls_driver=python_driver("sql_calls", runs_programs=False), run=_SQLITE, load=_SQLITE),
    has_functions=False,
)

LANGUAGES: Mapping[str, Language] = {
    language.name: language for language in (PYTHON, JAVASCRIPT, TYPESCRIPT, GO, RUST, BASH, SQL)
}


def shadows(language: str | None, path: str, protected: Sequence[str], entry: str = "") -> bool:
    """Whether a new file would be imported in place of a protected one, or of the library that it uses.

    `entry` is the file that is started: its folder is the first that is searched.
    """
    record = LANGUAGES.get(language or "")
    if record is None or record.shadows is None or not protected or path in protected:
        return False
    return record.shadows(path, protected, entry)
