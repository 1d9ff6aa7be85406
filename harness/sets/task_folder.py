"""Writes a problem of a standard set as a task folder: what is asked, test code, reference and wrong answers.

`write_task` is the entry point. task.toml says by [source] where the task is from.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.files import to_json
from harness.sets.problem import SetProblem, UnusableError, language_title
from harness.sets.source import SetSource
from harness.sets.standard_sets import StandardSet
from harness.tasks import task_name_from
from harness.types import Outcome

MIN_BUDGET_TOKENS = 1024
STAND_IN_BUDGET_TOKENS = 2048
"""For an answer of unknown length: a table that stands in for a reference is longer than any."""
_SYSTEM = "You are a careful {} programmer. You answer with code that runs.\n"
_EMPTY = "I would need to think about this for longer.\n"


def task_name(standard_set: StandardSet, row_id: str) -> str:
    """The name of a problem's task, from the last part of its id; names that are too long end in a digest of it."""
    return task_name_from(standard_set.name, row_id.rpartition("/")[2], row_id)


def fenced(code: str, language: str) -> str:
    """An answer that is one block of code."""
    return f"```{language}\n{code.strip()}\n```\n"


@dataclass(frozen=True, slots=True)
class WrongFile:
    """A wrong answer of a task, the checks that it fails, all if none is named, and how it ends."""

    name: str
    text: str
    fails: tuple[str, ...] = ()
    outcome: Outcome = Outcome.FAILED


def write_task(
    folder: Path, standard_set: StandardSet, source: SetSource, problem: SetProblem, mutant: WrongFile | None
) -> None:
    """Write the folder; `mutant` is None while none is known. Raises UnusableError, OSError."""
    try:
        cases = to_json(list(problem.cases))
    except ValueError as error:
        raise UnusableError("its cases have a number that is too large") from error
    wrong = [
        WrongFile("empty.md", _EMPTY, outcome=Outcome.NO_ANSWER),
        WrongFile("constant.md", fenced(problem.constant, problem.language), tuple(problem.constant_fails)),
        *([mutant] if mutant is not None else []),
    ]
    texts = {
        "task.toml": _manifest(standard_set, source, problem, wrong),
        "system.md": _SYSTEM.format(language_title(problem.language)),
        "prompt.md": problem.prompt,
        **{f"files/{name}": text for name, text in problem.files.items()},
        "cases.json": cases + "\n",
        "solution/answer.md": fenced(problem.reference, problem.language),
        **{f"wrong/{each.name}": each.text for each in wrong},
    }
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            path.write_bytes(text.encode("utf-8"))
        except UnicodeEncodeError as error:
            raise UnusableError("its texts are not Unicode") from error


def _manifest(standard_set: StandardSet, source: SetSource, problem: SetProblem, wrong: list[WrongFile]) -> str:
    budget = STAND_IN_BUDGET_TOKENS if problem.stand_in else max(MIN_BUDGET_TOKENS, len(problem.reference))
    lines = [
        f"title = {to_json(f'{standard_set.title}: {problem.title}')}",
        f"suites = [{to_json(standard_set.name)}]",
        'tags = ["imported"]',
        f"language = {to_json(problem.language)}",
        f"budget_tokens = {budget}",
        "",
        "[source]",
        f"set = {to_json(standard_set.title)}",
        f"id = {to_json(problem.id)}",
        f"file = {to_json(source.origin)}",
        f"sha256 = {to_json(source.sha256)}",
        f"license = {to_json(standard_set.source_license)}",
        *([f"reference = {to_json(problem.stand_in)}"] if problem.stand_in else []),
        "",
        "[limits]",
        *(f"{name} = {value}" for name, value in standard_set.limits.items()),
        "",
        "[scorer]",
        *(f"{name} = {to_json(value)}" for name, value in problem.settings.items()),
    ]
    for each in wrong:
        fails = to_json(list(each.fails) or "*")
        lines += ["", "[[wrong]]", f'file = "{each.name}"', f"fails = {fails}", f'outcome = "{each.outcome.value}"']
    return "\n".join(lines) + "\n"
