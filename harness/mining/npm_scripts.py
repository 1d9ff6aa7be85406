"""Tells which programs the scripts of a package.json start, and with which words.

`commands_of` is the entry point. Scripts are split at what a shell splits them at; nothing else of a shell is known.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

NODE, NODE_TEST = "node", "node --test"
RUNNERS: Mapping[str, str] = {"mocha": "mocha", "tape": "tape", NODE_TEST: "node"}
"""The program of each runner."""
OTHER_RUNNERS = frozenset(("ava", "borp", "jasmine", "jest", "karma", "tap", "uvu", "vitest", "web-test-runner"))
_MANAGERS = frozenset(("npm", "pnpm", "yarn"))
_LAUNCHERS = _MANAGERS | {"cross-env", "dlx", "env", "exec", "npx", "run", "run-script", "time", "x"}
"""Before the name of a program or a script there are only their options and assignments."""
_WRAPPERS = frozenset(("c8", "cover", "dotenv", "istanbul", "nodemon", "nyc", "timeout", "xvfb-run"))
"""Options of these have values of any form, so the next program that is known is the one that they start."""
_SHELLS = frozenset(("bash", "concurrently", "sh"))
"""Each of their arguments may be a script."""
_KNOWN = frozenset(RUNNERS) | OTHER_RUNNERS | _LAUNCHERS | _WRAPPERS | _SHELLS | {NODE}
_VALUE_OPTIONS = frozenset(("--cwd", "--filter", "--package", "--prefix", "--workspace", "-C", "-p", "-w"))
"""Those options of launchers whose value is the next word."""
_ASSIGNMENT = re.compile(r"\w+=.*", re.S)
_SEPARATORS = "&|;()"
_MAX_SCRIPTS = 20


@dataclass(frozen=True, slots=True)
class ScriptCommand:
    """A program without its path, and the words after its name."""

    program: str
    words: tuple[str, ...]


def commands_of(scripts: Mapping[str, str], first: str) -> Iterator[ScriptCommand]:
    """The commands of a script and of the scripts that it starts through npm, pnpm or yarn."""
    waiting, seen = [first], set[str]()
    while waiting and len(seen) < _MAX_SCRIPTS:
        name = waiting.pop()
        if name in seen or name not in scripts:
            continue
        seen.add(name)
        for words in _split(scripts[name]):
            rest = _without_launchers(words)
            if rest and rest[0] in scripts and any(_name(word) in _MANAGERS for word in words[: -len(rest)]):
                waiting.append(rest[0])
            elif rest:
                yield ScriptCommand(_program(rest), tuple(rest[1:]))


def _split(script: str) -> Iterator[list[str]]:
    """The words of each command of a script, and of the scripts in quotes that a shell is given."""
    lexer = shlex.shlex(script.replace("\n", ";"), posix=True, punctuation_chars=_SEPARATORS)
    lexer.whitespace_split, lexer.commenters = True, ""
    try:
        words = list(lexer)
    except ValueError:  # a quote without its end
        words = script.split()
    start = 0
    for at, word in enumerate([*words, ";"]):
        if word and set(word) <= set(_SEPARATORS):
            command = words[start:at]
            start = at + 1
            yield command
            rest = _without_launchers(command)
            if rest and _name(rest[0]) in _SHELLS:
                for inner in rest[1:]:
                    yield from _split(inner)


def _without_launchers(words: list[str]) -> list[str]:
    """The words of a command from the name of its program or script on."""
    rest = words
    while rest:
        name = _name(rest[0])
        if name in _LAUNCHERS or _ASSIGNMENT.fullmatch(rest[0]):
            rest = rest[1:]
        elif rest[0].startswith("-"):
            rest = rest[2 if rest[0] in _VALUE_OPTIONS else 1 :]
        elif name in _WRAPPERS:
            known = (at for at, word in enumerate(rest) if at > 0 and _name(word) in _KNOWN)
            rest = rest[next(known, len(rest)) :]
        else:
            break
    return rest


def _program(words: list[str]) -> str:
    """What a command runs; of node, the runner among its packages whose file it is given."""
    name = _name(words[0])
    if name != NODE:
        return name
    if "--test" in words:
        return NODE_TEST
    files = (_name(word) for word in words[1:] if "/" in word)
    return next((each for each in files if each in RUNNERS or each in OTHER_RUNNERS), NODE)


def _name(word: str) -> str:
    """The name of a program, which a path has only below node_modules: test/mocha is something of the repository."""
    if "/" in word and "node_modules/" not in word:
        return ""
    return re.sub(r"\.[cm]?js$", "", word.rpartition("/")[2]).removeprefix("_")
