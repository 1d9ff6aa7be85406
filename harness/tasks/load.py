"""One task folder to a Task: everything is read, every rule is held, and all faults are told at once."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.files import from_json, sha256_of, sha256_of_file, to_json
from harness.score import KINDS
from harness.tasks import validation
from harness.tasks.faults import Faults
from harness.tasks.manifest import Recipe, WrongRow, read_recipe
from harness.tasks.table import FILE
from harness.tasks.text_files import Reader, fill, list_files
from harness.types import Case, Json, Task, Variant, Wrong

_NUMBERED = re.compile(r"(?:.*/)?(\d+)\.md")
_CASE_KEYS = {"id", "give", "expect"}


def _numbered(reader: Reader, place: str) -> tuple[str, ...]:
    """The texts of a folder of turns, 1.md, 2.md ... without a gap."""
    names = [name for name in reader.under(place) if _NUMBERED.fullmatch(name)]
    wanted = [f"{place}/{number}.md" for number in range(1, len(names) + 1)]
    if sorted(names) != sorted(wanted):
        reader.faults.add(place, f"turns are numbered 1.md, 2.md ... without a gap; found {', '.join(names)}")
    return tuple(reader.text(name).removesuffix("\n") for name in wanted if name in names)


def _turns(reader: Reader) -> tuple[str, ...]:
    has_prompt, turns = reader.has("prompt.md"), reader.under("turns")
    if has_prompt and turns:
        reader.faults.add("turns", "there is a prompt.md as well; keep one of the two")
    if turns:
        return _numbered(reader, "turns")
    return (reader.text("prompt.md").removesuffix("\n"),)


def _solution(reader: Reader) -> tuple[str, ...]:
    if reader.has("solution/answer.md") or not reader.under("solution"):
        return (reader.text("solution/answer.md").removesuffix("\n"),)
    return _numbered(reader, "solution")


def _wrong(reader: Reader, row: WrongRow) -> Wrong:
    place = f"wrong/{row.file}"
    replies = _numbered(reader, place) if reader.under(place) else (reader.text(place).removesuffix("\n"),)
    return Wrong(row.file.removesuffix(".md"), replies, row.fails, row.outcome, row.finish_reason)


def _files(reader: Reader) -> Mapping[str, str]:
    return {place.removeprefix("files/"): reader.text(place) for place in reader.under("files")}


def _digest(reader: Reader) -> str:
    """One digest over the name and bytes of every input, includes from elsewhere among them."""
    own = []
    for path in list_files(reader.folder):
        try:
            own.append([path.as_posix(), sha256_of_file(reader.folder / path)])
        except OSError as error:
            reader.faults.add(path.as_posix(), f"cannot be read: {error.strerror}")
    return sha256_of(to_json([own, sorted(reader.outside.items())]))


def load_task(folder: Path, libraries: Sequence[Path], public: Path) -> tuple[Task | None, list[str]]:
    """A task and its faults: the task is None as soon as there is one. Includes come from the folder or `libraries`."""
    faults = Faults(folder)
    reader = Reader(folder, libraries, public, faults)
    recipe = read_recipe(reader.plain(FILE), faults)
    if recipe is None:
        return None, faults.found
    task = _assemble(reader, recipe)
    validation.hold(task, reader)
    before = len(faults.found)
    for index in range(max(1, len(task.variants))):
        if len(faults.found) == before:
            _cases(task, index, faults)
    return (None if faults.found else task), faults.found


def _assemble(reader: Reader, recipe: Recipe) -> Task:
    system = reader.text("system.md").removesuffix("\n")
    turns, files = _turns(reader), _files(reader)
    cases = reader.plain("cases.json") if reader.has("cases.json") else ""
    solution = _solution(reader)
    wrong = tuple(_wrong(reader, row) for row in recipe.wrong if row.file)
    kind = KINDS.get(recipe.scorer)
    return Task(
        name=reader.folder.name,
        title=recipe.title,
        suites=recipe.suites,
        tags=recipe.tags,
        language=recipe.language,
        budget_tokens=recipe.budget_tokens,
        limits=recipe.limits,
        scorer=recipe.scorer,
        settings=recipe.settings,
        system=system,
        turns=turns,
        files=files,
        cases=cases,
        solution=solution,
        wrong=wrong,
        variants=recipe.variants,
        sha256=_digest(reader),
        private_includes=tuple(sorted(reader.private.values())),
        scored=kind is None or kind.scored,
        tool_loop=kind is not None and kind.tool_loop,
    )


def _case(document: Json, at: str, faults: Faults) -> Case | None:
    if not isinstance(document, dict) or set(document) != _CASE_KEYS:
        faults.add(at, "a case has the keys id, give and expect, and no others")
        return None
    if not isinstance(document["id"], str) or not document["id"]:
        faults.add(f"{at}.id", "must be a text")
        return None
    if not isinstance(document["give"], dict) or not isinstance(document["expect"], dict):
        faults.add(at, "give and expect must be objects")
        return None
    return Case(document["id"], document["give"], document["expect"])


def _cases(task: Task, index: int, faults: Faults) -> tuple[Case, ...]:
    """The cases of one variant. Faults are noted with the variant's number."""
    if not task.cases:
        return ()
    values = task.variants[index] if task.variants else {}
    where = f"cases.json (variant {index})"
    try:
        document = from_json(fill(task.cases, values))
    except ValueError as error:
        faults.add(where, f"not readable as JSON: {error}; mind the quotes and backslashes of what a variant puts in")
        return ()
    if not isinstance(document, list):
        faults.add(where, "must be a list of cases")
        return ()
    read = [_case(one, f"{where}[{number}]", faults) for number, one in enumerate(document)]
    cases = tuple(case for case in read if case is not None)
    ids = [case.id for case in cases]
    for twice in sorted({one for one in ids if ids.count(one) > 1}):
        faults.add(where, f"the id {twice!r} stands twice; every case has its own")
    return cases


def vary(task: Task, trial: int) -> Variant:
    """The task as trial number `trial` (from 0) asks it: variant `trial` modulo their number, everything filled in."""
    index = trial % len(task.variants) if task.variants else 0
    values = task.variants[index] if task.variants else {}
    return Variant(
        task=task,
        index=index,
        system=fill(task.system, values),
        turns=tuple(fill(turn, values) for turn in task.turns),
        files={name: fill(text, values) for name, text in task.files.items()},
        cases=_cases(task, index, Faults(Path(task.name))),
        solution=tuple(fill(reply, values) for reply in task.solution),
        wrong=tuple(_vary_wrong(wrong, values) for wrong in task.wrong),
    )


def _vary_wrong(wrong: Wrong, values: Mapping[str, str]) -> Wrong:
    replies = tuple(fill(reply, values) for reply in wrong.replies)
    return Wrong(wrong.name, replies, wrong.fails, wrong.outcome, wrong.finish_reason)
