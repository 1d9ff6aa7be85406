"""Writes a problem of a standard set as a task folder: what is asked, test code, reference and wrong answers.

`write_task` is the entry point. task.toml says by [source] where the task is from.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from harness.files import to_json
from harness.sets.problem import SetProblem, UnusableError
from harness.sets.source import SetSource
from harness.sets.standard_sets import StandardSet
from harness.types import Outcome

MIN_BUDGET_TOKENS = 1024
_SYSTEM = "You are a careful Python programmer. You answer with code that runs.\n"
_PROMPT = (
    "Write the Python function `{entry}`. Answer with the whole function in one code block, and with nothing else.\n\n"
    "```python\n{code}\n```\n"
)
_EMPTY = "I would need to think about this for longer.\n"
_CONSTANTS = {"bool": "True", "int": "0", "float": "0.0", "str": "''", "List": "[]", "list": "[]"}


def task_name(standard_set: StandardSet, row_id: str) -> str:
    """The name of a problem's task, from the last part of its id."""
    return f"{standard_set.name}-{re.sub('[^a-z0-9]+', '-', row_id.rpartition('/')[2].lower()).strip('-') or 'x'}"


def fenced(code: str) -> str:
    """An answer that is one block of code."""
    return f"```python\n{code.strip()}\n```\n"


def constant_answer(problem: SetProblem) -> str:
    """An answer that returns the same value whatever it is given, of the type that the prompt states."""
    stated = re.search(rf"def {problem.entry_point}\(.*?->\s*(\w+)", problem.prompt, re.DOTALL)
    value = _CONSTANTS.get(stated[1] if stated else "bool", "None")
    return fenced(f"def {problem.entry_point}(*args, **kwargs):\n    return {value}")


@dataclass(frozen=True, slots=True)
class WrongFile:
    """A wrong answer of a task, and how it ends."""

    name: str
    text: str
    outcome: Outcome = Outcome.FAILED


def write_task(
    folder: Path, standard_set: StandardSet, source: SetSource, problem: SetProblem, mutant: WrongFile | None
) -> None:
    """Write the folder; `mutant` is None while none is known. Raises UnusableError, OSError."""
    wrong = [WrongFile("empty.md", _EMPTY, Outcome.NO_ANSWER), WrongFile("constant.md", constant_answer(problem))]
    wrong += [mutant] if mutant is not None else []
    texts = {
        "task.toml": _manifest(standard_set, source, problem, wrong),
        "system.md": _SYSTEM,
        "prompt.md": _PROMPT.format(entry=problem.entry_point, code=problem.prompt.strip("\n")),
        "files/tests.py": problem.tests,
        **({"files/preamble.py": problem.preamble} if problem.preamble else {}),
        "cases.json": to_json(_cases(problem)) + "\n",
        "solution/answer.md": fenced(problem.reference),
        **{f"wrong/{each.name}": each.text for each in wrong},
    }
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            path.write_bytes(text.encode("utf-8"))
        except UnicodeEncodeError as error:
            raise UnusableError("its texts are not Unicode") from error


def _cases(problem: SetProblem) -> list[object]:
    give = {"call": "check", "candidate": problem.entry_point}
    return [{"id": "tests", "give": give, "expect": {"passes": True}}]


def _manifest(standard_set: StandardSet, source: SetSource, problem: SetProblem, wrong: list[WrongFile]) -> str:
    budget = max(MIN_BUDGET_TOKENS, len(problem.reference))
    lines = [
        f"title = {to_json(f'{standard_set.title}: {problem.entry_point}')}",
        f"suites = [{to_json(standard_set.name)}]",
        'tags = ["imported"]',
        'language = "python"',
        f"budget_tokens = {budget}",
        "",
        "[source]",
        f"set = {to_json(standard_set.title)}",
        f"id = {to_json(problem.id)}",
        f"file = {to_json(source.origin)}",
        f"sha256 = {to_json(source.sha256)}",
        f"license = {to_json(standard_set.source_license)}",
        "",
        "[limits]",
        f"case_timeout_s = {standard_set.test_timeout_s}",
        "",
        "[scorer]",
        'kind = "outside_tests"',
        'tests = "tests.py"',
        f"names = [{to_json(problem.entry_point)}]",
        *(['preamble = "preamble.py"'] if problem.preamble else []),
    ]
    for each in wrong:
        lines += ["", "[[wrong]]", f'file = "{each.name}"', 'fails = "*"', f'outcome = "{each.outcome.value}"']
    return "\n".join(lines) + "\n"
