"""task.toml as a noun: how a task is called, what it may use, how it is scored, and its tables of variants."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields

from harness.tasks.faults import Faults
from harness.tasks.table import FILE, Table
from harness.types import Json, Limits, Outcome

_KEYS = ("title", "suites", "tags", "language", "budget_tokens", "limits", "scorer", "wrong", "variants")
_WRONG_KEYS = ("file", "fails", "outcome", "finish_reason")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_FILE = re.compile(r"\w[\w. -]*")
_SUITE = re.compile(r"[a-z0-9][a-z0-9-]*")


@dataclass(frozen=True, slots=True)
class WrongRow:
    """A row of [[wrong]]: the file (or folder of turns) under wrong/ and what must come of it."""

    file: str
    fails: tuple[str, ...]
    outcome: Outcome
    finish_reason: str


@dataclass(frozen=True, slots=True)
class Recipe:
    """task.toml, read."""

    title: str
    suites: tuple[str, ...]
    tags: tuple[str, ...]
    language: str | None
    budget_tokens: int
    limits: Limits
    scorer: str
    settings: Mapping[str, Json]
    wrong: tuple[WrongRow, ...]
    variants: tuple[Mapping[str, str], ...]


def _limits(table: Table) -> Limits:
    table.refuse_others(field.name for field in fields(Limits))
    base = Limits()
    given: dict[str, float] = {}
    for field in fields(Limits):
        if field.name in table.values:
            default = getattr(base, field.name)
            read = table.whole if isinstance(default, int) else table.number
            given[field.name] = read(field.name, default)
    return Limits(**given)  # type: ignore[arg-type]


def _fails(table: Table) -> tuple[str, ...]:
    if table.values.get("fails") == "*":
        return ("*",)
    names = table.texts("fails")
    if not names:
        table.fault("fails", 'must name the checks that this answer fails, or be "*" for all of them')
    return names


def _outcome(table: Table) -> Outcome:
    text = table.text("outcome", Outcome.FAILED.value)
    known = [one.value for one in Outcome if one is not Outcome.PASSED]
    if text not in known:
        table.fault("outcome", f"{text!r} is no outcome of a wrong answer; write one of {', '.join(known)}")
        return Outcome.FAILED
    return Outcome(text)


def _file(table: Table) -> str:
    name = table.text("file")
    if name and not _FILE.fullmatch(name):
        table.fault("file", f"{name!r} is no name of a file under wrong/; write one like near-miss.md")
        return ""
    return name


def _wrong(table: Table) -> WrongRow:
    table.refuse_others(_WRONG_KEYS)
    return WrongRow(_file(table), _fails(table), _outcome(table), table.text("finish_reason", "stop"))


def _variant(table: Table) -> Mapping[str, str]:
    out = {}
    for name, value in table.values.items():
        if not _NAME.fullmatch(name):
            table.fault(name, "a name is letters, digits and underscores, and starts with a letter")
        elif not isinstance(value, str):
            table.fault(name, f"must be a text, is {value!r}; put it in quotes")
        else:
            out[name] = value
    return out


def _suites(table: Table) -> tuple[str, ...]:
    suites = table.texts("suites")
    for suite in suites:
        if not _SUITE.fullmatch(suite):
            table.fault("suites", f"{suite!r}: a suite's name is lower-case letters, digits and hyphens")
    return suites


def read_recipe(text: str, faults: Faults) -> Recipe | None:
    """The recipe in task.toml's text; None where it is no TOML. Faults are noted, never raised."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        faults.add(FILE, f"not readable as TOML: {error}")
        return None
    top = Table(document, "", faults)
    top.refuse_others(_KEYS)
    scorer = top.table("scorer")
    return Recipe(
        title=top.text("title"),
        suites=_suites(top),
        tags=top.texts("tags"),
        language=top.optional_text("language"),
        budget_tokens=top.whole("budget_tokens"),
        limits=_limits(top.table("limits")),
        scorer=scorer.text("kind"),
        settings={key: value for key, value in scorer.values.items() if key != "kind"},
        wrong=tuple(_wrong(one) for one in top.tables("wrong")),
        variants=tuple(_variant(one) for one in top.tables("variants")),
    )
