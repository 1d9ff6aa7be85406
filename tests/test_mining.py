"""Tasks from a repository's own history: which commits give one, what rules others out, and that what is made holds."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from harness.errors import TaskError
from harness.mining import MiningOptions, mine
from harness.mining.candidates import CommitStates, candidates, states_of
from harness.mining.environment import TestEnvironment
from harness.mining.history import MAX_TEXT_BYTES, SUBMODULE, Commit, FileChange, open_history
from harness.mining.npm_requirements import read_npm_requirements
from harness.mining.requirements import read_requirements
from harness.mining.version_module import version_module
from harness.repository_tasks import JAVASCRIPT, LIMITS, PYTHON, RejectionError, diff_answer, ecosystem_of, layout_of
from harness.sandbox import open_sandbox
from harness.score import TestBed, TestRun, run_tests, score
from harness.tasks import load_tasks, readings_of, vary
from harness.types import Outcome

WRONG = 'def add(a, b):\n    return a - b\n\n\ndef braces(name):\n    return f"{{{name}}}"\n'
RIGHT = WRONG.replace("a - b", "a + b")
OLD_TEST = 'from calc import braces\n\n\ndef test_braces():\n    assert braces("x") == "{x}"\n'
NEW_TEST = f"{OLD_TEST}\n\ndef test_add():\n    from calc import add\n\n    assert add(1, 2) == 3\n"
START = {"calc.py": WRONG, "tests/test_calc.py": OLD_TEST, "README.md": "A calculator.\n"}
FIX = {"calc.py": RIGHT, "tests/test_calc.py": NEW_TEST}
MESSAGE = "Add instead of subtracting\n\nSigned-off-by: A <a@example.org>"


def git(folder: Path, *words: str, committed: str = "2026-01-01T00:00:00Z") -> None:
    env = {
        **os.environ,
        "GIT_COMMITTER_DATE": committed,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
    }
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "protocol.file.allow=always")
    subprocess.run(["git", *identity, "-C", str(folder), *words], check=True, capture_output=True, env=env)


def commit(folder: Path, files: dict[str, str | bytes], message: str = MESSAGE) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", message)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q")
    commit(folder, {**START}, "Start with two functions")
    return folder


def newest(repository: Path) -> CommitStates:
    history = open_history(repository)
    return states_of(next(candidates(history, PYTHON, None)), history, PYTHON)


def test_a_commit_that_changes_source_and_tests_has_two_states(repository: Path) -> None:
    commit(repository, {**FIX, "README.md": "A calculator that adds.\n"})
    commit(repository, {"calc.py": RIGHT + "\n\nLATER = 1\n"}, "Add a constant without a test")
    states = newest(repository)
    assert states.before == {**START, "tests/test_calc.py": NEW_TEST}
    assert states.after == {**states.before, "calc.py": RIGHT}
    assert (states.given, states.test_files) == (("calc.py",), ("tests/test_calc.py",))
    assert states.commit.message == "Add instead of subtracting"
    assert "-    return a - b\n+    return a + b\n" in diff_answer(states.before, states.after)


def test_no_commit_before_the_date_is_looked_at(repository: Path) -> None:
    commit(repository, {**FIX})
    git(repository, "commit", "-q", "--amend", "--no-edit", committed="2001-01-01T00:00:00Z")
    assert len(list(candidates(open_history(repository), PYTHON, None))) == 1
    assert list(candidates(open_history(repository), PYTHON, "2010-01-01")) == []


@pytest.mark.parametrize(
    ("files", "message", "reason"),
    [
        ({**FIX, "tests/data.bin": b"\0\1"}, MESSAGE, "changes a binary file"),
        ({**FIX, "calc.py": RIGHT.replace("\n", "\r\n")}, MESSAGE, "changes a file with CRLF line endings"),
        (FIX, "Fix", "its message has fewer than 3 words"),
        ({"tests/test_calc.py": NEW_TEST, "new.py": RIGHT}, MESSAGE, "changes no source file that was there before"),
        ({**FIX, "calc.py": RIGHT + "# " + "x" * 90_000}, MESSAGE, None),
        ({**FIX, "tests/conftest.py": ""}, MESSAGE, None),
        ({**FIX, "old.py": "A = 'a'\n"}, MESSAGE, "changes a binary file or a very large one"),
        ({**FIX, "windows.py": "A = 2\n"}, MESSAGE, "changes a file with CRLF line endings"),
        ({**FIX, "tests/data.csv": "1" * MAX_TEXT_BYTES + "\n"}, MESSAGE, "changes a binary file or a very large one"),
        ({**FIX, "pkg/data.json": "[2]\n"}, MESSAGE, "changes data or other code beside the source"),
        (
            {**FIX, "pkg/test/test_a.py": "", "pkg/test/support.py": "A = 1\n"},
            MESSAGE,
            "changes code without tests in a",
        ),
        (
            {**FIX, "pkg/testing/sub/base.py": "A = 2\n", "pkg/testing/test_a.py": ""},
            MESSAGE,
            "changes code without tests",
        ),
        ({**FIX, "pkg/tests/test_a.py": "", "pkg/tests/help.py": "A = 1\n"}, MESSAGE, None),
        ({**FIX, "pkg/testing/test_a.py": "", "pkg/testing/data.json": "1\n"}, MESSAGE, None),
        (
            {**FIX, "pkg/docs/conf.py": "A = 2\n", "pkg/CHANGES.txt": "It adds.\n", "pkg/LICENSE": "None\n"},
            MESSAGE,
            None,
        ),
        ({**FIX, "pkg/build/fast.c": "int a;\n"}, MESSAGE, "changes data or other code beside the source"),
        ({**FIX, "pkg/{{name}}.py": "A = 1\n"}, MESSAGE, "changes a source file with braces in its path"),
        ({**FIX, "pkg/README.md": "A package.\n", "notes/1.txt": "It adds.\n", "setup.py": ""}, MESSAGE, None),
        ({**FIX, "pkg/py.typed": "", "pkg/locale/fr.po": "", "pkg/calc.pyi": ""}, MESSAGE, None),
    ],
)
def test_what_rules_a_commit_out_is_one_sentence(
    repository: Path, files: dict[str, str | bytes], message: str, reason: str | None
) -> None:
    odd: dict[str, str | bytes] = {"old.py": "A = 'ä'\n".encode("latin-1"), "windows.py": "A = 1\r\n"}
    package = {"pkg/data.json": "[1]\n", "pkg/__init__.py": "", "pkg/testing/sub/base.py": "A = 1\n"}
    commit(repository, {**odd, **package}, "Add what a task cannot have")
    commit(repository, files, message)
    if reason is None:
        assert newest(repository).given == ("calc.py",)
    else:
        with pytest.raises(RejectionError, match=reason):
            newest(repository)


def test_a_commit_that_changes_a_submodule_is_ruled_out(repository: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", str(repository), str(tmp_path / "other"))
    git(repository, "submodule", "-q", "add", str(tmp_path / "other"), "vendored")
    commit(repository, {**FIX})
    with pytest.raises(RejectionError, match="changes a submodule"):
        newest(repository)


def test_what_a_commit_says_of_itself_rules_it_out_before_its_tree_is_listed(repository: Path) -> None:
    history = open_history(repository)
    change = FileChange("calc.py", "M", "100644", "100644")
    vendored = FileChange("vendored", "M", SUBMODULE, SUBMODULE)
    nowhere = "0" * 40
    for changes, message, reason in (((change, vendored), MESSAGE, "submodule"), ((change,), "Fix", "3 words")):
        with pytest.raises(RejectionError, match=reason):
            states_of(Commit(nowhere, nowhere, message, changes), history, PYTHON)


def test_a_commit_that_leads_a_link_elsewhere_is_ruled_out(repository: Path) -> None:
    (repository / "current.py").symlink_to("calc.py")
    commit(repository, {}, "Add a link to the code")
    (repository / "current.py").unlink()
    (repository / "current.py").symlink_to("new.py")
    commit(repository, {"new.py": RIGHT, "tests/test_calc.py": NEW_TEST})
    with pytest.raises(RejectionError, match="changes a link among the source"):
        newest(repository)


@pytest.mark.parametrize(
    "name", ["app/tasks.py", "app/conf.py", "tasks.py", "pkg/testing/helpers.py", "pkg/test/run.py"]
)
def test_a_module_of_any_name_is_part_of_the_change(repository: Path, name: str) -> None:
    commit(repository, {name: "LIMIT = 1\n"}, "Add a module with a limit")
    commit(repository, {**FIX, name: "LIMIT = 2\n"})
    states = newest(repository)
    assert states.given == tuple(sorted((name, "calc.py")))
    assert (states.before[name], states.after[name]) == ("LIMIT = 1\n", "LIMIT = 2\n")


def test_a_folder_belongs_to_tests_by_its_place_or_by_the_tests_that_it_has() -> None:
    paths = [
        "tests/help.py", "pkg/a.py", "pkg/testing/help.py", "pkg/testing/tests/test_a.py", "pkg/testing/tests/data.py",
        "pkg/other/testing/test_b.py", "pkg/other/testing/help.py", "test.py", "pkg/test.py", "app/tests.py",
        "setup.py", "pkg/setup.py", "pkg/docs/conf.py",
    ]  # fmt: skip
    layout = layout_of(PYTHON, paths)
    source = [path for path in paths if layout.is_source(path)]
    assert source == ["pkg/a.py", "pkg/testing/help.py", "pkg/test.py", "pkg/setup.py"]
    assert [path for path in paths if not layout.is_test(path) and path not in source] == [
        "setup.py",
        "pkg/docs/conf.py",
    ]
    scripts = ["spec/a.js", "lib/spec/a.js", "lib/test/a.js", "lib/webpack.js", "lib/a.min.js", "webpack.prod.js"]
    layout = layout_of(JAVASCRIPT, scripts)
    assert [path for path in scripts if layout.is_test(path)] == ["spec/a.js", "lib/test/a.js"]
    assert [path for path in scripts if layout.is_source(path)] == ["lib/spec/a.js", "lib/webpack.js"]


def test_a_large_file_is_not_read_and_the_texts_of_two_trees_are_kept(repository: Path) -> None:
    commit(repository, {"data.csv": "1" * MAX_TEXT_BYTES + "\n"}, "Add a large file of data")
    history = open_history(repository)
    assert history.files("HEAD") == {**START, "data.csv": None}
    for number in range(4):
        commit(repository, {"calc.py": f"A = {number}\n"}, f"Change it {number} times")
        history.files("HEAD")
    kept = {text for texts in history._recent for text in texts.values()}
    assert kept == {"A = 2\n", "A = 3\n", START["tests/test_calc.py"], START["README.md"]}


def test_a_fix_that_is_in_another_file_or_in_the_message_is_a_leak(repository: Path) -> None:
    lines = "    total = a.__add__(b).real\n    checked = total.__int__()\n    return checked.__index__()\n"
    fixed = WRONG.replace("    return a - b\n", lines)
    commit(repository, {"build/calc.orig": fixed}, "Keep a copy of what is built")
    commit(repository, {**FIX, "calc.py": fixed})
    with pytest.raises(RejectionError, match="another file has the lines of the fix"):
        newest(repository)
    commit(repository, {"build/calc.orig": "", "calc.py": WRONG, "tests/test_calc.py": OLD_TEST}, "Take it all back")
    commit(repository, {**FIX, "calc.py": fixed}, f"Add instead of subtracting\n\n{lines}")
    with pytest.raises(RejectionError, match="its message has lines of the fix"):
        newest(repository)


def test_a_module_that_only_a_build_would_write_is_there_before_and_after(repository: Path) -> None:
    manifest = '[tool.hatch]\nbuild.hooks.vcs.version-file = "src/calc/_version.py"\n'
    commit(repository, {"pyproject.toml": manifest}, "Take the version from the history")
    commit(repository, {**FIX})
    states = newest(repository)
    assert states.before["src/calc/_version.py"] == states.after["src/calc/_version.py"]
    assert "version = " in states.before["src/calc/_version.py"]
    assert states.given == ("calc.py",)


@pytest.mark.parametrize(
    ("manifest", "paths"),
    [
        ('[tool.setuptools_scm]\nwrite_to = "calc/version.py"\n', ["calc/version.py"]),
        ('[tool.setuptools_scm]\nversion_file = "calc/there.py"\n', []),
        ('[tool.pdm.version]\nwrite_to = "../calc.py"\n', []),
        ('[tool.versioningit.write]\nfile = "/calc.py"\n', []),
        ('[tool.versioningit.write]\nfile = "VERSION"\n', []),
        ("[tool.setuptools_scm]\nversion_file = 5\n", []),
        ("[tool.hatch]\nbuild = 5\n", []),
    ],
)
def test_only_a_missing_module_within_the_repository_is_written(manifest: str, paths: list[str]) -> None:
    assert list(version_module({"pyproject.toml": manifest, "calc/there.py": ""})) == paths


def test_a_folder_without_history_and_a_shallow_clone_are_refused(repository: Path, tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="no such folder"):
        open_history(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    git(tmp_path / "empty", "init", "-q")
    with pytest.raises(TaskError, match="has no history of commits"):
        open_history(tmp_path / "empty")
    commit(repository, {**FIX})
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{repository}", str(tmp_path / "shallow"))
    with pytest.raises(TaskError, match="is a shallow clone"):
        open_history(tmp_path / "shallow")


def test_a_folder_inside_of_a_repository_is_refused_with_the_repository(repository: Path) -> None:
    for name in ("tests", "new"):
        (repository / name).mkdir(exist_ok=True)
        with pytest.raises(TaskError, match=f"{name}: is a folder inside of the repository") as caught:
            open_history(repository / name)
        assert caught.value.fix == f"name {repository.resolve()}, its top folder"


def test_the_repository_that_is_named_is_read_whatever_a_hook_of_another_one_sets(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(repository, {**FIX})
    (tmp_path / "other").mkdir()
    git(tmp_path / "other", "init", "-q")
    commit(tmp_path / "other", {"a.py": "A = 1\n"}, "Begin the other repository")
    for name in ("GIT_DIR", "GIT_COMMON_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "other" / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path / "other"))
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(tmp_path / "other" / ".git" / "objects"))
    assert newest(repository).commit.subject == "Add instead of subtracting"
    assert open_history(repository).files("HEAD") == {**START, **FIX}


def test_a_repository_of_another_user_is_named_with_the_command_that_trusts_it(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # By this variable git's own tests have it take every repository for that of another user.
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(TaskError, match="fatal: detected dubious ownership in repository") as caught:
        open_history(repository)
    assert "git config" not in str(caught.value)
    advice = f"git config --global --add safe.directory {repository.resolve()}"
    assert caught.value.fix == f"if you trust its owner: {advice}"


@pytest.mark.parametrize("since", ["2025-12-01", "2025-12-01T08:00:00Z", "2025-12-01 08:00", "20 years ago"])
def test_a_date_in_the_past_is_one_of_iso_8601_or_so_long_ago(repository: Path, since: str) -> None:
    commit(repository, {**FIX})
    assert len(list(candidates(open_history(repository), PYTHON, since))) == 1


@pytest.mark.parametrize(
    "since",
    [
        "nonsense",
        "now",
        "2090-01-01",
        "2024-13-45",
        "2023-02-29",
        "6 monthss ago",
        "never",
        "0 days ago",
        "2024-01-31 25:00",
    ],
)
def test_a_date_that_is_none_or_not_in_the_past_is_refused(repository: Path, since: str) -> None:
    commit(repository, {**FIX})
    with pytest.raises(TaskError, match=f"'{since}' is no date in the past") as caught:
        list(candidates(open_history(repository), PYTHON, since))
    assert "2024-01-31" in caught.value.fix


def test_messages_are_read_whatever_encoding_a_repository_prints_them_in(repository: Path) -> None:
    commit(repository, {**FIX}, "Addition für Zahlen, naïv")
    git(repository, "config", "i18n.logOutputEncoding", "ISO-8859-1")
    assert newest(repository).commit.message == "Addition für Zahlen, naïv"


def test_no_character_of_a_message_or_a_path_ends_the_reading(repository: Path) -> None:
    commit(repository, {**FIX}, "Add \x01 and \x02, \x1e\n\n:100644 100644 a b M\n\x01x")
    commit(repository, {":100644 \x01": "a", "b\nc": "b"}, "Add odd names")
    git(repository, "commit", "-q", "--allow-empty", "--allow-empty-message", "-m", "")
    git(repository, "commit", "-q", "--allow-empty", "-m", "Change nothing")
    found = list(open_history(repository).commits(None))
    assert [each.message for each in found] == [
        "Change nothing",
        "",
        "Add odd names",
        "Add \x01 and \x02, \x1e\n\n:100644 100644 a b M\n\x01x",
    ]
    assert [[(change.status, change.path) for change in each.changes] for each in found] == [
        [],
        [],
        [("A", ":100644 \x01"), ("A", "b\nc")],
        [("M", "calc.py"), ("M", "tests/test_calc.py")],
    ]


@pytest.mark.parametrize(
    ("message", "kept"),
    [
        ("Fixes the wrong rounding of numbers", "Fixes the wrong rounding of numbers"),
        ("Closes files when reading ends\n\nFixes #12, #13 and a/b#4.", "Closes files when reading ends"),
        ("Fixes #12: round up", "Fixes #12: round up"),
        ("CC options are passed once\n\nCc: a@example.org", "CC options are passed once"),
        ('Add a\n\nFixes: https://example.org/1\ncloses gh-7\nFixes: abcdef0 ("Add b")', "Add a"),
        ("Add a\n\n(cherry picked from commit abcdef0)\nReviewed-by: A\nMore", "Add a\n\nMore"),
    ],
)
def test_only_trailers_are_taken_out_of_a_message(repository: Path, message: str, kept: str) -> None:
    commit(repository, {**FIX}, message)
    assert next(open_history(repository).commits(None)).message == kept


def test_requirements_are_read_and_nothing_is_executed() -> None:
    needs = read_requirements(
        {
            "pyproject.toml": '[project]\nname = "calc"\nversion = "2"\ndependencies = ["six>=1", "calc"]\n'
            '[dependency-groups]\ntest = ["hypothesis", "pytest-cov"]\ndocs = ["furo"]\n',
            "setup.py": "from setuptools import setup\nraise SystemExit\nsetup(tests_require=['freezegun'])\n",
            "requirements-test.txt": "-e .\nfaker==1.0  # names\nhttps://example.org/x.whl\n",
            "uv.lock": '[[package]]\nname = "six"\nversion = "1.16.0"\n',
        }
    )
    assert needs.packages == ("six>=1", "hypothesis", "freezegun", "faker==1.0")
    assert (needs.pins, needs.distribution) == (("six==1.16.0",), "calc==2")


@pytest.mark.parametrize(
    "text",
    [
        'project = "x"\ntool = 5\ndependency-groups = "x"',
        "[project]\nname = 5\nversion = 5\ndependencies = 5\noptional-dependencies = [5]",
        '[project]\ndependencies = "six"\noptional-dependencies = {test = "six", tests = {six = "1"}}',
        '[tool]\npoetry = "x"\npdm = [1]\nhatch = {envs = [1]}',
        '[tool]\npoetry = {dependencies = ["six"], dev-dependencies = 5, group = {test = "x", a = {dependencies = 5}}}',
        'tool = {pdm = {dev-dependencies = ["six"]}, hatch = {envs = {test = 5, default = {dependencies = "six"}}}}',
        f"project = {{name = {'7' * 5000}}}",
        f"project = {'[' * 5000}",
    ],
)
def test_a_pyproject_with_other_types_than_it_should_have_asks_for_nothing(text: str) -> None:
    needs = read_requirements({"pyproject.toml": text, "setup.py": f"setup(name='calc', url={'-' * 3000}1)"})
    assert (needs.packages, needs.pins) == ((), ())
    assert needs.distribution in ("", "calc==0.0.0")


def test_what_documentation_and_benchmarks_need_is_not_asked_for() -> None:
    paths = ["docs/requirements.txt", "benchmarks/requirements.txt", ".ci/requirements.txt", "requirements/base.txt"]
    files = {path: f"{path.split('/')[0].strip('.')}-package\n" for path in paths}
    assert read_requirements({**files}).packages == ("requirements-package",)


def test_what_has_the_right_type_counts_beside_what_has_not() -> None:
    text = """
project = {name = "calc", version = "1 2", dependencies = ["six", 5], optional-dependencies = {a = 5, test = ["a"]}}
dependency-groups = {tests = [{include-group = "lint"}, "b"]}
tool = {pdm = 5, hatch = {envs = {x = 5, hatch-test = {dependencies = 5, extra-dependencies = ["c"]}}}, poetry = []}
"""
    needs = read_requirements({"pyproject.toml": text})
    assert (needs.packages, needs.distribution) == (("six", "a", "b", "c"), "calc==0.0.0")


@pytest.mark.engine
def test_a_mined_task_holds_and_other_commits_are_counted(repository: Path, tmp_path: Path) -> None:
    commit(repository, {**FIX})
    other = {"calc.py": f"{RIGHT}\nZERO = 0\n", "tests/test_calc.py": f"{NEW_TEST}\n\n"}
    commit(repository, {**other}, "Change nothing of it")
    lines: list[str] = []
    with open_sandbox("test-mining", lines.append, ["python"]) as sandbox:
        options = MiningOptions(None, 20, sandbox.architecture)
        report = mine(repository, tmp_path / "tasks", options, sandbox, lines.append)
        (task,) = load_tasks([tmp_path / "tasks"])
        variant = vary(task, 0)
        fix = "calc.py\n<<<<<<< SEARCH\n    return a - b\n=======\n    return a + b\n>>>>>>> REPLACE\n"
        assert score(variant, readings_of([fix]), sandbox).outcome is Outcome.PASSED
        hook = f"{fix}\n`sitecustomize.py`:\n\n```python\npass\n```\n"
        assert [check.name for check in score(variant, readings_of([hook]), sandbox).checks if check.passed] == []
    assert report.tasks == [task.name]
    assert dict(report.reasons) == {"no test fails before the change and passes after it": 1}
    tests = [list(case.give["tests"]) for case in variant.cases]
    assert tests == [["tests/test_calc.py::test_add"], ["tests/test_calc.py::test_braces"]]
    assert variant.files["calc.py"] == WRONG
    assert task.private_includes
    assert not list((tmp_path / "tasks").glob(".*"))


PACKAGE = (
    '{"name": "calc", "scripts": {"test": "npm run lint && npm run tests-only", "tests-only": "nyc mocha -r should"},'
    ' "dependencies": {"ms": "^2"}, "devDependencies": {"mocha": "^10", "should": "13", "eslint": "8", "@a/b": "1",'
    ' "local": "file:../local"}}'
)


def test_what_the_tests_of_javascript_need_is_read_and_nothing_is_executed() -> None:
    files = {"package.json": PACKAGE, "test/calc.js": "const b = require('@a/b/sub')\nimport x from 'local'\n"}
    needs = read_npm_requirements({**files, "package-lock.json": "{}"})
    assert (needs.runner, needs.preload, needs.lock) == ("mocha", ("should",), "{}")
    assert dict(needs.dependencies) == {"@a/b": "1", "mocha": "^10", "ms": "^2", "should": "13"}
    assert read_npm_requirements({"package.json": '{"scripts": {"test": "node --test"}}'}).runner == "node"
    removes = PACKAGE.replace("npm run lint", "rm -r build")
    assert read_npm_requirements({"package.json": removes}).preload == ("should",)
    with pytest.raises(TaskError, match="jest starts its tests"):
        read_npm_requirements({"package.json": '{"scripts": {"test": "jest --ci"}}'})


@pytest.mark.parametrize(
    ("scripts", "runner"),
    [
        ({"test": "yarn unit", "unit": "mocha"}, "mocha"),
        ({"test": "pnpm run unit", "unit": "node --test"}, "node"),
        ({"test": "npm -s run unit -- --bail", "unit": "nyc node_modules/.bin/_mocha"}, "mocha"),
        ({"test": "yarn lint && yarn mocha", "lint": "jest"}, "mocha"),
        ({"test": "eslint --env jest . && mocha"}, "mocha"),
        ({"test": "npx eslint --env mocha . && jest"}, None),
        ({"test": "npm run lint && npm run tape:all", "lint": "xo", "tape:all": "jest"}, None),
        ({"test": "npm run mocha", "mocha": "jest --ci"}, None),
        ({"test": "jest --config .mocharc && echo no-mocha"}, None),
        ({"test": "yarn eslint --env mocha . && jest"}, None),
        ({"test": "npx --no-install eslint --env mocha . && jest"}, None),
        ({"test": "cross-env A=1 eslint --env mocha . && jest"}, None),
        ({"test": "npm exec eslint -- --env mocha . && jest"}, None),
        ({"test": "(eslint --env mocha .) && jest"}, None),
        ({"test": "jest test/tape"}, None),
        ({"test": "jest --config test/mocha/jest.config.js || echo 'no; mocha failed'"}, None),
        ({"test": "npm --prefix tape run unit", "unit": "jest"}, None),
        ({"test": "nyc --include test/tape jest"}, None),
        ({"test": "node -r mocha test/tape.js && node node_modules/jest/bin/jest.js"}, None),
        (
            {"test": "A=1 cross-env B='2 3' nyc --reporter lcov npm run unit -- -x", "unit": "npx -p tap tape a.js"},
            "tape",
        ),
        ({"test": "istanbul cover node_modules/.bin/_mocha -- -R spec"}, "mocha"),
        ({"test": "node -r esm ./node_modules/mocha/bin/mocha.js"}, "mocha"),
        ({"test": "concurrently 'npm run lint' \"npm run unit\"", "unit": "tape it's.js"}, "tape"),
        ({"test": "eslint . &&(cross-env A=1 node --experimental-a --test)"}, "node"),
    ],
)
def test_the_runner_is_the_one_that_the_scripts_start(scripts: dict[str, str], runner: str | None) -> None:
    files = {"package.json": json.dumps({"scripts": scripts, "devDependencies": {"mocha": "10", "jest": "29"}})}
    if runner is None:
        with pytest.raises(TaskError, match="jest starts its tests"):
            read_npm_requirements(files)
    else:
        assert read_npm_requirements(files).runner == runner


def test_the_files_of_javascript_are_tests_source_or_neither() -> None:
    paths = ["index.js", "lib/a.mjs", "test/a.js", "lib/a.spec.cjs", "test.js", "dist/a.js", "rollup.config.js", "a.ts"]
    layout = layout_of(JAVASCRIPT, paths)
    assert [path for path in paths if layout.is_source(path)] == ["index.js", "lib/a.mjs"]
    assert [path for path in paths if layout.holds_tests(path)] == ["test/a.js", "lib/a.spec.cjs", "test.js"]
    assert ecosystem_of([*paths, "package.json"]) is JAVASCRIPT
    assert ecosystem_of(["setup.py", "calc.py", "package.json"]) is PYTHON


def test_a_commit_of_a_time_with_another_runner_is_ruled_out(repository: Path) -> None:
    start = {"package.json": '{"scripts": {"test": "jest"}}', "add.js": "// adds\n", "add.test.js": "test\n"}
    commit(repository, {**start}, "Begin with a script")
    commit(repository, {"add.js": "// adds\nmodule.exports = 1\n", "add.test.js": "tests\n"})
    history = open_history(repository)
    states = states_of(next(candidates(history, JAVASCRIPT, None)), history, JAVASCRIPT)
    assert (states.given, states.test_files) == (("add.js",), ("add.test.js",))
    with pytest.raises(RejectionError, match="for another runner"):
        TestEnvironment(JAVASCRIPT, (), runner="node").bed(states)


NODE_TESTS = """\
import { describe, it, test } from 'node:test'
import { add } from './calc.mjs'

describe('add', () => {
  it('adds', () => { if (add(1, 2) !== 3) throw new Error('no sum') })
  it('takes strings', () => { if (add('a', 'b') !== 'ab') throw new Error('no string') })
})
test.skip('later', () => {})
console.log('{"a line": "of the tests"}')
"""


@pytest.mark.engine
def test_each_test_of_node_has_its_end() -> None:
    files = {
        "calc.mjs": "export const add = (a, b) => +a + +b\n",
        "calc.test.mjs": NODE_TESTS,
        "exits.test.js": "process.exit(0)\n",
        "lacks.test.js": "require('nothing')\n",
    }
    bed = TestBed(files=files, test_files=tuple(files)[1:], runner="node", limits=LIMITS)
    with open_sandbox("test-mining-node", print, ["javascript"]) as sandbox:
        (run,) = run_tests(bed, [TestRun(env={"TZ": "JST-9"})], sandbox)
    assert run.tests == {
        "calc.test.mjs::add > adds": "passed",
        "calc.test.mjs::add > takes strings": "failed",
        "calc.test.mjs::later": "skipped",
        "exits.test.js": "not collected",
        "lacks.test.js": "not collected",
    }
    assert run.canary == "failed"
    assert "no string" in run.messages["calc.test.mjs::add > takes strings"]
    assert "Cannot find module 'nothing'" in run.messages["lacks.test.js"]
    assert run.seconds is not None
