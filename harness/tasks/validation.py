"""Checks on a task folder that its schema cannot express: placeholders, variants, wrong answers, budget, unused files.

`check_task` reports everything in one pass, before any model is asked; `check_unused_names` is for a task that has no
problem so far.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from harness.schema import Location
from harness.score import KINDS
from harness.tasks.manifest import ManifestReading
from harness.tasks.replies import split_reply
from harness.tasks.text_files import NONCE, TaskFolder, find_left_out, list_files, placeholders
from harness.types import Task

MIN_WRONG_ANSWERS = 4
MIN_FAILURE_KINDS = 3
MIN_VARIANTS, MIN_VARIANTS_FOR_AGENTS = 5, 2
"""An agent works for minutes: a run has few trials of each task."""
MIN_CHARS_PER_TOKEN = 3
"""For sizing a budget: code and prose have 3 to 4 characters per token with the tokenizers of today's local models."""


def check_task(task: Task, folder: TaskFolder, reading: ManifestReading) -> None:
    """Report every problem of a task; checks that need an invalid key of task.toml are left out."""
    location = reading.location
    if "variants" not in reading.invalid_keys:
        _check_placeholders(task, folder, location)
        _check_variants(task, folder, location)
    _check_replies(task, folder)
    if reading.problems:
        return
    if task.scored:
        _check_budget(task, folder, location)
        _check_wrong_answers(task, folder, location)
    _check_unused_files(folder)


def task_texts(task: Task) -> Iterator[tuple[str, str]]:
    """Every text of a task that may contain placeholders, with its file."""
    yield "system.md", task.system
    for number, turn in enumerate(task.turns, 1):
        yield ("prompt.md" if len(task.turns) == 1 else f"turns/{number}.md"), turn
    for name, text in task.files.items():
        yield f"files/{name}", text
    for name, text in task.host_files.items():
        yield f"host/{name}", text
    yield "cases.json", task.cases_json
    for number, reply in enumerate(task.solution, 1):
        yield ("solution/answer.md" if len(task.solution) == 1 else f"solution/{number}.md"), reply
    for wrong in task.wrong_answers:
        for number, reply in enumerate(wrong.replies, 1):
            yield (f"wrong/{wrong.name}" if len(wrong.replies) == 1 else f"wrong/{wrong.name}/{number}.md"), reply


def _check_placeholders(task: Task, folder: TaskFolder, location: Location) -> None:
    names = {name for row in task.variants for name in row}
    for place, text in task_texts(task):
        for inner, line in placeholders(text):
            where = f"{place}, line {line}: {{{{{inner}}}}}"
            kind, _, name = inner.partition(".")
            if kind == "variant":
                if name not in names:
                    folder.report(where, f"no variant has the name {name!r}", "add it to every [[variants]]")
            elif inner.startswith("include:") and place == "cases.json":
                folder.report(where, "cases.json must not contain an include", "write the value itself")
            elif inner != NONCE and not inner.startswith("include:"):
                folder.report(where, "unknown placeholder", "use {{include:FILE}}, {{variant.NAME}} or {{nonce}}")
    for at, name in enumerate(task.renames):
        if name not in names:
            problem = location.at("renames", at).problem(f"no variant has the name {name!r}", "remove it")
            folder.problems.append(problem)


def check_unused_names(task: Task, folder: TaskFolder, location: Location) -> None:
    """Report names of variants that nothing uses, of a task without other problems: what it lacks could use them."""
    used = {inner.removeprefix("variant.") for _, text in task_texts(task) for inner, _ in placeholders(text)}
    used |= set(re.findall(r"\w+", task.generator))
    for name in sorted({name for row in task.variants for name in row} - used):
        problem = location.at("variants", 0, name).problem(
            f"no text uses {name!r}", f"use it as {{{{variant.{name}}}}} or remove it"
        )
        folder.problems.append(problem)


def _check_variants(task: Task, folder: TaskFolder, location: Location) -> None:
    rows, variants = task.variants, location.at("variants")
    minimum = MIN_VARIANTS_FOR_AGENTS if task.for_agents else MIN_VARIANTS
    # A published problem is asked as it stands, and so is a change that a repository has seen.
    varies = task.scorer not in KINDS or KINDS[task.scorer].varies
    if task.language is not None and task.scored and varies and not task.source and len(rows) < minimum:
        message = f"a code task needs at least {minimum} variants, this one has {len(rows)}"
        folder.problems.append(variants.problem(message, "add variants: without them the trials repeat one task"))
    for at, row in enumerate(rows):
        for name in sorted(set(row) ^ set(rows[0])):
            problem = variants.at(at, name).problem("every variant must have the same names as the first")
            folder.problems.append(problem)
        if row in rows[:at]:
            folder.problems.append(variants.at(at).problem("the variant equals an earlier one", "change it"))


def _check_replies(task: Task, folder: TaskFolder) -> None:
    if not any(reply.strip() for reply in task.solution):
        folder.report("solution", "the solution is empty", "write the answer that must score full marks")
    for wrong in task.wrong_answers:
        if len(task.solution) == len(task.turns) < len(wrong.replies):
            message = f"{len(wrong.replies)} replies, but the solution has {len(task.solution)}"
            folder.report(f"wrong/{wrong.name}", message, "remove some")
    for place, text in task_texts(task):
        if place.startswith(("solution/", "wrong/")):
            try:
                split_reply(text)
            except ValueError as error:
                folder.report(place, f"the tool_calls block is invalid: {error}")


def _check_budget(task: Task, folder: TaskFolder, location: Location) -> None:
    tokens = max((len(reply) for reply in task.solution), default=0) // MIN_CHARS_PER_TOKEN
    # What stands in for a reference may be a table of all results, which is longer than any answer.
    if task.budget_tokens < 2 * tokens and "reference" not in task.source:
        message = f"{task.budget_tokens} is less than twice the solution, which takes about {tokens} tokens"
        folder.problems.append(location.at("budget_tokens").problem(message, f"set at least {2 * tokens}"))


def _check_wrong_answers(task: Task, folder: TaskFolder, location: Location) -> None:
    here = location.at("wrong")
    answers = Counter(wrong.replies for wrong in task.wrong_answers)
    failures = {(wrong.breaks or wrong.fails, wrong.outcome) for wrong in task.wrong_answers}
    if task.source and not answers:
        folder.problems.append(here.problem("an imported task needs a wrong answer"))
    elif task.source:
        pass
    elif len(answers) < MIN_WRONG_ANSWERS:
        message = (
            f"a scored task needs at least {MIN_WRONG_ANSWERS} different wrong answers, this one has {len(answers)}"
        )
        folder.problems.append(here.problem(message))
    elif len(failures) < MIN_FAILURE_KINDS:
        message = f"the wrong answers must fail in at least {MIN_FAILURE_KINDS} ways, these fail in {len(failures)}"
        folder.problems.append(here.problem(message))
    for wrong in task.wrong_answers:
        if wrong.replies == task.solution:
            folder.report(f"wrong/{wrong.name}", "equals the solution", "write an answer that must not pass")


def _check_unused_files(folder: TaskFolder) -> None:
    for place in list_files(str(folder.path)):
        if place not in folder.used:
            fix = "name it in a [[wrong]] of task.toml" if place.startswith("wrong/") else "include it or remove it"
            folder.report(place, "nothing in the task uses this file", fix)
    for place, message, fix in find_left_out(str(folder.path)):
        folder.report(place, message, fix)
