"""Instances of SWE-bench: which rows and patches are refused, and that an answer becomes a patch that git applies."""

from pathlib import Path

import pytest

from harness.errors import DownloadError, TaskError
from harness.score import answer_patch
from harness.swebench import read_instances, row_of, task_name_of, write_tasks
from harness.swebench.repositories import ExcludedInstanceError, changed_paths, needed_files
from harness.tasks import load_tasks, readings_of, vary
from harness.types import Json, Variant
from tests.git_server import serve_repositories
from tests.official import FILES, RIGHT, WRONG, diff, git, make_repository, make_row, write_rows

FIX = "calc.py\n<<<<<<< SEARCH\n    return a - b\n=======\n    return a + b\n>>>>>>> REPLACE\n"


@pytest.fixture
def commit(tmp_path: Path) -> str:
    return make_repository(tmp_path / "repositories" / "example" / "calc")


def variants_of(tmp_path: Path, *rows: Json) -> list[Variant]:
    source = read_instances(write_rows(tmp_path / "rows.jsonl", list(rows)), ())
    names, excluded = write_tasks(source, tmp_path / "tasks", [tmp_path / "repositories"], print)
    assert excluded == ()
    return [vary(task, 0) for task in load_tasks([tmp_path / "tasks"], names=names)]


def apply(tmp_path: Path, patch: str) -> dict[str, str]:
    """The repository's files after `git apply`."""
    folder = tmp_path / "applied"
    make_repository(folder)
    (tmp_path / "patch.diff").write_bytes(patch.encode())
    git(folder, "apply", "--whitespace=nowarn", str(tmp_path / "patch.diff"))
    return {path.name: path.read_bytes().decode() for path in folder.iterdir() if path.is_file()}


def test_an_instance_asks_for_the_issue_with_the_files_of_the_official_solution(tmp_path: Path, commit: str) -> None:
    (variant,) = variants_of(tmp_path, make_row(commit))
    assert dict(variant.files) == {"calc.py": WRONG}
    prompt = variant.turns[0]
    assert "`add(1, 2)` gives -1, and {{braces}} stay." in prompt
    assert WRONG.rstrip() in prompt
    assert not any(text in prompt for text in ("It is the sign.", "test_add", RIGHT))
    assert row_of(variant.task)["FAIL_TO_PASS"] == ["test_calc.py::test_add"]
    assert not variant.task.scored
    assert apply(tmp_path, answer_patch(variant, readings_of([FIX])))["calc.py"] == RIGHT


def test_a_file_with_crlf_line_endings_keeps_them(tmp_path: Path, commit: str) -> None:
    new = FILES["windows.py"].replace("1", "3")
    (variant,) = variants_of(
        tmp_path, make_row(commit, patch=diff({"windows.py": FILES["windows.py"]}, {"windows.py": new}))
    )
    edit = "windows.py\n<<<<<<< SEARCH\nA = 1\n=======\nA = 3\n>>>>>>> REPLACE\n"
    assert apply(tmp_path, answer_patch(variant, readings_of([edit])))["windows.py"] == new


def test_an_answer_may_add_files_to_the_repository_and_to_nothing_else(tmp_path: Path, commit: str) -> None:
    (variant,) = variants_of(tmp_path, make_row(commit))
    block = "{}\n<<<<<<< SEARCH\n=======\nx = 1\n>>>>>>> REPLACE\n"
    assert "+++ b/more.py" in answer_patch(variant, readings_of([FIX + block.format("more.py")]))
    for path in ("../outside.py", ".git/hooks.py", "sub/.GIT/hooks.py"):
        assert answer_patch(variant, readings_of([FIX + block.format(path)])) == ""
    assert answer_patch(variant, readings_of(["I do not know."])) == ""


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"instance_id": "../x"}, "has no instance_id"),
        ({"repo": "https://example.org/x"}, "repo is not OWNER/NAME"),
        ({"base_commit": "--upload-pack=x"}, "base_commit is not"),
        ({"problem_statement": " "}, "has no problem_statement"),
        ({"FAIL_TO_PASS": "[1"}, "FAIL_TO_PASS is no list of tests"),
        ({"PASS_TO_PASS": [1]}, "PASS_TO_PASS is no list of tests"),
        ({"hints_text": "\ud800"}, "hints_text is not Unicode"),
    ],
)
def test_a_row_that_is_wrong_is_named_by_its_line(tmp_path: Path, changes: dict[str, Json], message: str) -> None:
    rows = [make_row("0" * 40, instance_id="good"), make_row("0" * 40, **changes)]
    with pytest.raises(TaskError, match=f"line 2: .*{message}"):
        read_instances(write_rows(tmp_path / "rows.jsonl", rows), ())


def test_duplicates_and_unknown_ids_are_named(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "rows.jsonl", [make_row("0" * 40), make_row("0" * 40)])
    with pytest.raises(TaskError, match="line 2: the id 'example__calc-1' is a duplicate"):
        read_instances(path, ())
    with pytest.raises(TaskError, match="has no instance 'other'"):
        read_instances(path, ["other"])


@pytest.mark.parametrize(
    ("patch", "reason"),
    [
        ("--- a/calc.py\n+++ b/calc.py\n@@ -1 +1 @@\n-a\n+b\n", "no diff in git's form"),
        ("diff --git a/../x b/../x\n--- a/../x\n+++ b/../x\n@@ -1 +1 @@\n-a\n+b\n", "outside of the tree"),
        ('diff --git "a/\\303.py" "b/\\303.py"\n', "no diff in git's form"),
        ("diff --git a/x.bin b/x.bin\nGIT binary patch\nliteral 1\n", "binary file"),
        ("diff --git a/x.py b/y.py\nrename from x.py\nrename to y.py\n", "renames a file"),
        ("diff --git a/.github/x.yml b/.github/x.yml\n", "hidden file"),
    ],
)
def test_a_patch_that_no_answer_could_be_is_left_out(patch: str, reason: str) -> None:
    with pytest.raises(ExcludedInstanceError, match=reason):
        changed_paths(patch)


def test_an_instance_without_its_files_is_left_out_and_one_without_its_commit_is_an_error(
    tmp_path: Path, commit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANEBENCH_NO_DOWNLOAD", "1")
    monkeypatch.setenv("LANEBENCH_CACHE", str(tmp_path / "cache"))
    rows = [make_row(commit, patch=diff({}, {"new.py": "x = 1\n"})), make_row("0" * 40, instance_id="gone")]
    new, gone = read_instances(write_rows(tmp_path / "rows.jsonl", rows), ()).instances
    with pytest.raises(ExcludedInstanceError, match="no file that is there before"):
        needed_files(new, [tmp_path / "repositories"], print)
    with pytest.raises(DownloadError, match="commit 000000000000 of example/calc is in no folder"):
        needed_files(gone, [tmp_path / "repositories"], print)


def configure_git(monkeypatch: pytest.MonkeyPatch, **settings: str) -> None:
    monkeypatch.setenv("GIT_CONFIG_COUNT", str(len(settings)))
    for number, (name, value) in enumerate(settings.items()):
        monkeypatch.setenv(f"GIT_CONFIG_KEY_{number}", name)
        monkeypatch.setenv(f"GIT_CONFIG_VALUE_{number}", value)


def test_a_commit_that_is_in_no_folder_is_fetched_once(
    tmp_path: Path, commit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LANEBENCH_NO_DOWNLOAD", raising=False)
    monkeypatch.setenv("LANEBENCH_CACHE", str(tmp_path / "cache"))
    source = tmp_path / "repositories" / "example" / "calc"
    source.with_name("calc.git").symlink_to(source / ".git")
    (instance,) = read_instances(write_rows(tmp_path / "rows.jsonl", [make_row(commit)]), ()).instances
    lines: list[str] = []
    with serve_repositories(tmp_path / "repositories", tmp_path) as (address, certificate):
        monkeypatch.setenv("GIT_SSL_CAINFO", str(certificate))
        monkeypatch.setenv("NO_PROXY", "localhost")
        configure_git(monkeypatch, **{f"url.{address}/.insteadOf": "https://github.com/"})
        assert needed_files(instance, [], lines.append) == {"calc.py": WRONG}
    # The server is gone: the second time nothing is fetched.
    assert needed_files(instance, [], lines.append) == {"calc.py": WRONG}
    assert len(lines) == 1


def test_a_commit_is_fetched_over_https_alone(tmp_path: Path, commit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LANEBENCH_NO_DOWNLOAD", raising=False)
    monkeypatch.setenv("LANEBENCH_CACHE", str(tmp_path / "cache"))
    (tmp_path / "repositories" / "example" / "calc").rename(tmp_path / "repositories" / "example" / "calc.git")
    (instance,) = read_instances(write_rows(tmp_path / "rows.jsonl", [make_row(commit)]), ()).instances
    configure_git(monkeypatch, **{f"url.file://{tmp_path}/repositories/.insteadOf": "https://github.com/"})
    with pytest.raises(DownloadError, match="transport 'file' not allowed"):
        needed_files(instance, [], print)


def test_an_official_solution_that_does_not_fit_is_left_out(tmp_path: Path, commit: str) -> None:
    row = make_row(commit, patch=diff({"calc.py": "other\n"}, {"calc.py": "another\n"}))
    source = read_instances(write_rows(tmp_path / "rows.jsonl", [row]), ())
    names, (excluded,) = write_tasks(source, tmp_path / "tasks", [tmp_path / "repositories"], print)
    assert (names, excluded.reason) == ((), "its patch does not apply to the files of its commit")
    assert list((tmp_path / "tasks").iterdir()) == []


def test_an_instance_that_cannot_be_a_task_is_left_out_and_the_others_stay(tmp_path: Path) -> None:
    names = ("__pycache__/a.py", "{{cookiecutter.name}}/a.py")
    for name in names:
        (tmp_path / "repositories" / "example" / "calc" / name).parent.mkdir(parents=True)
        (tmp_path / "repositories" / "example" / "calc" / name).write_text("A = 1\n", encoding="utf-8")
    commit = make_repository(tmp_path / "repositories" / "example" / "calc")
    odd = [
        make_row(commit, instance_id=f"odd-{number}", patch=diff({name: "A = 1\n"}, {name: "A = 2\n"}))
        for number, name in enumerate(names)
    ]
    source = read_instances(write_rows(tmp_path / "rows.jsonl", [*odd, make_row(commit)]), ())
    written, excluded = write_tasks(source, tmp_path / "tasks", [tmp_path / "repositories"], print)
    assert written == ("swe-example-calc-1",)
    assert [each.reason for each in excluded] == [
        "cannot be written as a task: swe-odd-0/files: there is no file to change",
        "its patch changes a file with braces in its path: {{cookiecutter.name}}/a.py",
    ]


def test_a_folder_of_the_users_with_the_name_of_a_task_is_not_replaced(tmp_path: Path, commit: str) -> None:
    source = read_instances(write_rows(tmp_path / "rows.jsonl", [make_row(commit)]), ())
    (tmp_path / "tasks" / "swe-example-calc-1").mkdir(parents=True)
    (tmp_path / "tasks" / "swe-example-calc-1" / "notes.md").write_text("mine\n", encoding="utf-8")
    with pytest.raises(TaskError, match="swe-example-calc-1: is from elsewhere"):
        write_tasks(source, tmp_path / "tasks", [tmp_path / "repositories"], print)
    assert (tmp_path / "tasks" / "swe-example-calc-1" / "notes.md").is_file()


def test_long_names_of_tasks_stay_apart() -> None:
    first, second = (task_name_of(f"example__{'x' * 80}-{number}") for number in (1, 2))
    assert first != second
    assert len(first) <= 64
