"""The tasks that ship: their suites, variants and facts, and that each answer scores as its task says."""

import json
import subprocess
import sys
from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path

import pytest

from harness.sandbox import open_sandbox
from harness.score import KINDS, score
from harness.tasks import SELF_CHECK_SEED, HiddenCases, find_fixtures, require_scorable, vary
from harness.tasks.self_check import Coverage, check_tasks
from harness.types import Json, Task
from tests.deep import part_and_whole
from tests.samples import kit_tasks

TASKS = kit_tasks()
LIBRARY = find_fixtures() / "_library"
FOLDERS = sorted(path.parent for path in find_fixtures().glob("*/task.toml"))
METHOD = {
    "speed-small",
    "speed-large",
    "code-bugfix",
    "code-new-bash",
    "code-new-py",
    "code-refactor",
    "code-review",
    "code-tooluse",
    "write-voice",
    "summarize-long",
    "chat-cold-warm",
}
"""The tasks of the method, code-new in two languages: suite v1 is these and the canary."""
CANARY = {"speed-canary"}
TOKENS_PER_SECOND = 60
CHARS_PER_TOKEN = 3.5


def names_in(suite: str) -> set[str]:
    return {task.name for task in TASKS.values() if suite in task.suites}


def library(name: str) -> str:
    return (LIBRARY / name).read_text(encoding="utf-8")


def facts_in(name: str) -> list[dict[str, Json]]:
    document = json.loads(library(name))
    found: list[dict[str, Json]] = document["facts"]
    return found


def test_every_folder_with_a_manifest_is_a_task_and_belongs_to_a_suite() -> None:
    assert sorted(TASKS) == [folder.name for folder in FOLDERS]
    assert len(TASKS) >= 39
    assert [task.name for task in TASKS.values() if not task.suites] == []


def test_every_suite_and_every_scorer_kind_of_the_tasks_is_described_in_the_readme() -> None:
    readme = (find_fixtures() / "README.md").read_text(encoding="utf-8")
    names = {name for task in TASKS.values() for name in (*task.suites, task.scorer)}
    assert [name for name in sorted(names) if f"`{name}`" not in readme] == []


def test_the_suites_are_those_of_the_method() -> None:
    assert names_in("v1") == METHOD | CANARY
    assert names_in("v2") == METHOD | CANARY | {"code-edit-in-context", "code-bugfix-js"}
    assert names_in("demo") == {"speed-small", "speed-large", "code-bugfix", "code-bugfix-js", "code-refactor"}
    easy = {"code-bugfix-easy", "code-new-py-easy"}
    assert names_in("first") == easy | {"code-bugfix", "code-bugfix-js", "speed-warm", "write-voice"}
    assert names_in("full") | names_in("long") == set(TASKS) - names_in("agents")
    assert names_in("agents") == {task.name for task in TASKS.values() if task.for_agents}
    assert names_in("think-on") == {
        task.name for task in TASKS.values() if task.language and set(task.tags) & {"bugfix", "refactor", "new", "edit"}
    }


def test_ten_trials_of_the_quick_suite_take_under_two_minutes_at_60_tokens_a_second() -> None:
    tokens = sum(len(reply) for name in names_in("quick") for reply in TASKS[name].solution) / CHARS_PER_TOKEN
    pauses_s = 0.5 * 10 * len(names_in("quick"))
    assert 10 * tokens / TOKENS_PER_SECOND + pauses_s < 120


def test_every_task_can_be_scored() -> None:
    require_scorable(list(TASKS.values()))


@pytest.mark.parametrize("name", sorted(TASKS))
def test_the_variants_of_a_task_have_different_prompts(name: str) -> None:
    task = TASKS[name]
    variants = [vary(task, index) for index in range(len(task.variants))]
    texts = {(one.system, one.turns, *(one.files.values() if task.for_agents else ())) for one in variants}
    assert len(texts) == len(variants)


@pytest.mark.parametrize("name", sorted(TASKS))
def test_every_placeholder_of_a_variant_is_filled(name: str) -> None:
    task = TASKS[name]
    for index in range(max(1, len(task.variants))):
        variant = vary(task, index)
        texts = [variant.system, *variant.turns, *variant.files.values(), *variant.solution]
        texts += [reply for wrong in variant.wrong_answers for reply in wrong.replies]
        assert not [text for text in texts if "{{variant." in text or "{{include:" in text]


def test_the_wrong_answers_cover_the_outcomes() -> None:
    outcomes = {wrong.outcome for task in TASKS.values() for wrong in task.wrong_answers}
    assert {"failed", "no_answer", "truncated_out", "crashed", "timed_out", "declined"} <= outcomes


def test_the_bugfix_is_tested_at_and_beyond_both_ends_of_a_list() -> None:
    for name in ("code-bugfix", "code-bugfix-js", "code-bugfix-ts", "code-bugfix-go"):
        for index, row in enumerate(TASKS[name].variants):
            cases = {case.id: case for case in vary(TASKS[name], index).cases}
            ordered = sorted(cases["first-place"].give["args"][0], reverse=row["ORDER"] == "descending")
            first = int(row["BASE"])
            assert cases["first-place"].give["args"][1] == first
            assert cases["first-place"].expect["value"] == ordered[0]
            assert cases["last-place"].give["args"][1] == first + 7
            assert cases["last-place"].expect["value"] == ordered[7]
            assert cases["below-the-first"].give["args"][1] == first - 1
            assert cases["above-the-last"].give["args"][1] == first + 8


def test_no_two_variants_of_the_bugfix_demand_the_same() -> None:
    for name in ("code-bugfix", "code-bugfix-js", "code-bugfix-ts", "code-bugfix-go"):
        rules = [(row["ORDER"], row["BASE"], row["MISSING_TEXT"]) for row in TASKS[name].variants]
        given = [{key: row[key] for key in row if key.startswith("GIVEN_")} for row in TASKS[name].variants]
        assert len(set(rules)) == len(rules) == 6
        assert all(one not in given[:at] for at, one in enumerate(given))


def test_the_large_module_has_two_thousand_lines() -> None:
    assert TASKS["code-edit-large"].files["yards.py"].count("\n") >= 2000


def test_the_long_prompt_has_about_28_thousand_tokens_and_the_short_one_about_70() -> None:
    assert 100_000 < len(TASKS["speed-large"].turns[0]) < 125_000
    small = TASKS["speed-small"]
    assert 40 < len((small.system + small.turns[0]).split()) < 75


def test_the_journal_is_the_output_of_its_program(tmp_path: Path) -> None:
    for name in ("make.py", "facts.json"):
        (tmp_path / name).write_text(library(f"journal/{name}"), encoding="utf-8")
    subprocess.run([sys.executable, "make.py"], cwd=tmp_path, check=True)
    for number in range(1, 9):
        assert (tmp_path / f"{number}.md").read_text(encoding="utf-8") == library(f"journal/{number}.md")


@pytest.mark.parametrize("name", ["agent-log", "agent-rename"])
def test_the_generated_files_of_a_task_are_the_output_of_its_program(name: str, tmp_path: Path) -> None:
    folder = find_fixtures() / name
    (tmp_path / "files.py").write_bytes((folder / "files.py").read_bytes())
    subprocess.run([sys.executable, "files.py"], cwd=tmp_path, check=True)
    assert (tmp_path / "files.patch").read_bytes() == (folder / "files.patch").read_bytes()


def test_the_repositories_of_the_agents_have_4_to_40_files_and_one_has_300() -> None:
    sizes = sorted(len(task.files) for task in TASKS.values() if task.for_agents)
    assert len(sizes) >= 8
    assert (sizes[0] >= 4, sizes[-2] <= 40, sizes[-1]) == (True, True, 300)


def test_each_fact_of_the_journal_occurs_once_and_after_its_superseded_value() -> None:
    journal = "".join(library(f"journal/{number}.md") for number in range(1, 9))
    for fact in facts_in("journal/facts.json"):
        plants = [plant["text"] for plant in fact["plants"]]
        assert [journal.count(text) for text in plants] == [1] * len(plants)
        assert journal.index(plants[0]) <= journal.index(plants[-1])
        assert any(word in plants[-1] for word in [fact["answer"], *fact["aliases"]])
        assert all(any(old in text for text in plants) for old in fact["superseded"])


def is_at(text: str, quotes: Sequence[str], depth: float) -> bool:
    return any(abs(text.index(quote) / len(text) - depth) < 0.002 for quote in quotes if quote in text)


def quotes_of(key: str) -> list[str]:
    """Where the value of a key stands, in the handbook or in the journal."""
    name = key.replace("_", "-")
    found = [fact["quote"] for fact in facts_in("handbook.facts.json") if fact["id"] == name]
    return found or [
        fact["plants"][-1]["text"] for fact in facts_in("journal/facts.json") if fact["id"].replace("_", "-") == name
    ]


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("long-needle-28k", ["handbook.md"]),
        ("long-needle-128k", [f"journal/{number}.md" for number in range(1, 8)]),
        ("long-needle-256k", [f"journal/{number}.md" for number in range(1, 9)]),
    ],
)
def test_a_needle_is_at_the_depth_that_its_case_states(name: str, parts: list[str]) -> None:
    text = "".join(library(part) for part in parts)
    for index in range(len(TASKS[name].variants)):
        wanted = [case.expect for case in vary(TASKS[name], index).cases if "any" in case.expect]
        assert len({expect["key"] for expect in wanted}) == len(wanted) == 12
        assert all(is_at(text, quotes_of(expect["key"]), expect["depth"]) for expect in wanted)


def test_the_short_needle_task_has_the_cases_of_the_long_one_and_their_passages() -> None:
    for index in range(3):
        short, long = vary(TASKS["long-needle-short"], index), vary(TASKS["long-needle-28k"], index)
        assert short.cases == long.cases
        keys = [case.expect["key"] for case in short.cases if "any" in case.expect]
        assert all(any(quote in short.turns[0] for quote in quotes_of(key)) for key in keys)
        assert len(short.turns[0]) < len(long.turns[0]) / 10


@pytest.mark.parametrize(
    ("control", "talk"), [("chat-cold-control", "chat-cold-warm"), ("chat-ten-control", "chat-ten-turns")]
)
def test_the_control_sends_the_turns_of_its_conversation(control: str, talk: str) -> None:
    cold, warm = TASKS[control], TASKS[talk]
    assert cold.variants == warm.variants
    assert cold.system == warm.system
    for number, (alone, asked) in enumerate(zip(cold.turns, warm.turns, strict=True)):
        assert alone.endswith(asked)
        assert all(earlier in alone for earlier in (*warm.turns[:number], *warm.solution[:number]))


def test_the_line_numbers_in_the_review_cases_point_at_the_defects() -> None:
    marks = {
        "pickle": "pickle.loads",
        "command": "shell=True",
        "sql": "LIKE '%",
        "md5": "hashlib.md5(form",
        "secret": "secret_key",
        "traversal": "os.path.join",
        "leak": "traceback.format_exc()",
        "unclosed": "sqlite3.connect",
        "validation": "INSERT INTO",
        "d-login": "WHERE name = ?",
        "d-insert": "VALUES (?",
    }
    for index in range(len(TASKS["code-review"].variants)):
        variant = vary(TASKS["code-review"], index)
        lines = variant.turns[0].split("`desk.py`:")[1].split("`stock.py`:")[0].split("\n")
        numbered = {line[:3].strip(): line for line in lines if line[:3].strip().isdecimal()}
        for case in variant.cases:
            if case.id in marks:
                first, last = case.expect["lines"]
                shown = "\n".join(numbered[str(number)] for number in range(first, last + 1))
                assert marks[case.id] in shown, case.id


def test_a_twin_is_the_same_request_made_possible() -> None:
    for name in ("cannot-do-file", "cannot-do-spec", "cannot-do-api"):
        task, twin = TASKS[name], TASKS[f"{name}-twin"]
        assert (task.settings["possible"], twin.settings["possible"]) == (False, True)
        assert task.turns[0].split("\n")[0] == twin.turns[0].split("\n")[0]


def one_task_of_each_kind() -> list[Task]:
    """Of the tasks with the same scorer the one with the fewest answers."""
    chosen: dict[str, Task] = {}
    for task in sorted(TASKS.values(), key=lambda task: len(task.wrong_answers)):
        chosen.setdefault(task.scorer, task)
    return list(chosen.values())


@pytest.mark.engine
@pytest.mark.parametrize("is_run", part_and_whole(("calls", "cannot_do"), KINDS))
def test_every_answer_of_a_task_of_each_kind_scores_as_the_task_says(is_run: Collection[str]) -> None:
    """Kinds that run code beyond a few are deep. `nox -s tasks`, which CI runs too, checks every task and variant."""
    tasks = [task for task in one_task_of_each_kind() if task.language is None or task.scorer in is_run]
    languages = {task.language for task in tasks if task.language is not None}
    with open_sandbox("test-fixtures", lambda line: None, sorted(languages)) as sandbox:
        extend = HiddenCases(SELF_CHECK_SEED, sandbox).extend
        judge = partial(score, sandbox=sandbox)
        tried = check_tasks(tasks, judge, lambda line: None, extend=extend, coverage=Coverage.FIRST)
    assert tried == sum(1 + len(task.wrong_answers) for task in tasks)
