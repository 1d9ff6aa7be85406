"""The table of how strong each task's checks are, in fixtures/README.md: `python -m tests.strength_table` measures it.

What can be counted without running anything is counted by `counted_rows`, which the tests compare with the table. The
mutants are run in containers, some forty a task, and their column is written by the command alone.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial

from tabulate import tabulate

from harness.sandbox import open_sandbox
from harness.score import KINDS, score
from harness.tasks import SELF_CHECK_SEED, HiddenCases, check_mutants, find_fixtures, vary
from harness.tasks.hidden_cases import case_seed
from harness.types import Json, Task, Variant
from tests.corpus_check import CORPUS, RIGHT, WRONG, corpus_answers
from tests.samples import kit_tasks

README = find_fixtures() / "README.md"
BEGIN, END = "<!-- strength: begin -->\n", "<!-- strength: end -->\n"
HEADERS = (
    "task",
    "requirements",
    "fixed checks",
    "hidden cases",
    "wrong answers",
    "corpus right / wrong",
    "mutants failing",
)
NO_MUTANTS = "no code"


def draw(variant: Variant, seed: str = SELF_CHECK_SEED) -> list[dict[str, Json]]:
    """The hidden cases of a variant, drawn in this process: the kit's own generators are trusted."""
    namespace: dict[str, Json] = {}
    exec(compile(variant.task.generator, f"{variant.task.name}/cases.py", "exec"), namespace)
    values = dict(variant.task.variants[variant.index]) if variant.task.variants else {}
    return list(namespace["generate"](case_seed(seed, variant.task, variant.index), values))


def scored_tasks() -> list[Task]:
    """The tasks that have checks, by name."""
    return [task for _, task in sorted(kit_tasks().items()) if task.scorer != "speed"]


def counted_rows() -> list[list[str]]:
    """The columns before the mutants."""
    return [_counted(task) for task in scored_tasks()]


def _counted(task: Task) -> list[str]:
    variant = vary(task, 0)
    hidden = len(draw(variant)) if task.generator else 0
    fixed = len(KINDS[task.scorer].check_names(variant))
    sides = [answer.side for answer in corpus_answers(task.name)] if (CORPUS / task.name).is_dir() else []
    corpus = f"{sides.count(RIGHT)} / {sides.count(WRONG)}" if sides else "as short"
    return [task.name, *map(str, (len(task.requirements), fixed, hidden, len(task.wrong_answers))), corpus]


def table_rows() -> list[list[str]]:
    """The table's rows as they stand in the README."""
    text = README.read_text(encoding="utf-8")
    lines = text[text.index(BEGIN) + len(BEGIN) : text.index(END)].strip().splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def measured_mutants(tasks: Sequence[Task]) -> list[str]:
    """For each task, how many mutants of its solution fail, of how many, and how many are listed as equivalent."""
    languages = sorted({task.language for task in tasks if task.language} | {"python"})
    with open_sandbox("strength", lambda message: None, languages) as sandbox:
        extend, scorer = HiddenCases(SELF_CHECK_SEED, sandbox).extend, partial(score, sandbox=sandbox)
        cells = []
        for task in tasks:
            if task.language is None:
                cells.append(NO_MUTANTS)
                continue
            report = check_mutants(task, scorer, extend)
            failing = report.total - len(report.survivors) - len(report.listed)
            listed = f", {len(report.listed)} equivalent" if report.listed else ""
            cells.append(f"{failing} of {report.total}{listed}" if report.total else NO_MUTANTS)
            print(f"{task.name}: {cells[-1]}; not listed: {list(report.survivors)}", flush=True)
    return cells


def write(rows: Sequence[Sequence[str]]) -> None:
    """Put the rows into the README."""
    text = README.read_text(encoding="utf-8")
    table = tabulate(rows, headers=HEADERS, tablefmt="github", disable_numparse=True)
    before, after = text[: text.index(BEGIN) + len(BEGIN)], text[text.index(END) :]
    README.write_text(f"{before}{table}\n{after}", encoding="utf-8")


def main(names: Sequence[str]) -> int:
    """Count everything again; measure the mutants of these tasks, or of all, and keep the others' figures."""
    known = {row[0]: row[-1] for row in table_rows()}
    tasks = scored_tasks()
    chosen = [task for task in tasks if not names or task.name in names]
    known.update(zip((task.name for task in chosen), measured_mutants(chosen), strict=True))
    write([[*row, known.get(row[0], NO_MUTANTS)] for row in counted_rows()])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
