"""What a task must hold before any model is asked: references, wrong answers, variants, placeholders, budgets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from harness.tasks.faults import Faults
from harness.tasks.replies import split_reply
from harness.tasks.table import FILE
from harness.tasks.text_files import NONCE, Reader, list_files, placeholders
from harness.types import Task

LEAST_WRONG = 4
LEAST_KINDS = 3
LEAST_VARIANTS = 5
CHARS_A_TOKEN = 3


def hold(task: Task, reader: Reader) -> None:
    """Note every fault of a task that was read whole."""
    faults = reader.faults
    _placeholders(task, faults)
    _variants(task, faults)
    _replies(task, faults)
    _budget(task, faults)
    if task.scored:
        _wrong(task, faults)
    _unused_files(reader)


def texts_of(task: Task) -> Iterator[tuple[str, str]]:
    """Every text of a task that may hold placeholders, with its file."""
    yield "system.md", task.system
    for number, turn in enumerate(task.turns, 1):
        yield ("prompt.md" if len(task.turns) == 1 else f"turns/{number}.md"), turn
    for name, text in task.files.items():
        yield f"files/{name}", text
    yield "cases.json", task.cases
    for number, reply in enumerate(task.solution, 1):
        yield ("solution/answer.md" if len(task.solution) == 1 else f"solution/{number}.md"), reply
    for wrong in task.wrong:
        for number, reply in enumerate(wrong.replies, 1):
            yield (f"wrong/{wrong.name}" if len(wrong.replies) == 1 else f"wrong/{wrong.name}/{number}.md"), reply


def _placeholders(task: Task, faults: Faults) -> None:
    names = {name for row in task.variants for name in row}
    used = set()
    for place, text in texts_of(task):
        for inner, line in placeholders(text):
            where = f"{place}: line {line}"
            kind, _, name = inner.partition(".")
            if kind == "variant":
                used.add(name)
                if name not in names:
                    faults.add(where, f"{{{{{inner}}}}}: no variant has {name!r}; add it to every [[variants]]")
            elif inner.startswith("include:") and place == "cases.json":
                faults.add(where, "cases.json takes no include; write the value itself")
            elif inner != NONCE and not inner.startswith("include:"):
                known = "{{include:FILE}}, {{variant.NAME}} and {{nonce}}"
                faults.add(where, f"unknown placeholder {{{{{inner}}}}}; there are {known}")
    for name in sorted(names - used):
        faults.add(f"{FILE}: variants", f"nothing uses {name!r}; use it as {{{{variant.{name}}}}} or take it out")


def _variants(task: Task, faults: Faults) -> None:
    rows = task.variants
    if task.language is not None and task.scored and len(rows) < LEAST_VARIANTS:
        faults.add(
            f"{FILE}: variants",
            f"has {len(rows)}; a code task needs at least {LEAST_VARIANTS}, or its trials are one repeated",
        )
    for number, row in enumerate(rows[1:], 2):
        for name in sorted(set(row) ^ set(rows[0])):
            faults.add(f"{FILE}: variants[{number}].{name}", "every variant has the same names as the first")
    for number, row in enumerate(rows, 1):
        if row in rows[: number - 1]:
            faults.add(f"{FILE}: variants[{number}]", "is the same as one before it; change it")


def _replies(task: Task, faults: Faults) -> None:
    if not any(reply.strip() for reply in task.solution):
        faults.add("solution", "is empty; write the answer that must score full marks")
    for wrong in task.wrong:
        if len(task.solution) == len(task.turns) < len(wrong.replies):
            faults.add(
                f"wrong/{wrong.name}", f"has {len(wrong.replies)} replies, the solution {len(task.solution)}; drop some"
            )
    for place, text in texts_of(task):
        if place.startswith(("solution/", "wrong/")):
            try:
                split_reply(text)
            except ValueError as error:
                faults.add(place, f"its tool_calls block is not readable: {error}")


def _budget(task: Task, faults: Faults) -> None:
    need = max((len(reply) for reply in task.solution), default=0) // CHARS_A_TOKEN
    if task.scored and task.budget_tokens < 2 * need:
        faults.add(
            f"{FILE}: budget_tokens",
            f"is {task.budget_tokens}; the reference answer takes about {need} tokens, so give at least {2 * need}",
        )


def _wrong(task: Task, faults: Faults) -> None:
    texts = Counter(wrong.replies for wrong in task.wrong)
    kinds = {(wrong.fails, wrong.outcome) for wrong in task.wrong}
    place = f"{FILE}: wrong"
    if len(texts) < LEAST_WRONG:
        faults.add(place, f"has {len(texts)} different wrong answers; a scored task needs at least {LEAST_WRONG}")
    elif len(kinds) < LEAST_KINDS:
        faults.add(place, f"its answers fail in {len(kinds)} ways; they must fail in at least {LEAST_KINDS}")
    for wrong in task.wrong:
        if wrong.replies == task.solution:
            faults.add(f"wrong/{wrong.name}", "is the solution word for word; write an answer that must not pass")


def _unused_files(reader: Reader) -> None:
    for path in list_files(reader.folder):
        if path in reader.used:
            continue
        hint = "name it in a [[wrong]] of task.toml" if path.parts[0] == "wrong" else "include it or take it away"
        reader.faults.add(path.as_posix(), f"nothing in the task uses it; {hint}")
