"""The self-check of tasks by their own answers, and copies of tasks."""

import stat
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Event, Thread

import pytest

from harness.cli import main
from harness.errors import CheckError, DiskError, EngineError, TaskError
from harness.score import score
from harness.score.timeout_budget import TimeoutBudget
from harness.tasks import JobCache, copy_task, find_fixtures, load_tasks, readings_of, require_scorable
from harness.tasks.self_check import Coverage, check_tasks, reference_trials
from harness.types import (
    TOO_MANY_TIMEOUTS,
    Job,
    Json,
    Limits,
    Observation,
    Outcome,
    SandboxFacts,
    Task,
    TaskRequirement,
    WrongAnswer,
)

FACTS = SandboxFacts("fake", "1", "none", "none", "none", True, "none")
FIX = "correct the answer, the cases or its [[wrong]] entry"
RIGHT = "```python\ndef add(a, b):\n    return a + b\n```"
MINUS = "```python\ndef add(a, b):\n    return a - b\n```"
CASES = """[
  {"id": "one", "give": {"call": "add", "args": [{{variant.N}}, 1]}, "expect": {"value": {{variant.SUM}}}},
  {"id": "none", "give": {"call": "add", "args": [0, 0]}, "expect": {"value": 0}}
]"""


class InProcess:
    """Runs an answer where the test runs: fit for answers that the test wrote itself."""

    facts = FACTS

    def run(self, job: Job) -> tuple[Observation, ...]:
        space: dict[str, Json] = {}
        exec(job.files[job.entry], space)
        return tuple(Observation(case, "returned", _value(space, give)) for case, give in job.cases)


def _value(space: Mapping[str, Json], give: Mapping[str, Json]) -> Json:
    return space[give["call"]](*give["args"])


class Broken:
    """An engine that died."""

    facts = FACTS

    def run(self, job: Job) -> tuple[Observation, ...]:
        raise EngineError("the engine is gone")


def wrong(name: str, reply: str, fails: tuple[str, ...], outcome: Outcome, finish_reason: str = "stop") -> WrongAnswer:
    return WrongAnswer(name, (reply,), fails, outcome, finish_reason)


TASK = Task(
    name="add",
    title="Add",
    suites=("own",),
    tags=(),
    language="python",
    budget_tokens=100,
    limits=Limits(),
    scorer="calls",
    settings={},
    system="You add.",
    turns=("Add.",),
    files={},
    cases_json=CASES,
    solution=(RIGHT,),
    wrong_answers=(
        wrong("minus", MINUS, ("one",), Outcome.FAILED),
        wrong("prose", "Use plus.", ("*",), Outcome.NO_ANSWER),
        wrong("cut", "```python\ndef add(a, b):\n    return a -", ("*",), Outcome.TRUNCATED_OUT, "length"),
    ),
    variants=({"N": "1", "SUM": "2"}, {"N": "5", "SUM": "6"}),
    sha256="0" * 64,
)


def faults(task: Task) -> tuple[str, ...]:
    with pytest.raises(CheckError) as caught:
        check_tasks([task], partial(score, sandbox=InProcess()), lambda line: None)
    return tuple(f"{problem.message}; {problem.fix}" for problem in caught.value.problems)


def without_cut(task: Task) -> Task:
    """The cut answer does not load, which this sandbox cannot say."""
    return replace(task, wrong_answers=tuple(one for one in task.wrong_answers if one.name != "cut"))


SOUND = without_cut(TASK)


def test_a_sound_task_passes_and_every_answer_of_every_variant_is_checked() -> None:
    said: list[str] = []
    assert check_tasks([SOUND], partial(score, sandbox=InProcess()), said.append) == 6
    assert said == ["add: 6 answers checked"]


def test_first_only_checks_the_first_variant() -> None:
    assert check_tasks([SOUND], partial(score, sandbox=InProcess()), lambda line: None, coverage=Coverage.FIRST) == 3
    assert {trial.variant.index for trial in reference_trials(SOUND, Coverage.FIRST)} == {0}


def test_in_turns_every_wrong_answer_meets_the_first_variant_and_another_one_each_other_variant() -> None:
    variants = tuple({"N": str(number), "SUM": str(number + 1)} for number in range(1, 6))
    names = ("a", "b", "c", "d", "e", "f")
    wrongs = tuple(wrong(name, MINUS, ("one",), Outcome.FAILED) for name in names)
    trials = list(reference_trials(replace(SOUND, variants=variants, wrong_answers=wrongs), Coverage.IN_TURNS))
    solutions = [trial.variant.index for trial in trials if trial.wrong_answer is None]
    met = {name: [t.variant.index for t in trials if t.wrong_answer and t.wrong_answer.name == name] for name in names}
    assert solutions == [0, 1, 2, 3, 4]
    assert met == {"a": [0, 1], "b": [0, 2], "c": [0], "d": [0, 3], "e": [0, 4], "f": [0]}


class Recording(InProcess):
    """Keeps how many cases each job had."""

    def __init__(self) -> None:
        self.counts: list[int] = []

    def run(self, job: Job) -> tuple[Observation, ...]:
        self.counts.append(len(job.cases))
        return super().run(job)


@pytest.mark.parametrize(
    ("reply", "counts"),
    [
        ("a + b + (a > 0)", [3, 3, 3, 3, 1, 1]),
        ("a + b + (a == 1)", [3, 3, 3, 3, 1, 3, 1]),
    ],
)
def test_the_cases_that_caught_an_answer_are_tried_alone_in_other_variants(reply: str, counts: list[int]) -> None:
    cases = """[
      {"id": "one", "give": {"call": "add", "args": [{{variant.N}}, 1]}, "expect": {"value": {{variant.SUM}}}},
      {"id": "first", "give": {"call": "add", "args": [{{variant.M}}, 0]}, "expect": {"value": {{variant.M}}}},
      {"id": "none", "give": {"call": "add", "args": [0, 0]}, "expect": {"value": 0}}
    ]"""
    variants = tuple({"N": n, "SUM": str(int(n) + 1), "M": m} for n, m in (("1", "0"), ("5", "1"), ("1", "0")))
    off = WrongAnswer("off", (RIGHT.replace("a + b", reply),), (), Outcome.FAILED, "stop", breaks="adds")
    needed = TaskRequirement("adds", "Add.", ("one", "first", "none"))
    task = replace(SOUND, cases_json=cases, variants=variants, requirements=(needed,), wrong_answers=(off,))
    sandbox = Recording()
    check_tasks([task], partial(score, sandbox=sandbox), lambda line: None)
    assert sorted(sandbox.counts) == sorted(counts)


def test_a_failing_solution_is_reported_with_its_variant_its_check_and_the_observed_value() -> None:
    found = faults(replace(SOUND, solution=(RIGHT.replace("a + b", "2 * a"),)))
    assert found == (
        "add, variant 1, solution: must score full marks, but ends as failed and fails "
        "one (expected 6, got 10); correct the answer or the cases",
    )


def test_a_passing_wrong_answer_is_reported() -> None:
    found = faults(replace(SOUND, wrong_answers=(wrong("right", RIGHT, ("one",), Outcome.FAILED),)))
    assert found[0] == f"add, variant 0, wrong/right: passes, but must fail; {FIX}"


def test_a_wrong_answer_that_fails_other_checks_than_declared_is_reported() -> None:
    also = replace(SOUND, wrong_answers=(wrong("zero", MINUS.replace("a - b", "7"), ("one",), Outcome.FAILED),))
    assert faults(also)[0] == f"add, variant 0, wrong/zero: also fails none (expected 0, got 7); {FIX}"
    less = replace(SOUND, wrong_answers=(wrong("minus", MINUS, ("*",), Outcome.FAILED),))
    assert faults(less)[0] == f"add, variant 0, wrong/minus: does not fail none; {FIX}"


def test_a_wrong_answer_with_another_outcome_is_reported() -> None:
    task = replace(SOUND, wrong_answers=(wrong("minus", MINUS, ("one",), Outcome.CRASHED),))
    assert faults(task)[0] == f"add, variant 0, wrong/minus: ends as failed, not as crashed; {FIX}"


def test_an_answer_that_breaks_a_requirement_meets_only_its_cases_beyond_the_first_variant() -> None:
    seven = WrongAnswer("seven", (MINUS.replace("a - b", "7"),), (), Outcome.FAILED, "stop", breaks="adds")
    needed = TaskRequirement("adds", "Add.", ("one",))
    task = replace(SOUND, requirements=(needed,), wrong_answers=(seven,))
    assert faults(task) == (
        f"add, variant 0, wrong/seven: also fails none (expected 0, got 7), which do not test 'adds'; {FIX}",
    )
    harmless = replace(seven, replies=(RIGHT.replace("a + b", "a + b if a != 1 else 0"),))
    assert faults(replace(task, wrong_answers=(harmless,))) == (
        f"add, variant 1, wrong/seven: passes, but must fail; {FIX}",
    )


def test_an_unknown_check_name_is_reported() -> None:
    task = replace(SOUND, wrong_answers=(wrong("minus", MINUS, ("one", "won"), Outcome.FAILED),))
    assert faults(task)[0] == f"add, variant 0, wrong/minus: no check is called won; {FIX}"


def test_the_problems_of_all_variants_are_reported_at_once() -> None:
    assert len(faults(replace(SOUND, solution=(MINUS,)))) == 2


def test_an_engine_failure_is_not_a_problem_of_the_task() -> None:
    with pytest.raises(EngineError, match="the engine is gone"):
        check_tasks([SOUND], partial(score, sandbox=Broken()), lambda line: None)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"scorer": "cals"}, "add/task.toml: $.scorer.kind: there is no scorer kind 'cals'"),
        ({"language": "cobol"}, "add/task.toml: $.language: expected a language that can be run, got 'cobol'"),
        ({"settings": {"equalty": "exact"}}, "add/task.toml: $.scorer.equalty: unknown field"),
        (
            {"cases_json": '[{"id": "a", "give": {}, "expect": {"value": 1}}]'},
            "add/cases.json, case 'a': $.give.call: required field is missing",
        ),
    ],
)
def test_a_task_that_cannot_be_scored_is_refused_before_anything_runs(change: dict[str, Json], fault: str) -> None:
    with pytest.raises(TaskError) as caught:
        require_scorable([replace(TASK, **change)])
    assert caught.value.message.startswith(fault)


def test_a_scorable_task_is_not_refused() -> None:
    require_scorable([TASK])


def test_replies_read_as_a_server_would_have_sent_them() -> None:
    call = '```tool_calls\n[{"name": "grep", "arguments": {"pattern": "x"}}, {"name": "grep", "arguments": "{"}]\n```'
    first, last = readings_of([f"I look.\n\n{call}", "Done."], "length")
    assert first.content == "I look."
    assert first.finish_reason == "tool_calls"
    assert [(one.id, one.name, one.arguments) for one in first.tool_calls] == [
        ("call_1", "grep", '{"pattern":"x"}'),
        ("call_2", "grep", "{"),
    ]
    assert (last.content, last.tool_calls, last.finish_reason) == ("Done.", (), "length")


@pytest.mark.parametrize("block", ['{"name": "grep"}', '[{"name": "grep"}]', "[1]", "nothing"])
def test_an_invalid_tool_calls_block_is_refused(block: str) -> None:
    with pytest.raises(ValueError):
        readings_of([f"```tool_calls\n{block}\n```"])


def test_a_copied_task_is_in_the_user_suite_and_can_be_scored(tmp_path: Path) -> None:
    folder = copy_task(find_fixtures() / "code-bugfix", tmp_path, "my-bug")
    (task,) = load_tasks([tmp_path])
    assert folder == tmp_path / "my-bug"
    assert task.suites == ("own",)
    assert task.title.endswith("(copied from code-bugfix)")
    require_scorable([task])


@pytest.mark.parametrize("like", sorted(path.parent.name for path in find_fixtures().glob("*/task.toml")))
def test_every_task_can_be_copied(like: str, tmp_path: Path) -> None:
    copy_task(find_fixtures() / like, tmp_path, "copy")
    (task,) = load_tasks([tmp_path])
    require_scorable([task])


def test_a_copy_has_the_documents_of_the_library_that_it_includes(tmp_path: Path) -> None:
    mine, other = tmp_path / "mine", tmp_path / "other"
    source = copy_task(find_fixtures() / "code-bugfix", mine, "bug")
    (mine / "_library" / "style").mkdir(parents=True)
    (mine / "_library" / "style" / "brief.md").write_text("Be brief.\n", encoding="utf-8")
    (mine / "_library" / "unused.md").write_text("x\n", encoding="utf-8")
    prompt = source / "prompt.md"
    prompt.write_text(prompt.read_text(encoding="utf-8") + "\n{{include:style/brief.md}}\n", encoding="utf-8")
    folder = copy_task(source, other, "copy")
    (task,) = load_tasks([other])
    assert task.turns[0].endswith("Be brief.")
    assert sorted(path.name for path in folder.rglob("*.md") if path.name in ("brief.md", "unused.md")) == ["brief.md"]


def test_the_command_creates_a_task_in_an_empty_folder(tmp_path: Path) -> None:
    assert main(["tasks", "new", "mine", "--like", "speed-small", "--tasks", str(tmp_path)]) == 0
    assert [task.name for task in load_tasks([tmp_path])] == ["mine"]


@pytest.mark.parametrize("name", ["My-Bug", "../bug", "-bug", "", "a b", "_bug"])
def test_an_invalid_task_name_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="cannot be a task's name"):
        copy_task(find_fixtures() / "code-bugfix", tmp_path, name)


def test_an_existing_task_is_not_overwritten(tmp_path: Path) -> None:
    copy_task(find_fixtures() / "speed-small", tmp_path, "mine")
    with pytest.raises(TaskError, match="exists already"):
        copy_task(find_fixtures() / "speed-small", tmp_path, "mine")


def test_a_copy_can_be_edited_whatever_the_permissions_of_its_source(tmp_path: Path) -> None:
    source = copy_task(find_fixtures() / "code-bugfix", tmp_path, "source")
    for path in sorted(source.rglob("*"), reverse=True):
        path.chmod(0o500 if path.is_dir() else 0o400)
    source.chmod(0o500)
    folder = copy_task(source, tmp_path, "mine")
    assert all(path.stat().st_mode & stat.S_IWUSR for path in (folder, *folder.rglob("*")))
    assert len(load_tasks([tmp_path])) == 2


def test_a_copy_that_fails_leaves_nothing(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "task.toml").write_text("title = 'A'\n", encoding="utf-8")
    (source / "prompt.md").symlink_to("prompt.md")
    with pytest.raises(DiskError, match="cannot be written"):
        copy_task(source, tmp_path, "mine")
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_the_command_lists_tasks_with_their_suites(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tasks", "list", "--suite", "demo"]) == 0
    shown = capsys.readouterr().out
    assert "code-bugfix  " in shown
    assert "demo, first, quick, v1, v2, full, think-on; calls; 6 variants, 17 wrong answers" in shown
    assert "write-voice" not in shown


def test_the_command_creates_a_task_and_prints_the_next_step(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["tasks", "new", "mine", "--like", "speed-small", "--tasks", str(tmp_path / "own")]) == 0
    said = capsys.readouterr()
    assert said.out.strip() == str(tmp_path / "own" / "mine")
    assert "tasks check mine" in said.err
    assert main(["tasks", "new", "again", "--like", "mine", "--tasks", str(tmp_path / "own")]) == 0


def test_the_command_suggests_the_nearest_task_for_an_unknown_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tasks", "check", "code-bugfux"]) == TaskError.exit_code
    assert "did you mean 'code-bugfix'?" in capsys.readouterr().err.replace("\n", " ")


def test_the_command_refuses_a_task_that_cannot_be_scored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = copy_task(find_fixtures() / "code-bugfix", tmp_path, "mine")
    recipe = folder / "task.toml"
    recipe.write_text(recipe.read_text(encoding="utf-8").replace('kind = "calls"', 'kind = "guess"'), encoding="utf-8")
    assert main(["tasks", "check", "mine", "--tasks", str(tmp_path)]) == TaskError.exit_code
    assert "mine/task.toml, line 12: $.scorer.kind: there is no scorer kind 'guess'" in capsys.readouterr().err.replace(
        "\n", " "
    )


class Counting:
    """Counts the jobs, of which those in another language than Python fail."""

    facts = FACTS

    def __init__(self) -> None:
        self.count = 0

    def run(self, job: Job) -> tuple[Observation, ...]:
        self.count += 1
        if job.language != "python":
            raise EngineError("the engine failed")
        return tuple(Observation(case, "returned", self.count) for case, _ in job.cases)


def test_equal_jobs_run_once_and_others_each() -> None:
    counting = Counting()
    cache = JobCache(counting)
    job = Job("python", "calls", "answer.py", {"answer.py": "x = 1"}, (("one", {"call": "f"}),), Limits())
    again = replace(job, files={"answer.py": "x = 1"})
    assert cache.run(job) == cache.run(again) == (Observation("one", "returned", 1),)
    others = [
        replace(job, files={"answer.py": "x = 2"}),
        replace(job, cases=(("one", {"call": "g"}),)),
        replace(job, limits=Limits(case_timeout_s=99.0)),
        replace(job, driver="program"),
    ]
    assert [cache.run(other)[0].value for other in others] == [2, 3, 4, 5]
    assert (counting.count, cache.facts) == (5, FACTS)


def test_a_bounded_cache_forgets_the_job_that_was_asked_for_longest_ago() -> None:
    counting = Counting()
    cache = JobCache(counting, max_jobs=2)
    jobs = [Job("python", "calls", "answer.py", {"answer.py": code}, (("one", {}),), Limits()) for code in "abc"]
    for job in (jobs[0], jobs[1], jobs[0], jobs[2], jobs[0]):
        cache.run(job)
    assert counting.count == 3
    assert cache.run(jobs[1])[0].value == 4


def test_a_job_that_failed_is_run_again_when_it_is_asked_for_again() -> None:
    """The failure is that of an engine, which may be back, and not that of the job."""
    counting = Counting()
    cache = JobCache(counting)
    job = Job("go", "calls", "answer.go", {}, (("one", {"call": "f"}),), Limits())
    for _ in range(2):
        with pytest.raises(EngineError, match="the engine failed"):
            cache.run(job)
    assert counting.count == 2
    other = Job("python", "calls", "answer.py", {}, (("one", {"call": "f"}),), Limits())
    assert cache.run(other) == cache.run(other) == (Observation("one", "returned", 3),)


class Hanging:
    """Each case times out, up to as many as a job may have; the first job waits until it may go on."""

    facts = FACTS

    def __init__(self) -> None:
        self.running, self.may_end = Event(), Event()

    def run(self, job: Job) -> tuple[Observation, ...]:
        self.running.set()
        assert self.may_end.wait(60)
        ran = tuple(Observation(case, "timed_out") for case, _ in job.cases[: job.max_timeouts])
        return (*ran, *job.left_out(TOO_MANY_TIMEOUTS, len(ran)))


def hanging_job(code: str, cases: int) -> Job:
    return Job("python", "calls", "a.py", {"a.py": code}, tuple((f"c{at}", {}) for at in range(cases)), Limits())


def test_a_trial_gets_no_result_that_another_one_had_too_few_timeouts_for() -> None:
    hanging = Hanging()
    hanging.may_end.set()
    cache = JobCache(hanging)
    other = TimeoutBudget(cache)
    other.run(hanging_job("first turn", 2))
    shared = hanging_job("second turn", 3)
    assert [seen.note for seen in other.run(shared)] == [None, *2 * [f"not run: {TOO_MANY_TIMEOUTS}"]]
    assert [seen.note for seen in TimeoutBudget(cache).run(shared)] == [None, None, None]


def test_who_waits_for_a_job_that_times_out_runs_it_with_the_timeouts_of_its_own() -> None:
    hanging = Hanging()
    cache, found = JobCache(hanging), dict[int, tuple[Observation, ...]]()
    job = hanging_job("hangs", 2)

    def ask(max_timeouts: int) -> None:
        found[max_timeouts] = cache.run(replace(job, max_timeouts=max_timeouts))

    threads = [Thread(target=ask, args=(max_timeouts,), daemon=True) for max_timeouts in (1, 2)]
    threads[0].start()
    assert hanging.running.wait(60)
    threads[1].start()
    hanging.may_end.set()
    for thread in threads:
        thread.join(20)
    assert [[seen.note for seen in found[n]] for n in (1, 2)] == [[None, f"not run: {TOO_MANY_TIMEOUTS}"], [None, None]]


class Failing:
    """Fails as nothing that a sandbox declares would, once another thread waits for the same job."""

    facts = FACTS

    def __init__(self) -> None:
        self.running, self.may_fail, self.count = Event(), Event(), 0

    def run(self, job: Job) -> tuple[Observation, ...]:
        self.count += 1
        self.running.set()
        assert self.may_fail.wait(60)
        raise KeyError("give")


def test_whatever_a_job_fails_with_reaches_those_who_wait_for_an_equal_one() -> None:
    sandbox = Failing()
    cache = JobCache(sandbox)
    job = Job("python", "calls", "answer.py", {}, (("one", {"call": "f"}),), Limits())
    # Ends with the test whatever happens: a thread that waited for ever would keep the interpreter from ending.
    found: list[BaseException] = []

    def ask() -> None:
        try:
            cache.run(job)
        except KeyError as error:
            found.append(error)

    threads = [Thread(target=ask, daemon=True) for _ in range(2)]
    threads[0].start()
    assert sandbox.running.wait(60)
    threads[1].start()
    sandbox.may_fail.set()
    for thread in threads:
        thread.join(20)
    assert [type(error) for error in found] == [KeyError, KeyError]
