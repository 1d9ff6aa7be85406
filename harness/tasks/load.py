"""Loads one task folder as a `Task` and fills in its variants.

`load_task` reads and checks everything and returns all problems at once; `vary` gives the task as one trial asks it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from harness.errors import Problem
from harness.files import from_json, sha256_of, to_json
from harness.schema import Location, load_schema, problems_of
from harness.score import KINDS, ScorerKind
from harness.tasks.manifest import TASK_FILE, TaskManifest, WrongAnswerEntry, read_manifest
from harness.tasks.text_files import BYTE_ORDER_MARK, TaskFolder, file_problem, fill, list_files, read_file
from harness.tasks.validation import check_task, check_unused_names
from harness.trees import PatchError, apply_patch
from harness.types import Case, Json, Task, Variant, WrongAnswer

GENERATOR_FILE = "cases.py"
"""Draws hidden cases: `generate(seed, variant)`, run in a container of its own (see hidden_cases.py)."""
FILES_PATCH, FILES_PROGRAM = "files.patch", "files.py"
"""More files of a task as a patch that adds them, and the program that wrote it."""
SOLUTION_FILES = ("solution/answer.md", "solution/tree.patch")
_JSON_FIX = "write plain JSON: no comment, no comma behind the last value, no NaN, no key twice"
_FILLED_FIX = "check the quotes and backslashes of what the variant fills in: those of another give JSON"
_NUMBERED = re.compile(r"(?:.*/)?(\d+)\.md")


def load_task(path: Path, libraries: Sequence[Path], public: Path) -> tuple[Task | None, list[Problem]]:
    """A task and its problems: None as soon as there is one. Includes come from the folder or from `libraries`."""
    folder = TaskFolder(path, libraries, public)
    text = folder.raw(TASK_FILE)
    if folder.problems:
        return None, folder.problems
    reading = read_manifest(text, path / TASK_FILE)
    folder.problems += reading.problems
    if reading.problems and not reading.location.toml:
        return None, folder.problems
    task = _assemble(folder, reading.manifest, text)
    check_task(task, folder, reading)
    if "variants" not in reading.invalid_keys:
        folder.problems += _case_problems(task, path)
    if not folder.problems and (vary(task, 0).cases or not task.scored):
        check_unused_names(task, folder, reading.location)
    return (None if folder.problems else task), folder.problems


def _assemble(folder: TaskFolder, manifest: TaskManifest, text: str) -> Task:
    kind, files = KINDS.get(manifest.scorer["kind"]), _files(folder)
    for_agents = kind is not None and kind.for_agents
    return Task(
        name=folder.path.name,
        title=manifest.title,
        suites=manifest.suites,
        tags=manifest.tags,
        language=manifest.language,
        budget_tokens=manifest.budget_tokens,
        limits=manifest.limits,
        scorer=manifest.scorer["kind"],
        settings={key: value for key, value in manifest.scorer.items() if key != "kind"},
        system="" if for_agents and not folder.has("system.md") else folder.text("system.md").removesuffix("\n"),
        turns=_turns(folder),
        files=files,
        cases_json=folder.raw("cases.json") if folder.has("cases.json") else "",
        solution=_solution(folder),
        wrong_answers=tuple(_wrong_answer(folder, entry) for entry in manifest.wrong),
        variants=manifest.variants,
        scored=kind is None or kind.scored,
        tool_loop=kind is not None and kind.tool_loop,
        for_agents=for_agents,
        host_files=_texts_under(folder, "host"),
        manifest=text,
        generator=folder.text(GENERATOR_FILE) if folder.has(GENERATOR_FILE) else "",
        requirements=manifest.requirements,
        renames=manifest.renames,
        survivors={entry["mutant"]: entry["reason"] for entry in manifest.survivors},
        source=manifest.source,
        # These come last, since they cover what every text above includes.
        sha256=_digest(folder),
        private_includes=_private_digests(folder, kind, files),
    )


def _private_digests(folder: TaskFolder, kind: ScorerKind | None, files: Mapping[str, str]) -> tuple[str, ...]:
    """Digests of the private files that a model is shown: those in its prompt, and the tree that it works in."""
    works_in_them = kind is not None and (kind.tool_loop or kind.for_agents)
    tree = [sha256_of(to_json(dict(files)))] if works_in_them and files and not folder.is_public else []
    return tuple(sorted([*folder.private_sha256.values(), *tree]))


def _numbered(folder: TaskFolder, place: str) -> tuple[str, ...]:
    """The texts of a folder of turns: 1.md, 2.md and so on, without a gap."""
    names = [name for name in folder.under(place) if _NUMBERED.fullmatch(name)]
    expected = [f"{place}/{number}.md" for number in range(1, len(names) + 1)]
    if sorted(names) != sorted(expected):
        message = f"turns must be numbered 1.md, 2.md ... without a gap, found {', '.join(names)}"
        folder.report(place, message, "rename the files")
    return tuple(folder.text(name).removesuffix("\n") for name in expected if name in names)


def _texts_under(folder: TaskFolder, place: str) -> dict[str, str]:
    return {path.removeprefix(f"{place}/"): folder.text(path) for path in folder.under(place)}


def _files(folder: TaskFolder) -> dict[str, str]:
    """The files under files/, and those that a patch adds to them: a tree of hundreds of files that a program wrote."""
    files = _texts_under(folder, "files")
    if not folder.has(FILES_PATCH):
        return files
    if folder.has(FILES_PROGRAM):
        folder.use(FILES_PROGRAM)
    try:
        return dict(apply_patch(files, folder.raw(FILES_PATCH)).files)
    except PatchError as error:
        folder.report(FILES_PATCH, str(error), "write it with its program again")
        return files


def _turns(folder: TaskFolder) -> tuple[str, ...]:
    turns = folder.under("turns")
    if turns and folder.has("prompt.md"):
        folder.report("turns", "the task has both turns/ and prompt.md", "keep one of the two")
    if turns:
        return _numbered(folder, "turns")
    return (folder.text("prompt.md").removesuffix("\n"),)


def _solution(folder: TaskFolder) -> tuple[str, ...]:
    found = next((place for place in SOLUTION_FILES if folder.has(place)), None)
    if found is not None or not folder.under("solution"):
        return (folder.text(found or SOLUTION_FILES[0]).removesuffix("\n"),)
    return _numbered(folder, "solution")


def _wrong_answer(folder: TaskFolder, entry: WrongAnswerEntry) -> WrongAnswer:
    place = f"wrong/{entry.file}"
    replies = _numbered(folder, place) if folder.under(place) else (folder.text(place).removesuffix("\n"),)
    fails = ("*",) if entry.fails == "*" else entry.fails
    name = entry.file.removesuffix(".md").removesuffix(".patch")
    return WrongAnswer(name, replies, fails, entry.outcome, entry.finish_reason, entry.breaks)


def _digest(folder: TaskFolder) -> str:
    """One digest over the name and bytes of every input, included files from elsewhere among them."""
    digests = []
    for place in list_files(str(folder.path)):
        path = os.path.join(folder.path, place)
        if file_problem(path) is not None:
            folder.report(place, "not a regular file", "remove it")
            continue
        try:
            digests.append([place, sha256_of(read_file(path))])
        except OSError as error:
            folder.report(place, f"cannot be read: {error.strerror}")
    return sha256_of(to_json([digests, sorted(folder.included_sha256.items())]))


def _cases_document(task: Task, index: int) -> Json:
    """cases.json with the values of a variant filled in. Raises ValueError where that is not JSON."""
    values = task.variants[index] if task.variants else {}
    return from_json(fill(task.cases_json, values)) if task.cases_json else []


def _case_problems(task: Task, path: Path) -> list[Problem]:
    """The problems of cases.json, of the first variant that has any."""
    if task.cases_json.startswith(BYTE_ORDER_MARK):
        # The mark is a problem of its own, which reading the file has reported.
        return []
    documents = [_parsed_cases(task, index) for index in range(max(1, len(task.variants)))]
    is_readable = not all(isinstance(document, ValueError) for document in documents)
    for index, document in enumerate(documents):
        location = Location(f"{path / 'cases.json'} (variant {index})")
        if isinstance(document, ValueError):
            return [Problem(f"{location.file}: invalid JSON: {document}", _FILLED_FIX if is_readable else _JSON_FIX)]
        problems = problems_of(document, load_schema("cases"), location) or _duplicate_ids(document, location)
        if problems:
            return problems
    return []


def _parsed_cases(task: Task, index: int) -> Json | ValueError:
    try:
        return _cases_document(task, index)
    except ValueError as error:
        return error


def _duplicate_ids(document: Json, location: Location) -> list[Problem]:
    ids = [case["id"] for case in document]
    return [
        location.at(at, "id").problem(f"the id {case_id!r} is a duplicate", "give every case its own id")
        for at, case_id in enumerate(ids)
        if case_id in ids[:at]
    ]


def cases_of(document: Json, *, hidden: bool = False) -> tuple[Case, ...]:
    """The cases of a document that is valid by the schema `cases`."""
    return tuple(
        Case(case["id"], case["give"], case["expect"], tuple(case.get("requirements", ())), hidden) for case in document
    )


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
        cases=cases_of(_cases_document(task, index)),
        solution=tuple(fill(reply, values) for reply in task.solution),
        wrong_answers=tuple(_fill_wrong(wrong, values) for wrong in task.wrong_answers),
        host_files={name: fill(text, values) for name, text in task.host_files.items()},
    )


def _fill_wrong(wrong: WrongAnswer, values: Mapping[str, str]) -> WrongAnswer:
    replies = tuple(fill(reply, values) for reply in wrong.replies)
    return replace(wrong, replies=replies)
